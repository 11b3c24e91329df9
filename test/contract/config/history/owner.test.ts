import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Check, History } from '../../../../src/config/history/history.ts';
import { takeSnapshot } from '../../../../src/config/history/snapshot.ts';
import { loadSettings } from '../../../../src/config/load.ts';
import { linuxHost } from '../../../../src/host/linux/host.ts';

/** Nobody's in any passwd(5). */
const EVE = 54_321;

/** root's own folder, and one of eve's with her config.d in it. */
let roots: string;
let eves: string;
let dir: string;

const host = linuxHost();
const fine: Check = async () => [];
const author = { name: 'ada' };
const give = (uid: number, path: string) => execFileSync('chown', ['-hR', `${uid}:${uid}`, path]);
const put = (name: string, text: string) => {
  mkdirSync(dirname(join(dir, name)), { recursive: true });
  writeFileSync(join(dir, name), text);
  give(EVE, dir);
};
const git = (...args: readonly string[]) =>
  execFileSync('git', ['-c', 'safe.directory=*', '-C', dir, ...args], { encoding: 'utf8' }).trim();
const settle = (at = dir) => new History(host, at).settle(fine);
const ownersBelow = (folder: string): readonly number[] => [
  ...new Set(readdirSync(folder, { recursive: true }).map((name) => lstatSync(join(folder, String(name))).uid)),
];

beforeEach(async () => {
  roots = mkdtempSync(join(tmpdir(), 'statectl-roots-'));
  writeFileSync(join(roots, 'file'), 'of root\n', { mode: 0o600 });
  eves = mkdtempSync(join(tmpdir(), 'statectl-eves-'));
  chownSync(eves, EVE, EVE);
  dir = join(eves, 'config.d');
  put('a.conf', 'a: 1\n');
});
afterEach(() => {
  for (const folder of [roots, eves]) rmSync(folder, { recursive: true });
});

