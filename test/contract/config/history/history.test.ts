import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigFault } from '../../../../src/config/check/fault.ts';
import { type Check, History } from '../../../../src/config/history/history.ts';
import { linuxHost } from '../../../../src/host/linux/host.ts';
import { systemError } from '../../../../src/host/system-error.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-history-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const put = (name: string, text: string) => {
  mkdirSync(dirname(join(dir, name)), { recursive: true });
  writeFileSync(join(dir, name), text);
};
const text = (name: string) => readFileSync(join(dir, name), 'utf8');
const git = async (...args: readonly string[]) => {
  const { stdout } = await linuxHost().exec.run(['git', '-C', dir, ...args]);
  return stdout.trim();
};
/** Every file with the word "bad" in it has a fault. */
const check: Check = async (snapshot) =>
  [...snapshot].flatMap(([file, content]): ConfigFault[] =>
    content.includes('bad') ? [{ file, line: 1, column: 1, message: 'is bad' }] : [],
  );
const history = () => new History(linuxHost(), dir);
const author = { name: 'ada', email: 'ada@lab' };
const write = (name: string, before: string | undefined, after: string | undefined, message = `set ${name}`) =>
  history().write(name, { before, after }, { author, message, check });

describe('the history of config.d', () => {
  it('begins with the files as they were found', async () => {
    put('system/boot.conf', 'image: a\n');
    expect(await history().settle(check)).toMatchObject({ state: 'edited', files: ['system/boot.conf'], faults: [] });
    expect(await history().settle(check)).toMatchObject({ state: 'clean', files: [] });
    expect(await history().log()).toMatchObject([
      { author: 'root', message: 'As it was found', files: ['system/boot.conf'] },
    ]);
    expect(await git('status', '--porcelain')).toBe('');
  });

  it('takes up an edit by any editor, also of a new and a removed file', async () => {
    put('a.conf', '1\n');
    put('b.conf', '2\n');
    await history().settle(check);
    put('a.conf', '3\n');
    put('nodes/ü "quoted".conf', 'new\n');
    rmSync(join(dir, 'b.conf'));
    const { state, revision, files } = await history().settle(check);
    expect([state, files]).toEqual(['edited', ['a.conf', 'b.conf', 'nodes/ü "quoted".conf']]);
    expect(await history().read(revision as string)).toEqual(
      new Map([
        ['a.conf', '3\n'],
        ['nodes/ü "quoted".conf', 'new\n'],
      ]),
    );
    expect(await git('status', '--porcelain')).toBe('');
  });

  it('reports a bad edit and goes on serving what was good', async () => {
    put('a.conf', 'good\n');
    const { revision } = await history().settle(check);
    put('a.conf', 'bad\n');
    expect(await history().settle(check)).toEqual({
      state: 'faulty',
      revision,
      files: ['a.conf'],
      faults: [{ file: 'a.conf', line: 1, column: 1, message: 'is bad' }],
    });
    expect((await history().read('refs/statectl/checked')).get('a.conf')).toBe('good\n');
    expect(text('a.conf')).toBe('bad\n');
  });

  it('serves a commit that a person made only once it was checked', async () => {
    put('a.conf', 'good\n');
    const { revision } = await history().settle(check);
    const commit = (content: string) => {
      put('a.conf', content);
      return git('-c', 'user.name=x', '-c', 'user.email=x@y', 'commit', '-qam', 'by hand');
    };
    await commit('bad\n');
    expect(await history().settle(check)).toMatchObject({ state: 'faulty', revision });
    await commit('better\n');
    expect(await history().settle(check)).toMatchObject({ state: 'clean', revision: await git('rev-parse', 'HEAD') });
  });

  it.each([
    ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----\n', 'a private key'],
    ['what is no text', Buffer.from([0xff, 0xfe, 0x00]).toString('latin1'), 'is not UTF-8 text'],
  ])('never takes %s', async (_title, content, message) => {
    put('a.conf', 'good\n');
    writeFileSync(join(dir, 'b.conf'), Buffer.from(content, 'latin1'));
    expect(await history().settle(check)).toMatchObject({
      state: 'faulty',
      faults: [{ file: 'b.conf', message: expect.stringContaining(message) }],
    });
    expect(existsSync(join(dir, '.git/refs/statectl/checked'))).toBe(false);
  });

  it('runs no program that the repository names', async () => {
    put('a.conf', '1\n');
    await history().settle(check);
    const spy = join(dir, '.git/spy');
    writeFileSync(spy, `#!/bin/sh\ntouch ${dir}/.git/was-run\ncat\n`);
    chmodSync(spy, 0o755);
    for (const key of [
      'core.fsmonitor',
      'core.sshCommand',
      'core.editor',
      'core.pager',
      'diff.external',
      'filter.x.clean',
      'filter.x.smudge',
      'gpg.program',
      'diff.x.textconv',
    ])
      await git('config', key, spy);
    await git('config', 'commit.gpgSign', 'true');
    await git('config', 'core.hooksPath', join(dir, '.git/hooks'));
    mkdirSync(join(dir, '.git/hooks'), { recursive: true });
    for (const hook of ['pre-commit', 'post-commit', 'reference-transaction', 'post-index-change']) {
      writeFileSync(join(dir, '.git/hooks', hook), `#!/bin/sh\ntouch ${dir}/.git/was-run\n`);
      chmodSync(join(dir, '.git/hooks', hook), 0o755);
    }
    put('.gitattributes', '* filter=x diff=x\n');
    writeFileSync(join(dir, '.git/info-attributes'), '* filter=x\n');
    rmSync(join(dir, '.git/was-run'), { force: true });
    put('a.conf', '2\n');
    await history().settle(check);
    await write('a.conf', '2\n', '3\n');
    await history().undo('HEAD', { author, check });
    await history().log();
    expect(text('a.conf')).toBe('2\n');
    expect(existsSync(join(dir, '.git/was-run'))).toBe(false);
  });
});

