import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempDisposableSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { realFolder } from '../../../src/fuse/real-folder.ts';
import { CACHE_OWNER, cacheMount, canMountFuse } from '../../fixtures/state/cache-mount.ts';

const lineOf = (path: string, content: string, mtimeNs: bigint | string = '1764493200123456789') => ({
  ...{ path, sizeBytes: Buffer.byteLength(content), mtimeNs: String(mtimeNs) },
  version: createHash('sha256').update(content).digest('hex'),
});

describe.runIf(canMountFuse)('a cache, as a program knows it from any folder', () => {
  it('deletes a folder of the line with all that is in it, and keeps one whose last file went', async () => {
    await using cache = await cacheMount();
    cache.show(['far/a.gcode', 'far/sub/b.gcode', 'one/c.gcode'].map((path) => lineOf(path, 'G28\n')));
    await expect.poll(() => readdir(cache.place)).toEqual(['far', 'one']);
    await execa`rm -r ${cache.place}/far`;
    await unlink(`${cache.place}/one/c.gcode`);
    await cache.kill();
    expect(await readdir(cache.place, { recursive: true })).toEqual(['one']);
    await writeFile(`${cache.place}/one/d.gcode`, 'G28\n');
    expect(Number((await stat(`${cache.place}/one`)).uid)).toBe(CACHE_OWNER.uid);
  });

  it('gives what is made the mode and the group that were asked, whatever its own mask is', async () => {
    await using cache = await cacheMount();
    const at = (name: string): string => `${cache.place}/${name}`;
    const { stdout } = await execa({ cwd: cache.place })`sh -c ${[
      'umask 0 && mkdir open && : >open/file && umask 027 && mkdir shut && : >shut/file',
      'mkdir ours && chgrp 1000 ours && chmod 2775 ours && umask 002 && mkdir ours/sub && : >ours/sub/file',
      'stat -c "%n %a %g" open open/file shut shut/file ours/sub ours/sub/file',
    ].join('\n')}`;
    expect(stdout.split('\n')).toEqual([
      ...['open 777 0', 'open/file 666 0', 'shut 750 0', 'shut/file 640 0'],
      ...['ours/sub 2775 1000', 'ours/sub/file 664 1000'],
    ]);
    await expect(mkdir(at('open/file'))).rejects.toMatchObject({ code: 'EEXIST' });
  });

  it('changes nothing of what a link leads to that lay there before', async () => {
    using outside = mkdtempDisposableSync(join(tmpdir(), 'statectl-outside-'));
    const target = join(outside.path, 'target');
    writeFileSync(target, '');
    chmodSync(target, 0o600);
    await using cache = await cacheMount({}, async ({ place }) => symlinkSync(target, join(place, 'link.gcode')));
    await execa`chown -h 1234:1234 ${cache.place}/link.gcode`;
    await execa`touch -h -d @1 ${cache.place}/link.gcode`;
    const { uid, gid, mode, mtimeMs } = statSync(target);
    expect([uid, gid, mode & 0o7777, mtimeMs > 1_000_000]).toEqual([0, 0, 0o600, true]);
    expect((await execa`stat -c ${'%u:%g %Y'} ${cache.place}/link.gcode`).stdout).toBe('1234:1234 1');
  });

  it('leaves a folder that cannot be moved as it was, to the server, too', async () => {
    await using cache = await cacheMount({ 'from/a.gcode': 'G28\n', 'to/b.gcode': 'G28\n' });
    const { mtimeNs } = await stat(`${cache.place}/from/a.gcode`, { bigint: true });
    cache.show([lineOf('from/a.gcode', 'G28\n', mtimeNs), lineOf('far.gcode', 'G28\n')]);
    await expect.poll(() => readdir(cache.place)).toEqual(['far.gcode', 'from', 'to']);
    await expect(rename(`${cache.place}/from`, `${cache.place}/to`)).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    expect(await readdir(`${cache.files}/.statectl-cache/gone`)).toEqual([]);
    await rm(`${cache.place}/to/b.gcode`);
    await rename(`${cache.place}/from`, `${cache.place}/to`);
    expect(await readdir(cache.place, { recursive: true })).toEqual(['far.gcode', 'to', 'to/a.gcode']);
  });

  it('goes on where what was a folder is a file, of which the server knows nothing', async () => {
    await using cache = await cacheMount();
    const at = (name: string): string => `${cache.place}/${name}`;
    await mkdir(at('part'));
    for (const name of ['part/a.gcode', 'part/b.gcode']) await writeFile(at(name), 'G28\n');
    const before = ['part/a.gcode', 'part/b.gcode'].map((path) => lineOf(path, 'M104\n'));
    cache.show([...before, lineOf('first.gcode', '')]);
    await expect.poll(() => readdir(cache.place)).toEqual(['first.gcode', 'part']);
    await rm(at('part'), { recursive: true });
    await writeFile(at('part'), 'G28\n');
    const server = await cache.server();
    cache.show([...before.map(({ path }) => lineOf(path, 'M105\n')), lineOf('second.gcode', '')]);
    await expect.poll(() => readdir(cache.place)).toEqual(['part', 'second.gcode']);
    expect(await cache.server()).toBe(server);
    await cache.kill();
    expect(await readFile(at('part'), 'utf8')).toBe('G28\n');
  });

  it('leaves nothing of root’s where it ends before what it makes has its account', () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'statectl-births-'));
    const at = (name: string): string => join(folder.path, name);
    mkdirSync(at('gcodes'));
    chownSync(at('gcodes'), CACHE_OWNER.uid, CACHE_OWNER.gid);
    const real = realFolder(at('gcodes'));
    const nobody = { uid: 2 ** 40, gid: 0 };
    for (const fails of [
      () => real.mkdir('a', 0o755, nobody),
      () => real.create('b', 0o644, nobody),
      () => real.makeAbove('c/d/e.gcode', nobody),
    ])
      expect(fails).toThrow();
    expect(real.list('').map(({ name }) => name)).toEqual(['.statectl-cache']);
    real.makeAbove('c/d/e.gcode', CACHE_OWNER);
    real.create('c/d/e.gcode', 0o640, CACHE_OWNER);
    expect(() => real.create('c/d/e.gcode', 0o640, CACHE_OWNER)).toThrow(/EEXIST/);
    expect(real.stat('c/d/e.gcode')).toMatchObject({ ...CACHE_OWNER, mode: 0o640, links: 1 });
    expect(real.stat('c/d')).toMatchObject({ ...CACHE_OWNER, mode: 0o755 });
  });
});
