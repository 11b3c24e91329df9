import assert from 'node:assert/strict';
import type { Files } from '../../../src/host/host.ts';
import type { Sentence } from '../suite.ts';
import { bytesOf } from './bytes.ts';

const mode = async (files: Files, path: string) => (await files.stat(path))?.mode.toString(8);

export const fileSentences: readonly Sentence[] = [
  {
    title: 'files: write makes a file with the mode asked for, else 644, whatever the umask',
    async check({ host: { files }, dir }) {
      await files.write(`${dir}/usual`, 'text');
      await files.write(`${dir}/open`, new Uint8Array([0, 255]), { mode: 0o666 });
      await files.write(`${dir}/secret`, '', { mode: 0o600 });
      assert.equal(await files.readText(`${dir}/usual`), 'text');
      assert.deepEqual([...(await files.read(`${dir}/open`))], [0, 255]);
      assert.deepEqual(
        [await mode(files, `${dir}/usual`), await mode(files, `${dir}/open`), await mode(files, `${dir}/secret`)],
        ['644', '666', '600'],
      );
    },
  },
  {
    title: 'files: write replaces content and mode, and leaves no other name behind',
    async check({ host: { files }, dir }) {
      await files.write(`${dir}/f`, 'a long first text', { mode: 0o600 });
      await files.write(`${dir}/f`, 'short');
      assert.equal(await files.readText(`${dir}/f`), 'short');
      assert.equal(await mode(files, `${dir}/f`), '644');
      assert.deepEqual(await files.list(dir), ['f']);
    },
  },
  {
    title: 'files: readRegular gives a file of bounded size, also behind a link, and waits for no pipe and no device',
    async check({ host: { files }, dir, specials }) {
      await files.write(`${dir}/f`, 'text', { mode: 0o640 });
      await files.symlink('f', `${dir}/link`);
      await files.symlink(`${specials}/fifo`, `${dir}/to-fifo`);
      for (const name of ['f', 'link']) {
        const { bytes, stat } = await files.readRegular(`${dir}/${name}`, 4);
        assert.deepEqual([bytes.toString(), stat.type, stat.mode], ['text', 'file', 0o640]);
      }
      await assert.rejects(files.readRegular(`${dir}/f`, 3), { code: 'EFBIG' });
      await assert.rejects(files.readRegular(dir, 3), { code: 'EISDIR' });
      await assert.rejects(files.readRegular(`${dir}/none`, 3), { code: 'ENOENT' });
      for (const path of [`${dir}/to-fifo`, `${specials}/fifo`, `${specials}/char`, `${specials}/block`])
        await assert.rejects(files.readRegular(path, 3), { code: 'EINVAL' });
    },
  },
  {
    title: 'files: a write that finds no room leaves the old content and no temporary file',
    async check({ host: { files }, dir, tooManyBytes }) {
      await files.write(`${dir}/f`, 'old');
      await assert.rejects(files.write(`${dir}/f`, Buffer.alloc(tooManyBytes)), {
        code: 'ENOSPC',
        path: `${dir}/f`,
      });
      assert.equal(await files.readText(`${dir}/f`), 'old');
      assert.deepEqual(await files.list(dir), ['f']);
    },
  },
  {
    title: 'files: write refuses to replace a folder, and leaves no temporary file',
    async check({ host: { files }, dir }) {
      await files.mkdir(`${dir}/d`);
      await assert.rejects(files.write(`${dir}/d`, 'x'), { code: 'EISDIR' });
      assert.deepEqual(await files.list(dir), ['d']);
    },
  },
  {
    title: 'files: write needs the folder above',
    async check({ host: { files }, dir }) {
      await files.write(`${dir}/f`, '');
      await assert.rejects(files.write(`${dir}/none/f`, 'x'), { code: 'ENOENT' });
      await assert.rejects(files.write(`${dir}/f/x`, 'x'), { code: 'ENOTDIR' });
    },
  },
  {
    title: 'files: write replaces a symlink, not what it points to',
    async check({ host: { files }, dir }) {
      await files.write(`${dir}/target`, 'kept');
      await files.symlink('target', `${dir}/link`);
      await files.write(`${dir}/link`, 'new');
      assert.equal((await files.stat(`${dir}/link`))?.type, 'file');
      assert.equal(await files.readText(`${dir}/target`), 'kept');
    },
  },
  {
    title: 'files: reading follows symlinks: relative, absolute, through folders, with ..',
    async check({ host: { files }, dir }) {
      await files.mkdir(`${dir}/a/b`);
      await files.write(`${dir}/f`, 'here');
      await files.symlink('../../f', `${dir}/a/b/relative`);
      await files.symlink(`${dir}/a`, `${dir}/absolute`);
      await files.symlink('absolute/b', `${dir}/chain`);
      for (const path of ['a/b/relative', 'absolute/b/relative', 'chain/relative', 'chain/../../f'])
        assert.equal(await files.readText(`${dir}/${path}`), 'here', path);
    },
  },
  {
    title: 'files: reading fails as the kernel does: missing, a folder, below a file, a loop',
    async check({ host: { files }, dir }) {
      await files.write(`${dir}/f`, '');
      await files.symlink('loop', `${dir}/loop`);
      await files.symlink('nowhere', `${dir}/dangling`);
      await assert.rejects(files.read(`${dir}/none`), { code: 'ENOENT' });
      await assert.rejects(files.readText(`${dir}/dangling`), { code: 'ENOENT' });
      await assert.rejects(files.read(dir), { code: 'EISDIR' });
      await assert.rejects(files.read(`${dir}/f/x`), { code: 'ENOTDIR' });
      await assert.rejects(files.read(`${dir}/loop`), { code: 'ELOOP' });
    },
  },
  {
    title: 'files: append adds to the end, and makes the file, also where a dangling symlink points',
    async check({ host: { files }, dir }) {
      await files.append(`${dir}/f`, 'one ');
      await files.append(`${dir}/f`, Buffer.from('two'));
      await files.symlink('behind', `${dir}/link`);
      await files.append(`${dir}/link`, 'three');
      assert.equal(await files.readText(`${dir}/f`), 'one two');
      assert.equal(await files.readText(`${dir}/behind`), 'three');
      await assert.rejects(files.append(dir, 'x'), { code: 'EISDIR' });
      await assert.rejects(files.append(`${dir}/none/f`, 'x'), { code: 'ENOENT' });
    },
  },
  {
    title: 'files: a symlink keeps its target as written, and never replaces a name',
    async check({ host: { files }, dir }) {
      await files.symlink('../over//there/', `${dir}/link`);
      assert.equal(await files.readlink(`${dir}/link`), '../over//there/');
      await assert.rejects(files.symlink('x', `${dir}/link`), { code: 'EEXIST' });
      await files.write(`${dir}/f`, '');
      await assert.rejects(files.readlink(`${dir}/f`), { code: 'EINVAL' });
      await assert.rejects(files.readlink(`${dir}/none`), { code: 'ENOENT' });
    },
  },
  {
    title: 'files: stat tells each type, and undefined where nothing is',
    async check({ host: { files, clock }, dir, specials }) {
      await files.write(`${dir}/file`, 'four');
      await files.mkdir(`${dir}/dir`);
      await files.symlink('none', `${dir}/symlink`);
      const paths = [`${dir}/file`, `${dir}/dir`, `${dir}/symlink`].concat(
        ['char', 'block', 'fifo', 'socket'].map((name) => `${specials}/${name}`),
      );
      for (const path of paths) assert.equal((await files.stat(path))?.type, path.split('/').at(-1));
      assert.deepEqual((await files.stat(`${specials}/char`))?.rdev, { major: 1, minor: 3 });
      assert.deepEqual((await files.stat(`${specials}/block`))?.rdev, { major: 7, minor: 300 });
      const { mtimeMs = 0, ...stat } = (await files.stat(`${dir}/file`)) ?? {};
      assert.deepEqual(stat, { type: 'file', sizeBytes: 4, mode: 0o644, uid: 0, gid: 0, rdev: { major: 0, minor: 0 } });
      assert.ok(Math.abs(clock.now() - mtimeMs) < 10_000);
      assert.equal((await files.stat(`${dir}/symlink`))?.sizeBytes, 4);
      assert.equal(await files.stat(`${dir}/none`), undefined);
      assert.equal(await files.stat(`${dir}/none/x`), undefined);
      assert.equal(await files.stat(`${dir}/file/x`), undefined);
    },
  },
  {
    title:
      'files: overwrite puts bytes over those of a regular file alone, never beyond its end, and keeps its size and mode',
    async check({ host: { files }, dir, specials }) {
      await files.write(`${dir}/f`, Buffer.alloc(8192, 1), { mode: 0o600 });
      await files.overwrite(`${dir}/f`, 4096, Buffer.alloc(4096, 2));
      await files.overwrite(`${dir}/f`, 1, Buffer.from([3]));
      const bytes = await files.read(`${dir}/f`);
      assert.deepEqual(
        [bytes.length, bytes[0], bytes[1], bytes[4095], bytes[4096], bytes[8191]],
        [8192, 1, 3, 1, 2, 2],
      );
      assert.equal(await mode(files, `${dir}/f`), '600');
      await assert.rejects(files.overwrite(`${dir}/f`, 8191, Buffer.alloc(2)), { code: 'EFBIG' });
      await assert.rejects(files.overwrite(`${dir}/none`, 0, Buffer.alloc(2)), { code: 'ENOENT' });
      await assert.rejects(files.overwrite(dir, 0, Buffer.alloc(2)), { code: 'EISDIR' });
      await files.symlink('f', `${dir}/link`);
      await assert.rejects(files.overwrite(`${dir}/link`, 0, Buffer.alloc(2)), { code: 'ELOOP' });
      await assert.rejects(files.overwrite(`${specials}/fifo`, 0, Buffer.alloc(2)), { code: 'EINVAL' });
      assert.ok(bytes.equals(await files.read(`${dir}/f`)));
    },
  },
  {
    title: 'files: chmod follows a symlink and sets all twelve bits',
    async check({ host: { files }, dir }) {
      await files.write(`${dir}/f`, '');
      await files.symlink('f', `${dir}/link`);
      await files.chmod(`${dir}/link`, 0o4751);
      assert.equal(await mode(files, `${dir}/f`), '4751');
      await assert.rejects(files.chmod(`${dir}/none`, 0o600), { code: 'ENOENT' });
    },
  },
  {
    title: 'files: readStream gives the bytes from the start asked for to the end',
    async check({ host: { files }, dir }) {
      const data = Buffer.from(Array.from({ length: 600_000 }, (_, index) => index % 251));
      await files.write(`${dir}/f`, data);
      assert.ok(data.equals(await bytesOf(files.readStream(`${dir}/f`))));
      assert.ok(data.subarray(300_001).equals(await bytesOf(files.readStream(`${dir}/f`, 300_001))));
      assert.equal((await bytesOf(files.readStream(`${dir}/f`, 600_001))).length, 0);
      await assert.rejects(bytesOf(files.readStream(`${dir}/none`)), { code: 'ENOENT' });
      await assert.rejects(bytesOf(files.readStream(dir)), { code: 'EISDIR' });
    },
  },
  {
    title: 'files: appendStream adds chunks after what is there, and may be closed twice',
    async check({ host: { files }, dir }) {
      await files.write(`${dir}/f`, 'old ');
      {
        await using stream = await files.appendStream(`${dir}/f`);
        await stream.write(Buffer.from('and '));
        await stream.write(Buffer.from('new'));
        await stream.close();
        await assert.rejects(stream.write(Buffer.from('late')), { code: 'EBADF' });
      }
      const made = await files.appendStream(`${dir}/made`);
      await made.close();
      assert.equal(await files.readText(`${dir}/f`), 'old and new');
      assert.equal((await files.stat(`${dir}/made`))?.sizeBytes, 0);
    },
  },
];