describe('a change by statectl', () => {
  beforeEach(async () => {
    put('a.conf', '1\n2\n3\n4\n5\n');
    await history().settle(check);
  });

  it('is written and committed with author and message', async () => {
    const id = await write('a.conf', text('a.conf'), 'x\n2\n3\n4\n5\n', 'a to x');
    expect(text('a.conf')).toBe('x\n2\n3\n4\n5\n');
    expect((await history().log({ path: 'a.conf' }))[0]).toMatchObject({
      id,
      author: 'ada',
      message: 'a to x',
      files: ['a.conf'],
    });
  });

  it('is refused when the file changed meanwhile, and the edit of the other stays', async () => {
    const before = text('a.conf');
    put('a.conf', 'somebody else\n');
    await expect(write('a.conf', before, 'mine\n')).rejects.toThrow(
      expect.objectContaining({ code: 'config-changed' }),
    );
    expect(text('a.conf')).toBe('somebody else\n');
    expect((await history().log())[0]).toMatchObject({ message: 'Edited: a.conf' });
  });

  it('is refused when the whole would have a fault, and changes nothing', async () => {
    const before = text('a.conf');
    await expect(write('a.conf', before, 'bad\n')).rejects.toThrow('a.conf:1:1 is bad');
    expect(text('a.conf')).toBe(before);
    expect(await history().log()).toHaveLength(1);
  });

  it('of two at once loses neither: one is refused or comes after', async () => {
    const before = text('a.conf');
    const results = await Promise.allSettled([write('a.conf', before, 'one\n'), write('a.conf', before, 'two\n')]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await history().log()).toHaveLength(2);
  });

  it('of two at once is looked at by one after the other', async () => {
    put('a.conf', 'edited\n');
    const all = await Promise.all([1, 2, 3].map(() => history().settle(check)));
    expect(all.map(({ state }) => state).toSorted()).toEqual(['clean', 'clean', 'edited']);
    expect(await history().log()).toHaveLength(2);
  });

  it('can be undone, also when the file changed elsewhere since', async () => {
    await write('a.conf', text('a.conf'), 'x\n2\n3\n4\n5\n', 'first line');
    await write('a.conf', text('a.conf'), 'x\n2\n3\n4\ny\n', 'last line');
    await history().undo('HEAD~1', { author, check });
    expect(text('a.conf')).toBe('1\n2\n3\n4\ny\n');
    expect((await history().log({ limit: 1 }))[0]?.message).toMatch(/^Undo: /);
  });

  it('is not undone where the same line changed since', async () => {
    await write('a.conf', text('a.conf'), 'x\n2\n3\n4\n5\n');
    await write('a.conf', text('a.conf'), 'y\n2\n3\n4\n5\n');
    await expect(history().undo('HEAD~1', { author, check })).rejects.toThrow(
      expect.objectContaining({ code: 'undo-conflict' }),
    );
    expect(text('a.conf')).toBe('y\n2\n3\n4\n5\n');
  });

  it('of a new file is undone by removing it', async () => {
    await write('nodes/n.conf', undefined, 'node: n\n');
    await history().undo('HEAD', { author, check });
    expect(existsSync(join(dir, 'nodes/n.conf'))).toBe(false);
  });

  it('is not undone twice, nor where it is a merge or none of these files', async () => {
    await write('a.conf', text('a.conf'), 'x\n2\n3\n4\n5\n', 'to x');
    await history().undo('HEAD', { author, check });
    const as = ['-c', 'user.name=x', '-c', 'user.email=x@y'];
    const refused = (revision: string) => expect(history().undo(revision, { author, check })).rejects;
    await refused('HEAD~1').toThrow(expect.objectContaining({ code: 'undo-nothing' }));
    await git(...as, 'switch', '-qc', 'side', 'HEAD~1');
    await git(...as, 'commit', '-q', '--allow-empty', '-m', 'elsewhere');
    await git('switch', '-q', 'main');
    await refused('side').toThrow(expect.objectContaining({ code: 'undo-elsewhere' }));
    await git(...as, 'merge', '-q', '--no-ff', '-m', 'merged', 'side');
    await refused('HEAD').toThrow(expect.objectContaining({ code: 'undo-merge' }));
    expect((await history().log({ limit: 1 }))[0]?.message).toBe('merged');
  });

  it('is told by its own words when it is undone later', async () => {
    await write('a.conf', text('a.conf'), 'x\n2\n3\n4\n5\n', 'first line');
    await write('b.conf', undefined, 'b\n', 'another');
    await history().undo('HEAD~1', { author, check });
    expect((await history().log({ limit: 1 }))[0]?.message).toBe('Undo: first line');
  });

  it('leaves the file as it was when git fails to commit it', async () => {
    rmSync(join(dir, '.git/refs/heads'), { recursive: true });
    const head = await git('rev-parse', 'refs/statectl/checked');
    writeFileSync(join(dir, '.git/packed-refs'), `${head} refs/heads/main\n`);
    writeFileSync(join(dir, '.git/refs/heads'), 'a file where a folder must be');
    const before = text('a.conf');
    await expect(write('a.conf', before, 'x\n')).rejects.toThrow(expect.objectContaining({ code: 'git-failed' }));
    expect(text('a.conf')).toBe(before);
  });

  it('is refused before it is written where git is on no branch, and edits there are not served', async () => {
    const { revision } = await history().settle(check);
    await git('checkout', '-q', '--detach');
    expect(await history().settle(check)).toMatchObject({ state: 'clean', revision });
    const before = text('a.conf');
    const detached = { code: 'git-detached', hint: expect.stringContaining('switch main') };
    await expect(write('a.conf', before, 'x\n')).rejects.toThrow(expect.objectContaining(detached));
    expect(text('a.conf')).toBe(before);
    put('a.conf', 'edited\n');
    expect(await history().settle(check)).toMatchObject({
      state: 'faulty',
      revision,
      faults: [{ file: 'a.conf', message: expect.stringContaining('on no branch') }],
    });
    await git('switch', '-q', 'main');
    expect(await history().settle(check)).toMatchObject({ state: 'edited' });
  });

  it.each([
    ['a configuration that is none', '.git/config', '[core\n'],
    ['a format of another git', '.git/config', '[core]\n\trepositoryformatversion = 1\n[extensions]\n\tfuture = 1\n'],
    ['a HEAD that leads nowhere', '.git/HEAD', 'ref: /etc/passwd\n'],
  ])('is refused in words of git where the repository has %s', async (_title, name, broken) => {
    await history().settle(check);
    const before = text('a.conf');
    writeFileSync(join(dir, name), broken);
    const unreadable = { code: 'git-failed', message: expect.stringContaining('fatal: ') };
    await expect(history().log()).rejects.toMatchObject(unreadable);
    await expect(write('a.conf', before, 'x\n')).rejects.toMatchObject(unreadable);
    expect(text('a.conf')).toBe(before);
  });

  it('is not undone where there was nothing before, or no such revision', async () => {
    await expect(history().undo('HEAD', { author, check })).rejects.toThrow(
      expect.objectContaining({ code: 'undo-first' }),
    );
    for (const name of ['nonsense', '--all', '', '@{u}', 'HEAD@{99}'])
      await expect(history().resolve(name)).rejects.toThrow(expect.objectContaining({ code: 'revision-unknown' }));
  });
});

