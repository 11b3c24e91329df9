import { execFileSync } from 'node:child_process';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { deleteSubvolume, findSubvolumes, rollBack } from '../../../src/machine/disks/btrfs/change.ts';
import { applyStep } from '../../../src/machine/steps/step.ts';
import { loopDisk } from '../../fixtures/disks/loop-disk.ts';
import { Stopped } from '../../fixtures/hosts/failing.ts';

const scratch = mkdtempSync(join(tmpdir(), 'statectl-btrfs-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** This host, where what is mounted for a moment is out of everybody's way. */
function hostAt(folder: string): Host {
  const host = linuxHost();
  const here = (path: string) => path.replace(/^\/run\/statectl/, folder);
  const files = Object.fromEntries(
    Object.entries(host.files).map(([name, act]) => [
      name,
      (path: string, ...more: unknown[]) =>
        (act as (...words: unknown[]) => unknown)(
          here(path),
          ...more.map((word) => (typeof word === 'string' && name === 'rename' ? here(word) : word)),
        ),
    ]),
  ) as unknown as Host['files'];
  return { ...host, files, exec: { run: (argv, options) => host.exec.run(argv.map(here), options) } };
}

function btrfs() {
  const disk = loopDisk({ sizeBytes: 128 << 20 });
  execFileSync('mkfs.btrfs', ['-q', '-L', 'data', disk.device]);
  const folder = mkdtempSync(join(scratch, 'machine-'));
  const host = hostAt(folder);
  const warned: string[] = [];
  const task = {
    say: () => undefined,
    warn: (text: string) => void warned.push(text),
    signal: new AbortController().signal,
  };
  return {
    host,
    warned,
    device: disk.device,
    boot: (snapshots = 2, on = host) =>
      applyStep(
        {
          ...{ kind: 'arrange-subvolumes', device: disk.device, filesystem: 'LABEL=data' },
          subvolumes: [
            { name: '@home', snapshots },
            { name: '@a/b', snapshots: 0 },
          ],
        },
        on,
        task,
      ),
    /** The whole file system, looked into. */
    look<T>(act: (at: string) => T): T {
      const at = mkdtempSync(join(scratch, 'look-'));
      execFileSync('mount', ['-o', 'subvolid=5', disk.device, at]);
      try {
        return act(at);
      } finally {
        execFileSync('umount', [at]);
      }
    },
    [Symbol.dispose]: () => disk[Symbol.dispose](),
  };
}

it('subvolumes are made when they are absent, and one snapshot is kept of each boot up to their number', async () => {
  using machine = btrfs();
  await machine.boot();
  expect(machine.look((at) => readdirSync(at))).toEqual(['@a', '@home']);
  for (const boot of [1, 2, 3, 4]) {
    machine.look((at) => writeFileSync(`${at}/@home/file`, `boot ${boot}`));
    await machine.boot();
  }
  expect(await findSubvolumes(machine.host, machine.device, ['@home'])).toEqual([
    { name: '@home', isThere: true, snapshots: [3, 4] },
    { name: '@a', isThere: true, snapshots: [] },
  ]);
  machine.look((at) => {
    expect(readFileSync(`${at}/.snapshots/@home/3/file`, 'utf8')).toBe('boot 3');
    expect(() => writeFileSync(`${at}/.snapshots/@home/3/file`, 'x')).toThrow(/EROFS/);
  });
  expect(machine.warned).toEqual([]);
  // Fewer are kept from now on.
  await machine.boot(1);
  expect((await findSubvolumes(machine.host, machine.device, ['@home']))[0]?.snapshots).toEqual([5]);
  expect(globSync(`${scratch}/machine-*/btrfs/*`)).toEqual([]);
});

it('a rollback puts a snapshot in the place of its subvolume, and a second one undoes it', async () => {
  using machine = btrfs();
  await machine.boot();
  machine.look((at) => writeFileSync(`${at}/@home/file`, 'old'));
  await machine.boot();
  machine.look((at) => writeFileSync(`${at}/@home/file`, 'new'));
  expect(await rollBack(machine.host, machine.device, '@home', 1)).toBe(2);
  expect(machine.look((at) => readFileSync(`${at}/@home/file`, 'utf8'))).toBe('old');
  machine.look((at) => writeFileSync(`${at}/@home/other`, 'it can be written to'));
  expect(await rollBack(machine.host, machine.device, '@home', 2)).toBe(3);
  expect(machine.look((at) => readFileSync(`${at}/@home/file`, 'utf8'))).toBe('new');
  await expect(rollBack(machine.host, machine.device, '@home', 9)).rejects.toMatchObject({ code: 'subvolume-unknown' });
});

it('a rollback that is cut at any effect leaves the subvolume of before or the snapshot, whole, after the next boot', async () => {
  for (let at = 1; ; at += 1) {
    using machine = btrfs();
    await machine.boot(9);
    machine.look((top) => writeFileSync(`${top}/@home/file`, 'old'));
    await machine.boot(9);
    machine.look((top) => writeFileSync(`${top}/@home/file`, 'new'));
    let effects = 0;
    const { host } = machine;
    /** The power goes; what is mounted goes with it. */
    const counted = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
      effects += 1;
      if (effects >= at && what !== 'umount') throw new Stopped(what);
      return await act();
    };
    const cut: Host = {
      ...host,
      files: { ...host.files, rename: (from, to) => counted('rename', () => host.files.rename(from, to)) },
      exec: { run: (argv, options) => counted(argv[0] ?? '', () => host.exec.run(argv, options)) },
    };
    await rollBack(cut, machine.device, '@home', 1).catch(() => undefined);
    await machine.boot(9);
    expect(['old', 'new']).toContain(machine.look((top) => readFileSync(`${top}/@home/file`, 'utf8')));
    expect(machine.look((top) => existsSync(`${top}/.snapshots/@home/1/file`))).toBe(true);
    if (effects < at) {
      expect(at).toBeGreaterThan(4);
      return;
    }
  }
}, 120_000);

it('a subvolume, and one snapshot, are deleted, and nothing else', async () => {
  using machine = btrfs();
  for (const _ of [1, 2, 3]) await machine.boot();
  await deleteSubvolume(machine.host, machine.device, '@home', 1);
  await deleteSubvolume(machine.host, machine.device, '@a/b');
  expect(await findSubvolumes(machine.host, machine.device, ['@home', '@a/b'])).toEqual([
    { name: '@home', isThere: true, snapshots: [2] },
    { name: '@a/b', isThere: false, snapshots: [] },
    { name: '@a', isThere: true, snapshots: [] },
  ]);
  await expect(deleteSubvolume(machine.host, machine.device, '@no')).rejects.toMatchObject({
    code: 'subvolume-unknown',
  });
  // A folder is no subvolume.
  machine.look((at) => mkdirSync(`${at}/@folder`));
  await expect(deleteSubvolume(machine.host, machine.device, '@folder')).rejects.toMatchObject({
    code: 'btrfs-failed',
  });
  expect(machine.look((at) => existsSync(`${at}/@folder`))).toBe(true);
});

it('a file system that cannot be arranged is told, and noted for the look after it', async () => {
  using machine = btrfs();
  const broken: Host = {
    ...machine.host,
    exec: {
      run: async (argv, options) =>
        argv[0] === 'btrfs'
          ? { exitCode: 1, stdout: '', stderr: 'ERROR: no space left\n' }
          : machine.host.exec.run(argv, options),
    },
  };
  await machine.boot(2, broken);
  expect(machine.warned).toEqual([
    expect.stringMatching(
      /^DEGRADED: subvolumes of LABEL=data: `btrfs subvolume create .*` failed: ERROR: no space left$/,
    ),
  ]);
  expect(globSync(`${scratch}/machine-*/btrfs-failed/*`)).toHaveLength(1);
  await machine.boot();
  expect(globSync(`${scratch}/machine-*/btrfs-failed/*`)).toEqual([]);
});