describe.skipIf(process.getuid?.() !== 0)('root in a config.d of somebody else', () => {
  it('makes nothing there that is its own', async () => {
    await settle();
    put('a.conf', 'a: 2\n');
    const { state } = await settle();
    const history = new History(host, dir);
    await history.write('nodes/b.conf', { before: undefined, after: 'b: 1\n' }, { author, message: 'b', check: fine });
    await history.write('a.conf', { before: 'a: 2\n', after: 'a: 3\n' }, { author, message: 'a', check: fine });
    await history.undo('HEAD~1', { author, check: fine });
    expect(state).toBe('edited');
    expect(existsSync(join(dir, 'nodes/b.conf'))).toBe(false);
    expect(ownersBelow(dir)).toEqual([EVE]);
    expect(git('status', '--porcelain')).toBe('');
  });

  it.each([
    ['a transport that its configuration allows', 'ext::'],
    ['the server’s side of a transport', 'file'],
  ])('runs no program for a missing object: %s', async (_title, how) => {
    await settle();
    const spy = join(eves, 'spy');
    writeFileSync(spy, `#!/bin/sh\nid -u >> ${eves}/was-run\n`);
    chmodSync(spy, 0o755);
    for (const [key, value] of [
      ['protocol.ext.allow', 'always'],
      ['protocol.file.allow', 'always'],
      ['core.repositoryFormatVersion', '1'],
      ['extensions.partialClone', 'x'],
      ['remote.x.promisor', 'true'],
      ['remote.x.url', how === 'file' ? dir : `ext::${spy}`],
      ['remote.x.uploadpack', spy],
    ] as const)
      git('config', key, value);
    const blob = git('rev-parse', 'HEAD:a.conf');
    rmSync(join(dir, '.git/objects', blob.slice(0, 2), blob.slice(2)));
    give(EVE, dir);
    await expect(settle()).rejects.toMatchObject({ code: 'git-failed' });
    expect(existsSync(join(eves, 'was-run'))).toBe(false);
  });

  it.each([
    'logs/HEAD',
    'logs/refs/heads/main',
    'refs/heads/main',
    'refs',
    'logs',
    'objects',
    'objects/info',
    'objects/pack',
    'HEAD',
    'index',
    'config',
    'packed-refs',
    'commondir',
    'shallow',
  ])('works in no repository whose %s is a link', async (name) => {
    await settle();
    git('config', 'user.name', '$(command)');
    const part = join(dir, '.git', name);
    const there = join(roots, 'there');
    if (existsSync(part)) renameSync(part, there);
    else writeFileSync(there, '.\n');
    const before = lstatSync(there).isFile() ? readFileSync(there) : readdirSync(there);
    mkdirSync(dirname(part), { recursive: true });
    symlinkSync(there, part);
    put('a.conf', 'a: 2\n');
    await expect(settle()).rejects.toMatchObject({ code: 'git-unusable', message: expect.stringContaining(name) });
    expect(lstatSync(there).isFile() ? readFileSync(there) : readdirSync(there)).toEqual(before);
  });

  it.each(['pipe', 'other', 'alternates'])('works in no repository with a %s', async (what) => {
    await settle();
    if (what === 'pipe') {
      rmSync(join(dir, '.git/HEAD'));
      execFileSync('mkfifo', [join(dir, '.git/HEAD')]);
      give(EVE, dir);
    }
    if (what === 'other') give(0, join(dir, '.git'));
    if (what === 'alternates') put('.git/objects/info/alternates', `${roots}\n`);
    await expect(settle()).rejects.toMatchObject({ code: 'git-unusable' });
  });

  it.each(['include.path', 'includeIf.onbranch:main.path'])(
    'lets its configuration include no pipe: %s',
    async (key) => {
      await settle();
      execFileSync('mkfifo', [join(eves, 'pipe')]);
      git('config', key, join(eves, 'pipe'));
      await expect(settle()).rejects.toMatchObject({
        code: 'git-unusable',
        message: expect.stringContaining('includes'),
      });
    },
  );

  it.each(['core.excludesFile', 'core.attributesFile', 'mailmap.file', 'diff.orderFile', '.mailmap'])(
    'waits for no pipe that it has as %s',
    async (name) => {
      await settle();
      const pipe = join(name === '.mailmap' ? dir : eves, name);
      execFileSync('mkfifo', [pipe]);
      if (name !== '.mailmap') git('config', name, pipe);
      put('a.conf', 'a: 2\n');
      expect(await settle()).toMatchObject({ state: 'edited' });
      expect((await new History(host, dir).log()).map(({ files }) => files)).toEqual([['a.conf'], ['a.conf']]);
    },
  );

  it('does not write through a folder that is a link', async () => {
    await settle();
    mkdirSync(join(roots, 'nodes'));
    symlinkSync(join(roots, 'nodes'), join(dir, 'nodes'));
    const change = { before: undefined, after: 'b: 1\n' };
    await expect(
      new History(host, dir).write('nodes/b.conf', change, { author, message: 'b', check: fine }),
    ).rejects.toThrow();
    expect(readdirSync(join(roots, 'nodes'))).toEqual([]);
  });

  it.each([
    ['a link', (path: string) => symlinkSync(join(roots, 'file'), path)],
    ['a second name', (path: string) => linkSync(join(roots, 'file'), path)],
    ['a pipe', (path: string) => void execFileSync('mkfifo', [path])],
    ['a link to a device without end', (path: string) => symlinkSync('/dev/zero', path)],
  ])('reads no file of its own for them: %s', async (_title, make) => {
    mkdirSync(join(dir, 'system'));
    make(join(dir, 'system/boot.conf'));
    const { snapshot, faults } = await takeSnapshot(host, dir);
    expect([...snapshot.keys()]).toEqual(['a.conf']);
    expect(faults).toMatchObject([{ file: 'system/boot.conf' }]);
    await expect(loadSettings(host, dir)).rejects.toThrow(
      expect.objectContaining({ code: 'config-invalid', message: expect.not.stringContaining('of root') }),
    );
  });
});

describe.skipIf(process.getuid?.() !== 0)('root in a config.d of its own', () => {
  it('does not work where somebody else could put another in its place', async () => {
    give(0, dir);
    await expect(settle()).rejects.toMatchObject({ hint: expect.stringContaining('chown') });
    expect(existsSync(join(dir, '.git'))).toBe(false);
  });

  it.each(['config', 'logs', 'objects'])('runs no git over a repository whose %s is another’s', async (part) => {
    dir = join(roots, 'config.d');
    mkdirSync(dir);
    writeFileSync(join(dir, 'a.conf'), 'a: 1\n');
    await settle();
    give(EVE, join(dir, '.git', part));
    await expect(settle()).rejects.toMatchObject({
      code: 'git-unusable',
      message: expect.stringContaining(`.git/${part} belongs to ${EVE}`),
    });
    give(0, dir);
    expect(await settle()).toMatchObject({ state: 'clean' });
  });

  it('follows a link in it to what is no pipe and no device', async () => {
    dir = join(roots, 'config.d');
    mkdirSync(join(dir, 'system'), { recursive: true });
    symlinkSync(join(roots, 'boot'), join(dir, 'system/boot.conf'));
    writeFileSync(join(roots, 'boot'), 'image: klipper\n');
    expect((await loadSettings(host, dir)).config.boot.image).toBe('klipper');
    rmSync(join(roots, 'boot'));
    execFileSync('mkfifo', [join(roots, 'boot')]);
    await expect(loadSettings(host, dir)).rejects.toMatchObject({ code: 'config-invalid' });
  });
});
