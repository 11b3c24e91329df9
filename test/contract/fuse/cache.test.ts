import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempDisposableSync, renameSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import {
  access,
  appendFile,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { cacheHolder } from '../../../src/machine/services/printers/cache-holder.ts';
import { CACHE_OWNER, type CacheMount, cacheMount, canMountFuse } from '../../fixtures/state/cache-mount.ts';

const SECONDS = 1_764_493_200;
const NS = `${SECONDS}123456789`;
const lineOf = (path: string, content: string | Buffer, mtimeNs = NS) => ({
  ...{ path, sizeBytes: Buffer.byteLength(content), mtimeNs },
  version: createHash('sha256').update(content).digest('hex'),
});

/** Puts a file where it belongs, as the agent does. */
function place({ files }: CacheMount, path: string, content: string | Buffer): void {
  writeFileSync(`${files}/.statectl-new`, content);
  utimesSync(`${files}/.statectl-new`, SECONDS + 0.123456789, SECONDS + 0.123456789);
  renameSync(`${files}/.statectl-new`, `${files}/${path}`);
}

/** As Klipper does: 8 KiB at a time, to the end. */
async function readOn(file: FileHandle, sha = createHash('sha256'), between = async (_at: number) => {}) {
  const buffer = Buffer.alloc(8192);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return { sizeBytes: at, sha256: sha.digest('hex') };
    sha.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
    await between(at);
  }
}
const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

