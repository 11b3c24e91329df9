import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { identify } from '../../../src/machine/disks/identify-disk.ts';
import { offsetsOf } from '../../../src/machine/disks/layout.ts';
import { readContent } from '../../../src/machine/disks/read-disk.ts';
import { applyStep, type Step } from '../../../src/machine/steps/step.ts';
import { applyTo } from '../../fixtures/disks/apply-drives.ts';
import { hostWith, type LoopDisk, loopDisk } from '../../fixtures/disks/loop-disk.ts';

type Drives = Config['drives'];

const MIB = 2 ** 20;
const ANY_SIZE = { minSizeBytes: undefined, maxSizeBytes: undefined };

const drivesOf = (match: object, changes: Partial<Drives[string]> = {}): Drives => ({
  main: {
    match: { ...ANY_SIZE, ...match },
    make: 'empty',
    partitions: {
      grub: { sizeBytes: MIB, type: 'raw', role: 'bios' },
      ESP: { sizeBytes: 48 * MIB, type: 'vfat', role: 'efi' },
      swap: { sizeBytes: 4 * MIB, type: 'swap' },
      data: { sizeBytes: 120 * MIB, type: 'btrfs' },
      'user-data': { sizeBytes: 'rest', type: 'ext4' },
    },
    ...changes,
  },
});
const SMALL = { 'user-data': { sizeBytes: 'rest', type: 'ext4' } } as const;

const blkid = (disk: LoopDisk) =>
  execFileSync('sh', ['-c', `blkid -p -o value -s LABEL -s TYPE -s PART_ENTRY_NAME ${disk.device}p*; true`], {
    encoding: 'utf8',
  })
    .trim()
    .split('\n');

const write = (disk: LoopDisk, offset: number, bytes: Uint8Array) => {
  const file = openSync(disk.device, 'r+');
  writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
};
const sizeOf = (disk: LoopDisk) => Number(execFileSync('blockdev', ['--getsize64', disk.device], { encoding: 'utf8' }));
const digestOf = (disk: LoopDisk) => execFileSync('sha256sum', [disk.device], { encoding: 'utf8' }).slice(0, 64);
const identityOf = async (disk: LoopDisk, sectorBytes: number, drives: Drives = drivesOf({})) =>
  identify(
    await readContent(
      hostWith([disk]),
      { device: disk.device, sizeBytes: sizeOf(disk), sectorBytes },
      { offsets: offsetsOf(drives.main as Drives[string]) },
    ),
  );

describe.each([512, 4096])('on a disk with sectors of %i bytes', (sectorBytes) => {
  it('an empty one becomes what drives.conf says, and stays so', async () => {
    using disk = loopDisk({ sizeBytes: 320 * MIB, sectorBytes });
    const said = await applyTo([disk], drivesOf({ id: `virtio-${disk.serial}` }));
    expect(said).toEqual([
      `drive main: partition virtio-${disk.serial}: grub, ESP, swap, data, user-data`,
      `drive main: vfat ESP on partition 2 of virtio-${disk.serial}`,
      `drive main: swap swap on partition 3 of virtio-${disk.serial}`,
      `drive main: btrfs data on partition 4 of virtio-${disk.serial}`,
      `drive main: ext4 user-data on partition 5 of virtio-${disk.serial}`,
      `drive main: use the swap swap on partition 3 of virtio-${disk.serial}`,
    ]);
    expect(blkid(disk)).toEqual([
      ...['grub', 'ESP', 'vfat', 'ESP', 'swap', 'swap', 'swap', 'data', 'btrfs', 'data'],
      ...['user-data', 'ext4', 'user-data'],
    ]);
    const made = digestOf(disk);
    expect(await applyTo([disk], drivesOf({ type: 'virtio' }))).toEqual([
      `drive main: use the swap swap on partition 3 of virtio-${disk.serial}`,
    ]);
    expect(digestOf(disk)).toBe(made);
    // sfdisk itself has nothing to say against it.
    expect(execFileSync('sfdisk', ['--verify', disk.device], { encoding: 'utf8' })).toContain('No errors detected');
  });

  it.each([
    ['start', 'primary'],
    ['end', 'backup'],
  ])('a table whose copy at the %s is gone is put back from the other', async (at, side) => {
    using disk = loopDisk({ sizeBytes: 64 * MIB, sectorBytes });
    const drives = drivesOf({ type: 'virtio' }, { partitions: SMALL });
    await applyTo([disk], drives);
    const whole = await identityOf(disk, sectorBytes, drives);
    const before = digestOf(disk);
    write(disk, at === 'start' ? 0 : sizeOf(disk) - MIB, Buffer.alloc(MIB));
    const good = side === 'primary' ? 'backup' : 'primary';
    expect(await applyTo([disk], drives)).toEqual([
      `drive main: the ${side} table is damaged: it is not there; it is put back from the other copy`,
      `drive main: put back the ${side} table of virtio-${disk.serial} from its ${good} one`,
    ]);
    expect(await identityOf(disk, sectorBytes, drives)).toEqual(whole);
    expect(digestOf(disk)).toBe(before);
  });

  it('one whose first and last MiB are zeros is not empty where a file system of ours is left, and is not touched', async () => {
    using disk = loopDisk({ sizeBytes: 64 * MIB, sectorBytes });
    const drives = drivesOf({ type: 'virtio' }, { partitions: SMALL });
    await applyTo([disk], drives);
    for (const offset of [0, sizeOf(disk) - MIB]) write(disk, offset, Buffer.alloc(MIB));
    const before = digestOf(disk);
    expect(await applyTo([disk], drives)).toEqual([
      `drive main: virtio-${disk.serial} is not touched: it has no partition table, but ext2, ext3 or ext4 at 1048576 bytes. \`statectl drives apply main\` asks the server for its table`,
    ]);
    expect(digestOf(disk)).toBe(before);
  });

  // ext4 is grown by a kernel that lets us (CAP_SYS_RESOURCE), which a guest has: test/long/disks/grown.test.ts.
  it('one that was made larger gives the rest to the last partition and its file system', async () => {
    using disk = loopDisk({ sizeBytes: 160 * MIB, sectorBytes });
    const drives = drivesOf({ type: 'virtio' }, { partitions: { pool: { sizeBytes: 'rest', type: 'btrfs' } } });
    await applyTo([disk], drives);
    disk.grow(320 * MIB);
    expect(await applyTo([disk], drives)).toEqual([
      expect.stringContaining('is put back from the other copy'),
      `drive main: put back the backup table of virtio-${disk.serial} from its primary one`,
      `drive main: partition virtio-${disk.serial}: pool`,
      `drive main: btrfs pool on virtio-${disk.serial} as large as its partition`,
    ]);
    const told = execFileSync('btrfs', ['inspect-internal', 'dump-super', `${disk.device}p1`], { encoding: 'utf8' });
    expect(told).toMatch(new RegExp(`^total_bytes\\s+${318 * MIB}$`, 'm'));
    expect(await applyTo([disk], drives)).toEqual([]);
  });
});