it('names the lock of a git that was killed', async () => {
  put('a.conf', '1\n');
  await history().settle(check);
  writeFileSync(join(dir, '.git/index.lock'), '');
  put('a.conf', '2\n');
  await expect(history().settle(check)).rejects.toThrow(
    expect.objectContaining({ code: 'git-failed', hint: expect.stringContaining('index.lock') }),
  );
  await expect(write('b.conf', undefined, '1\n')).rejects.toMatchObject({ code: 'git-failed' });
  expect(existsSync(join(dir, 'b.conf'))).toBe(false);
});

describe('a config.d whose .git is a file', () => {
  const as = ['-c', 'user.name=x', '-c', 'user.email=x@y'];
  beforeEach(async () => {
    put('a.conf', '1\n');
    await history().settle(check);
  });

  it('is one work tree of several, and has a checked revision of its own', async () => {
    const other = join(dir, '.other');
    await git('worktree', 'add', '-q', '-b', 'other', other);
    const linked = new History(linuxHost(), other);
    expect(await linked.settle(check)).toMatchObject({ state: 'clean' });
    const change = { author, message: 'there', check };
    const id = await linked.write('a.conf', { before: '1\n', after: '2\n' }, change);
    expect(await linked.resolve('deployed')).toBe(id);
    expect(await history().resolve('deployed')).not.toBe(id);
    await linked.undo('HEAD', { author, check });
    expect(readFileSync(join(other, 'a.conf'), 'utf8')).toBe('1\n');
    expect(await git('-C', other, 'status', '--porcelain')).toBe('');
  });

  it('is a submodule', async () => {
    const outer = mkdtempSync(join(tmpdir(), 'statectl-outer-'));
    try {
      await git('init', '-q', outer);
      await git('-c', 'protocol.file.allow=always', ...as, '-C', outer, 'submodule', 'add', '-q', dir, 'config.d');
      const inner = new History(linuxHost(), join(outer, 'config.d'));
      await inner.write('a.conf', { before: '1\n', after: '2\n' }, { author, message: 'inside', check });
      expect((await inner.log({ limit: 1 }))[0]).toMatchObject({ message: 'inside', files: ['a.conf'] });
    } finally {
      rmSync(outer, { recursive: true });
    }
  });

  it.each([
    ['leads nowhere', 'gitdir: /nowhere\n'],
    ['says nothing', 'what?\n'],
  ])('that %s is refused, with what to do', async (_title, content) => {
    rmSync(join(dir, '.git'), { recursive: true });
    writeFileSync(join(dir, '.git'), content);
    await expect(history().settle(check)).rejects.toThrow(expect.objectContaining({ code: 'git-unusable' }));
  });

  it.each(['gitdir: /tmp/\0x', 'gitdir: \0\n', 'gitdir: /nowhere\n'])('that says %j is refused', async (pointer) => {
    rmSync(join(dir, '.git'), { recursive: true });
    writeFileSync(join(dir, '.git'), pointer);
    await expect(history().settle(check)).rejects.toMatchObject({ code: 'git-unusable' });
  });

  it.each(['/tmp/\0x\n', '"/tmp"\n'])('is refused where it borrows from %j', async (line) => {
    writeFileSync(join(dir, '.git/objects/info/alternates'), line);
    await expect(history().settle(check)).rejects.toMatchObject({ code: 'git-unusable' });
  });

  it('that leads to the repository of somebody else is refused', async () => {
    const theirs = mkdtempSync(join(tmpdir(), 'statectl-theirs-'));
    try {
      await git('init', '-q', theirs);
      chownSync(join(theirs, '.git'), 12345, 12345);
      rmSync(join(dir, '.git'), { recursive: true });
      writeFileSync(join(dir, '.git'), `gitdir: ${theirs}/.git\n`);
      await expect(write('a.conf', '1\n', '2\n')).rejects.toThrow(expect.objectContaining({ code: 'git-unusable' }));
      expect(text('a.conf')).toBe('1\n');
    } finally {
      rmSync(theirs, { recursive: true });
    }
  });
});

