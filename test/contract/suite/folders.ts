import assert from 'node:assert/strict';
import type { Files } from '../../../src/host/host.ts';
import type { Sentence } from '../suite.ts';

const mode = async (files: Files, path: string) => (await files.stat(path))?.mode.toString(8);

export const folderSentences: readonly Sentence[] = [
  {
    title: 'files: rename replaces a file, a symlink or an empty folder',
    async check({ host: { files }, dir }) {
      await files.write(`${dir}/new`, 'new');
      await files.write(`${dir}/old`, 'old');
      await files.rename(`${dir}/new`, `${dir}/old`);
      await files.symlink('old', `${dir}/link`);
      await files.rename(`${dir}/old`, `${dir}/link`);
      await files.rename(`${dir}/link`, `${dir}/link`);
      await files.mkdir(`${dir}/full/inside`);
      await files.mkdir(`${dir}/empty`);
      await files.rename(`${dir}/full`, `${dir}/empty`);
      assert.equal(await files.readText(`${dir}/link`), 'new');
      assert.deepEqual(await files.list(dir), ['empty', 'link']);
      assert.deepEqual(await files.list(`${dir}/empty`), ['inside']);
    },
  },
  {
    title: 'files: rename refuses what would lose or swallow something',
    async check({ host: { files }, dir }) {
      await files.write(`${dir}/f`, '');
      await files.mkdir(`${dir}/full/inside`);
      await files.mkdir(`${dir}/d`);
      await assert.rejects(files.rename(`${dir}/d`, `${dir}/full`), { code: 'ENOTEMPTY' });
      await assert.rejects(files.rename(`${dir}/f`, `${dir}/d`), { code: 'EISDIR' });
      await assert.rejects(files.rename(`${dir}/d`, `${dir}/f`), { code: 'ENOTDIR' });
      await assert.rejects(files.rename(`${dir}/full`, `${dir}/full/inside/x`), { code: 'EINVAL' });
      await assert.rejects(files.rename(`${dir}/none`, `${dir}/x`), { code: 'ENOENT' });
      await assert.rejects(files.rename(`${dir}/f`, `${dir}/none/x`), { code: 'ENOENT' });
      assert.deepEqual(await files.list(dir), ['d', 'f', 'full']);
    },
  },
  {
    title: 'files: remove takes a file, a whole folder, or a symlink but not its target; what is missing is well',
    async check({ host: { files }, dir }) {
      await files.mkdir(`${dir}/kept`);
      await files.write(`${dir}/kept/f`, '');
      await files.mkdir(`${dir}/tree/deep`);
      await files.write(`${dir}/tree/deep/f`, '');
      await files.symlink('kept', `${dir}/link`);
      await files.symlink('../kept', `${dir}/tree/link`);
      for (const name of ['link', 'tree', 'none', 'none/none', 'kept/f/none']) await files.remove(`${dir}/${name}`);
      assert.deepEqual(await files.list(dir), ['kept']);
      assert.deepEqual(await files.list(`${dir}/kept`), ['f']);
      await files.remove(`${dir}/kept/f`);
      assert.deepEqual(await files.list(`${dir}/kept`), []);
    },
  },
  {
    title: 'files: mkdir makes all folders with the mode, and leaves those that exist alone',
    async check({ host: { files }, dir }) {
      await files.mkdir(`${dir}/a`, 0o700);
      await files.mkdir(`${dir}/a/b/c`, 0o1777);
      await files.mkdir(`${dir}/usual`);
      await files.symlink('a', `${dir}/link`);
      await files.mkdir(`${dir}/link/d`);
      await files.mkdir(`${dir}/link`);
      assert.equal(await mode(files, `${dir}/a`), '700');
      assert.equal(await mode(files, `${dir}/a/b`), '1777');
      assert.equal(await mode(files, `${dir}/a/b/c`), '1777');
      assert.equal(await mode(files, `${dir}/usual`), '755');
      assert.equal(await mode(files, `${dir}/a/d`), '755');
    },
  },
  {
    title: 'files: mkdir refuses where something else is in the way',
    async check({ host: { files }, dir }) {
      await files.write(`${dir}/f`, '');
      await files.symlink('nowhere', `${dir}/dangling`);
      await assert.rejects(files.mkdir(`${dir}/f`), { code: 'EEXIST' });
      await assert.rejects(files.mkdir(`${dir}/f/x`), { code: 'ENOTDIR' });
      await assert.rejects(files.mkdir(`${dir}/dangling`), { code: 'EEXIST' });
      await assert.rejects(files.mkdir(`${dir}/dangling/x`), { code: 'EEXIST' });
    },
  },
  {
    title: 'files: list sorts names by their bytes',
    async check({ host: { files }, dir }) {
      const names = ['.hidden', 'B', 'a', 'b', 'é', '\u{ff21}', '\u{1f600}'];
      for (const name of names.toReversed()) await files.write(`${dir}/${name}`, '');
      assert.deepEqual(await files.list(dir), names);
      await assert.rejects(files.list(`${dir}/a`), { code: 'ENOTDIR' });
      await assert.rejects(files.list(`${dir}/none`), { code: 'ENOENT' });
    },
  },
];