it.each([
  ['ext4', 'mkfs.ext4 -q -F'],
  ['btrfs', 'mkfs.btrfs -q'],
  ['vfat', 'mkfs.vfat'],
  ['swap', 'mkswap'],
  ['an MBR', 'echo , | sfdisk -q'],
  ['a GPT', "printf 'label: gpt\\n,\\n' | sfdisk -q"],
])('a disk with %s of somebody is not touched', async (_title, command) => {
  using disk = loopDisk({ sizeBytes: 200 * MIB });
  execFileSync('sh', ['-c', `${command} ${disk.device}`], { stdio: 'pipe' });
  const before = digestOf(disk);
  const said = await applyTo([disk], drivesOf({ type: 'virtio' }));
  expect(said).toEqual([expect.stringMatching(/^drive main: virtio-TEST\d+ is not touched: it has /)]);
  expect(digestOf(disk)).toBe(before);
});

it('a file system that is left where one of ours would begin keeps a disk without a table from being made', async () => {
  const drives = drivesOf({ type: 'virtio' });
  const offsets = offsetsOf(drives.main as Drives[string]);
  expect(offsets).toHaveLength(5);
  for (const offset of offsets)
    for (const program of ['mkfs.ext4 -q -F', 'mkfs.btrfs -q', 'mkswap', 'mkfs.vfat']) {
      using disk = loopDisk({ sizeBytes: 512 * MIB });
      execFileSync('sh', [
        '-c',
        `d=$(mktemp); truncate -s 120M $d; ${program} $d >/dev/null 2>&1 && dd if=$d of=${disk.device} bs=1M seek=${offset / MIB} count=2 conv=notrunc status=none; rm $d`,
      ]);
      // The last MiB of the first one is where the disk begins.
      const said = await applyTo([disk], drives);
      expect(said, `${program} at ${offset}`).toEqual([expect.stringContaining(' is not touched: it has ')]);
    }
}, 120_000);

it('two disks that fit one match are both left alone', async () => {
  using one = loopDisk();
  using other = loopDisk();
  const before = [digestOf(one), digestOf(other)];
  expect(await applyTo([one, other], drivesOf({ type: 'virtio' }, { partitions: SMALL }))).toEqual([
    `drive main: 2 disks fit its match (virtio-${one.serial}, virtio-${other.serial}): none is touched; name one by its id`,
  ]);
  expect([digestOf(one), digestOf(other)]).toEqual(before);
});

it('two disks that changed their names since the plan keep their own', async () => {
  using one = loopDisk();
  using other = loopDisk();
  const drives = drivesOf({ id: `virtio-${one.serial}` }, { partitions: SMALL });
  const names = [one.device, other.device];
  await applyTo([one, other], drives, () => {
    Object.assign(one, { device: names[1] });
    Object.assign(other, { device: names[0] });
  });
  expect(await identityOf(one, 512, drives)).toMatchObject({ kind: 'ours' });
  expect(await identityOf(other, 512, drives)).toMatchObject({ kind: 'empty' });
});

it.each([
  ['another serial number', { serial: 'OTHER' }],
  ['another size', { sizeBytes: 65 * MIB }],
  ['sectors of another size', { sectorBytes: 4096 }],
  ['something else on it', { digest: 'ab' }],
])('a disk that has %s than when it was planned is not written to', async (_title, change) => {
  using disk = loopDisk();
  const host = hostWith([disk]);
  const drives = drivesOf({ type: 'virtio' }, { partitions: SMALL });
  const planned: Step[] = [];
  const before = digestOf(disk);
  await expect(
    applyTo([disk], drives, (step) => {
      planned.push(step);
      throw new Error('planned');
    }),
  ).rejects.toThrow('planned');
  const [step] = planned;
  if (step?.kind !== 'write-table') throw new Error('no table is planned');
  const { digest, ...who } = { digest: step.found.digest, ...change };
  const warned: string[] = [];
  const task = {
    say: () => undefined,
    warn: (text: string) => void warned.push(text),
    signal: new AbortController().signal,
  };
  await applyStep({ ...step, disk: { ...step.disk, ...who }, found: { ...step.found, digest } }, host, task);
  expect(warned).toEqual([expect.stringMatching(/^DEGRADED: drive main: .*; nothing was written$/)]);
  expect(digestOf(disk)).toBe(before);
});