it.each([
  ['index.lock', (path: string, dead: string) => symlinkSync(dead, path)],
  ['statectl.lock', (path: string, dead: string) => symlinkSync(dead, path)],
  ['statectl-index.lock', (path: string) => writeFileSync(path, '')],
  ['refs/statectl/checked.lock', (path: string) => writeFileSync(path, '')],
])('takes away %s when a statectl that was killed left it', async (name, leave) => {
  put('a.conf', '1\n');
  await history().settle(check);
  leave(join(dir, '.git', name), 'pid=1 start=0 boot=of-yesterday space=pid:[1]');
  put('a.conf', '2\n');
  expect(await history().settle(check)).toMatchObject({ state: 'edited' });
  expect(await git('status', '--porcelain')).toBe('');
  expect(existsSync(join(dir, '.git', name))).toBe(false);
});

describe('a change of several files', () => {
  it('that fails at one leaves all as they were', async () => {
    put('a.conf', '1\n');
    put('b.conf', '1\n');
    await history().settle(check);
    put('a.conf', '2\n');
    put('b.conf', '2\n');
    await history().settle(check);
    const { files, ...host } = linuxHost();
    const broken = {
      ...host,
      files: {
        ...files,
        write: async (path: string, ...more: [string | Uint8Array, object?]) => {
          if (path === join(dir, 'b.conf')) throw systemError('EIO', 'write', path);
          await files.write(path, ...more);
        },
      },
    };
    await expect(new History(broken, dir).undo('HEAD', { author, check })).rejects.toMatchObject({
      code: 'config-unwritable',
    });
    expect([text('a.conf'), text('b.conf')]).toEqual(['2\n', '2\n']);
    expect(await history().log()).toHaveLength(2);
  });

  it('keeps the mode of each', async () => {
    put('a.conf', '1\n');
    chmodSync(join(dir, 'a.conf'), 0o640);
    await history().settle(check);
    await write('a.conf', '1\n', '2\n');
    expect(statSync(join(dir, 'a.conf')).mode & 0o777).toBe(0o640);
  });

  it('is refused of a file that waits for its fault to be mended, when the fault stays', async () => {
    put('a.conf', '1\n');
    await history().settle(check);
    put('nodes/n.conf', 'bad\n');
    expect(await history().settle(check)).toMatchObject({ heldBack: { held: ['nodes/n.conf'] } });
    await expect(write('nodes/n.conf', 'bad\n', 'bad as before\n')).rejects.toMatchObject({ code: 'config-invalid' });
    expect(text('nodes/n.conf')).toBe('bad\n');
    await write('a.conf', '1\n', '2\n');
    expect(text('nodes/n.conf')).toBe('bad\n');
  });

  it('is refused of one of several that wait, and of one that brings a fault of its own; neither is committed', async () => {
    put('a.conf', '1\n');
    await history().settle(check);
    put('nodes/m.conf', 'bad\n');
    put('nodes/n.conf', 'bad\n');
    expect(await history().settle(check)).toMatchObject({ heldBack: { held: ['nodes/m.conf', 'nodes/n.conf'] } });
    await expect(write('nodes/n.conf', 'bad\n', 'bad as before\n')).rejects.toMatchObject({ code: 'config-invalid' });
    await expect(write('nodes/o.conf', undefined, 'bad too\n')).rejects.toMatchObject({ code: 'config-invalid' });
    expect(existsSync(join(dir, 'nodes/o.conf'))).toBe(false);
    await write('nodes/n.conf', 'bad\n', 'mended\n');
    expect(await git('show', '--format=', '--name-only', 'HEAD')).toBe('nodes/n.conf');
  });

  it('is named `deployed` only when something was checked', async () => {
    put('a.conf', 'bad\n');
    await history().settle(check);
    const nothing = history().resolve('deployed');
    await expect(nothing).rejects.toThrow('no revision was checked');
    await expect(history().resolve('deployd')).rejects.toThrow('there is no revision "deployd"');
  });
});