describe.runIf(canMountFuse)('a cache on the kernel of this machine', () => {
  it('shows what is here and what the server has, complete, before anything is brought', async () => {
    await using cache = await cacheMount({ 'benchy.gcode': 'G28\n', 'sub/cube.gcode': 'G1 X1\n' });
    cache.show([
      lineOf('benchy.gcode', 'G28\n'),
      ...Array.from({ length: 1_000 }, (_, index) => lineOf(`plates/part-${index}.gcode`, 'M104\n'.repeat(index + 1))),
    ]);
    await expect.poll(() => readdir(cache.place)).toEqual(['benchy.gcode', 'plates', 'sub']);
    const names = await readdir(`${cache.place}/plates`);
    expect(names.length).toBe(1_000);
    const sizes = await Promise.all(names.map(async (name) => (await stat(`${cache.place}/plates/${name}`)).size));
    expect(sizes.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1_000 }, (_, index) => 5 * (index + 1)));
    const one = await stat(`${cache.place}/plates/part-0.gcode`, { bigint: true });
    expect(String(one.mtimeNs)).toBe(NS);
    expect(Number(one.uid)).toBe(CACHE_OWNER.uid);
    expect(cache.agent.wishes).toEqual([]);
    expect(await readdir(cache.files)).toEqual(['.statectl-cache', 'benchy.gcode', 'sub']);
  });

  it('brings what is opened, and shows it whole with the same size and time', async () => {
    await using cache = await cacheMount();
    const content = randomBytes(3_000_000);
    cache.show([lineOf('far.gcode', content)]);
    await expect.poll(() => readdir(cache.place)).toEqual(['far.gcode']);
    const before = await stat(`${cache.place}/far.gcode`, { bigint: true });
    cache.agent.bring = async ({ path }) => void place(cache, path, content);
    expect(sha256(await readFile(`${cache.place}/far.gcode`))).toBe(sha256(content));
    expect(cache.agent.wishes).toMatchObject([{ path: 'far.gcode', version: sha256(content) }]);
    const after = await stat(`${cache.place}/far.gcode`, { bigint: true });
    expect([after.size, after.mtimeNs, after.ino]).toEqual([before.size, before.mtimeNs, before.ino]);
    expect(sha256(await readFile(`${cache.place}/far.gcode`))).toBe(sha256(content));
    expect(cache.agent.wishes.length).toBe(1);
  });

  it('brings what was read before, and went for want of room since, as often as it is opened', async () => {
    await using cache = await cacheMount();
    cache.show([lineOf('part.gcode', 'M104\n')]);
    await expect.poll(() => readdir(cache.place)).toEqual(['part.gcode']);
    cache.agent.bring = async ({ path }) => void place(cache, path, 'M104\n');
    for (let count = 1; count <= 3; count += 1) {
      expect(await readFile(`${cache.place}/part.gcode`, 'utf8')).toBe('M104\n');
      expect(cache.agent.wishes.length).toBe(count);
      await unlink(`${cache.files}/part.gcode`);
    }
  });

  it('brings a file again that went for want of room before it was opened, and not for ever', async () => {
    await using cache = await cacheMount();
    cache.show([lineOf('far.gcode', 'M104\n'), lineOf('never.gcode', 'M105\n')]);
    await expect.poll(() => readdir(cache.place)).toEqual(['far.gcode', 'never.gcode']);
    cache.agent.bring = async ({ path }) => {
      if (cache.agent.wishes.length === 3) place(cache, path, 'M104\n');
      return undefined;
    };
    expect(await readFile(`${cache.place}/far.gcode`, 'utf8')).toBe('M104\n');
    await expect(readFile(`${cache.place}/never.gcode`)).rejects.toMatchObject({ code: 'EIO' });
  });

  it('fails an open at once where nobody can bring it, and all else goes on', async () => {
    await using cache = await cacheMount({ 'here.gcode': 'G28\n' });
    cache.show([lineOf('far.gcode', 'M104\n')]);
    await expect.poll(() => readdir(cache.place)).toEqual(['far.gcode', 'here.gcode']);
    await expect(readFile(`${cache.place}/far.gcode`)).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
    cache.agent.dies();
    await expect(readFile(`${cache.place}/far.gcode`)).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
    expect(await readFile(`${cache.place}/here.gcode`, 'utf8')).toBe('G28\n');
    expect((await stat(`${cache.place}/far.gcode`)).size).toBe(5);
  });

  it('lets an open wait for the agent of a machine that starts', async () => {
    await using cache = await cacheMount();
    cache.show([lineOf('far.gcode', 'M104\n')]);
    await expect.poll(() => readdir(cache.place)).toEqual(['far.gcode']);
    cache.agent.isNotYetThere();
    cache.agent.bring = async ({ path }) => void place(cache, path, 'M104\n');
    expect(await readFile(`${cache.place}/far.gcode`, 'utf8')).toBe('M104\n');
  });

  it('lets nobody wait for an agent that dies meanwhile', async () => {
    await using cache = await cacheMount();
    cache.show([lineOf('far.gcode', 'M104\n')]);
    await expect.poll(() => readdir(cache.place)).toEqual(['far.gcode']);
    cache.agent.bring = () => {
      cache.agent.dies();
      return new Promise(() => {});
    };
    await expect(readFile(`${cache.place}/far.gcode`)).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
  });

  it('gives readers every byte while who serves it is killed again and again', async () => {
    const content = randomBytes(16 << 20);
    await using cache = await cacheMount({ 'long.gcode': content });
    const readers = await Promise.all([1, 2].map(() => open(`${cache.place}/long.gcode`)));
    let kills = 0;
    const reading = readers.map((file, index) =>
      readOn(file, undefined, async (at) => {
        if (index === 0 && at % (4 << 20) === 0) {
          kills += 1;
          await cache.kill();
        }
      }),
    );
    for (const { sizeBytes, sha256: sha } of await Promise.all(reading))
      expect([sizeBytes, sha]).toEqual([content.length, sha256(content)]);
    expect(kills).toBe(4);
    await cache.kill();
    // Names, too, and what is open.
    expect(await readdir(cache.place)).toEqual(['long.gcode']);
    for (const file of readers) await file.close();
    expect(sha256(await readFile(`${cache.place}/long.gcode`))).toBe(sha256(content));
  });

  it('lets whoever waits for a file wait on when who serves it is killed', async () => {
    await using cache = await cacheMount();
    cache.show([lineOf('far.gcode', 'M104\n')]);
    await expect.poll(() => readdir(cache.place)).toEqual(['far.gcode']);
    const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
    cache.agent.bring = () => {
      isAsked();
      return new Promise(() => {});
    };
    const reading = readFile(`${cache.place}/far.gcode`, 'utf8');
    await asked;
    cache.agent.bring = async ({ path }) => void place(cache, path, 'M104\n');
    await cache.kill();
    expect(await reading).toBe('M104\n');
  });

  it('goes on with what was open when its name is another file’s or nobody’s, whoever serves it', async () => {
    const [first, second] = [randomBytes(2 << 20), randomBytes(2 << 20)];
    await using cache = await cacheMount({ 'a.gcode': first, 'b.gcode': first });
    const [replaced, deleted] = await Promise.all(['a.gcode', 'b.gcode'].map((name) => open(`${cache.place}/${name}`)));
    await writeFile(`${cache.place}/.upload`, second);
    await rename(`${cache.place}/.upload`, `${cache.place}/a.gcode`);
    await unlink(`${cache.place}/b.gcode`);
    await cache.kill();
    for (const file of [replaced, deleted]) expect((await readOn(file!)).sha256).toBe(sha256(first));
    expect(sha256(await readFile(`${cache.place}/a.gcode`))).toBe(sha256(second));
    expect(await readdir(cache.place)).toEqual(['a.gcode']);
    for (const file of [replaced, deleted]) await file!.close();
    // What was held for them goes.
    await expect.poll(() => readdir(`${cache.files}/.statectl-cache/held`)).toEqual([]);
  });

  it('never shows a file shorter than the line has it: it is brought again, and who reads it gets an error', async () => {
    const content = randomBytes(1 << 20);
    await using cache = await cacheMount();
    place(cache, 'part.gcode', content);
    cache.show([lineOf('part.gcode', content)]);
    await expect.poll(async () => (await stat(`${cache.place}/part.gcode`, { bigint: true })).mtimeNs).toBe(BigInt(NS));
    await using file = await open(`${cache.place}/part.gcode`);
    truncateSync(`${cache.files}/part.gcode`, 300_000);
    await expect(readOn(file)).rejects.toMatchObject({ code: 'EIO' });
    expect((await stat(`${cache.place}/part.gcode`)).size).toBe(content.length);
    await expect(readFile(`${cache.place}/part.gcode`)).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
    cache.agent.bring = async ({ path }) => void place(cache, path, content);
    await expect.poll(async () => sha256(await readFile(`${cache.place}/part.gcode`))).toBe(sha256(content));
  });

  it('takes what the printer does: uploads, moves, changes, deletes', async () => {
    await using cache = await cacheMount({ 'here.gcode': 'G28\n' });
    cache.show([lineOf('far/away.gcode', 'M104\n'), lineOf('far/gone.gcode', 'M105\n'), lineOf('here.gcode', 'old\n')]);
    await expect.poll(() => readdir(cache.place)).toEqual(['far', 'here.gcode']);
    const at = (name: string): string => `${cache.place}/${name}`;
    await unlink(at('far/gone.gcode'));
    await expect(rename(at('far/away.gcode'), at('near.gcode'))).rejects.toMatchObject({ code: 'EXDEV' });
    await expect(rename(at('far'), at('farther'))).rejects.toMatchObject({ code: 'EXDEV' });
    await expect(rmdir(at('far'))).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await mkdir(at('far/.thumbs'));
    await writeFile(at('far/.thumbs/away.png'), 'png');
    await writeFile(at('far/.thumbs/away.png'), 'another');
    await appendFile(at('far/.thumbs/away.png'), ' one');
    await writeFile(at('far/away.gcode'), 'anew\n');
    await rename(at('far/away.gcode'), at('near.gcode'));
    await utimes(at('near.gcode'), SECONDS, SECONDS);
    await truncate(at('near.gcode'), 2);
    await expect(symlink('nowhere', at('link.gcode'))).rejects.toMatchObject({ code: 'EPERM' });
    await expect(link(at('near.gcode'), at('second.gcode'))).rejects.toMatchObject({ code: 'EPERM' });
    await cache.kill();
    expect(await readdir(cache.place, { recursive: true })).toEqual([
      ...['far', 'here.gcode', 'near.gcode', 'far/.thumbs', 'far/.thumbs/away.png'],
    ]);
    expect(await readFile(at('near.gcode'), 'utf8')).toBe('an');
    expect(await readFile(`${cache.files}/far/.thumbs/away.png`, 'utf8')).toBe('another one');
    await rename(at('far'), at('farther'));
    await rm(at('farther'), { recursive: true });
    expect(await readdir(cache.place)).toEqual(['here.gcode', 'near.gcode']);
    const gone = await readdir(`${cache.files}/.statectl-cache/gone`);
    const noted = await Promise.all(gone.map((id) => readFile(`${cache.files}/.statectl-cache/gone/${id}`, 'utf8')));
    expect(noted.map((text) => JSON.parse(text).path).toSorted()).toEqual(['far/away.gcode', 'far/gone.gcode']);
    expect(cache.agent.wishes).toEqual([]);
  });

  it('shows nothing again that was deleted while the server got it', async () => {
    await using cache = await cacheMount({ 'new.gcode': 'G28\n' });
    const { mtimeNs } = await stat(`${cache.place}/new.gcode`, { bigint: true });
    await unlink(`${cache.place}/new.gcode`);
    cache.show([lineOf('new.gcode', 'G28\n', String(mtimeNs)), lineOf('far.gcode', 'G28\n')]);
    await expect.poll(() => readdir(cache.place)).toEqual(['far.gcode']);
    expect((await readdir(`${cache.files}/.statectl-cache/gone`)).length).toBe(1);
  });

  it('shows names that are no UTF-8, and none that is its own', async () => {
    await using cache = await cacheMount();
    const odd = Buffer.concat([Buffer.from(`${cache.place}/`), Buffer.from([0x66, 0xff, 0xfe, 0x0a])]);
    await writeFile(odd, 'G28\n');
    await cache.kill();
    expect(await readFile(odd, 'utf8')).toBe('G28\n');
    expect(await readdir(cache.place, { encoding: 'buffer' })).toEqual([Buffer.from([0x66, 0xff, 0xfe, 0x0a])]);
    await expect(access(`${cache.place}/.statectl-cache`)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(mkdir(`${cache.place}/.statectl-cache`)).rejects.toMatchObject({ code: 'EACCES' });
  });

  it.each([
    ['has none', 'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3'],
    ['does not know it', 'mount --bind /dev/null /dev/fuse'],
  ])('leaves the plain folder, and nobody waiting, where a kernel %s', async (_, prepare) => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'statectl-plain-'));
    const at = (name: string): string => join(folder.path, name);
    mkdirSync(at('gcodes'));
    for (const name of ['gcodes/a.gcode', 'mark']) writeFileSync(at(name), 'G28\n');
    const script = cacheHolder({
      ...{ name: 'statectl-cache-test', place: at('gcodes'), files: at('files'), mark: at('mark'), program: ['false'] },
    });
    const { exitCode, stdout } = await execa({
      reject: false,
    })`unshare -m sh -c ${`${prepare}\nsh -c "$0" 2>/dev/null\necho $?; cat $1/gcodes/a.gcode; ls $1 $1/files`} ${script} ${folder.path}`;
    expect([exitCode, stdout.split('\n')]).toEqual([
      ...[0, ['1', 'G28', `${folder.path}:`, 'files', 'gcodes', '', `${folder.path}/files:`]],
    ]);
  });

  it('takes away what it mounted alone when its service stops, whatever the folder is called', async () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'statectl-plain-'));
    const gcodes = join(folder.path, "my %n 'gcodes'");
    mkdirSync(gcodes);
    const script = cacheHolder({
      ...{ name: 'statectl-cache-test', place: gcodes, files: join(folder.path, 'files'), program: ['false'] },
      mark: join(folder.path, 'mark'),
    });
    const steps = [
      'mount --bind /dev/null /dev/fuse && mount -t tmpfs none "$1" && echo G28 >"$1/a.gcode"',
      'sh -c "$0" sh 2>/dev/null',
      'echo $?; sh -c "$0" sh stop; echo $?; cat "$1/a.gcode"',
    ];
    const { stdout } = await execa`unshare -m sh -c ${steps.join('\n')} ${script} ${gcodes}`;
    expect(stdout.split('\n')).toEqual(['1', '0', 'G28']);
  });

  it('ends at any fault of its own, and another one goes on', async () => {
    await using cache = await cacheMount({ 'here.gcode': 'G28\n' });
    const pid = await cache.server();
    await rm(`${cache.files}/.statectl-cache/gone`, { recursive: true });
    cache.show([lineOf('far.gcode', 'M104\n')]);
    await expect.poll(() => cache.server()).not.toBe(pid);
    await expect.poll(() => readdir(cache.place)).toEqual(['far.gcode', 'here.gcode']);
  });

  it('ends with its holder: the next one has all to itself', async () => {
    await using cache = await cacheMount();
    const pid = await cache.server();
    const [, holder] = /^PPid:\s+(\d+)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
    process.kill(Number(holder), 'SIGKILL');
    // Whoever is its parent now need not have heard of it.
    await expect.poll(() => readlink(`/proc/${pid}/exe`).catch(({ code }) => code)).toBe('ENOENT');
  });

  it('is the plain folder when it is unmounted', async () => {
    await using cache = await cacheMount({ 'here.gcode': 'G28\n' });
    expect(await readFile(`${cache.place}/here.gcode`, 'utf8')).toBe('G28\n');
    await cache.unmount();
  });
});
