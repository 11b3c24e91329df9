import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { Host } from '../../src/host/host.ts';
import { driveRounds } from '../../src/machine/disks/drive-rounds.ts';
import { writesOf } from '../../src/machine/disks/gpt.ts';
import { PARTITION_TYPES } from '../../src/machine/disks/guid.ts';
import { identify } from '../../src/machine/disks/identify-disk.ts';
import { offsetsOf, tableOf } from '../../src/machine/disks/layout.ts';
import { lookAtDrives, readContent } from '../../src/machine/disks/read-disk.ts';
import { machineHost, RUNNING } from '../../src/machine/roots.ts';
import { runSequence } from '../../src/machine/sequence.ts';
import { type MemoryDisk, memoryDisk, memoryDisksHost } from '../fixtures/disks/memory-disk.ts';
import { createFacts } from '../fixtures/facts.ts';
import { type Failure, failingHost, Stopped } from '../fixtures/hosts/failing.ts';

const MIB = 2 ** 20;

const MAIN: Config['drives'][string] = {
  match: { id: 'virtio-D1', minSizeBytes: undefined, maxSizeBytes: undefined },
  make: 'empty',
  partitions: {
    grub: { sizeBytes: MIB, type: 'raw', role: 'bios' },
    data: { sizeBytes: MIB, type: 'btrfs' },
    'user-data': { sizeBytes: 'rest', type: 'ext4' },
  },
};

/** What a boot does to the disks; gives what it warned of. */
async function boot(host: Host, drive = MAIN): Promise<readonly string[]> {
  const warned: string[] = [];
  const task = {
    say: () => undefined,
    warn: (text: string) => void warned.push(text),
    signal: new AbortController().signal,
  };
  const facts = createFacts();
  const config = { ...facts.config, drives: { main: drive } };
  await runSequence(driveRounds(), { ...facts, config }, machineHost(host, RUNNING), task);
  return warned;
}

/** A boot that the power, or a device, may leave alone. */
const bootOnce = (host: Host): Promise<unknown> =>
  boot(host).catch((error: unknown) => {
    if (!(error instanceof Stopped)) throw error;
  });

const contentOf = (disk: MemoryDisk) =>
  readContent(memoryDisksHost([disk]), { ...disk, device: '/dev/vd0' }, { offsets: offsetsOf(MAIN) });

/** What every machine with this disk has in the end. */
async function expectWhole(disk: MemoryDisk): Promise<void> {
  const content = await contentOf(disk);
  const identity = identify(content);
  if (identity.kind !== 'ours') throw new Error(`the disk is ${JSON.stringify(identity)}`);
  expect(identity.table.partitions.map(({ name, type }) => [name, type])).toEqual([
    ['grub', PARTITION_TYPES.bios],
    ['data', PARTITION_TYPES.linux],
    ['user-data', PARTITION_TYPES.linux],
  ]);
  expect(content.held).toMatchObject({ 2: { what: 'btrfs' }, 3: { what: 'ext2, ext3 or ext4' } });
}

/** A disk as a good boot left it. */
async function madeDisk(): Promise<MemoryDisk> {
  const disk = memoryDisk();
  await boot(memoryDisksHost([disk]));
  return disk;
}
const copyOf = (disk: MemoryDisk): MemoryDisk => ({ ...disk, bytes: Buffer.from(disk.bytes) });
const grown = (disk: MemoryDisk): MemoryDisk => ({
  ...disk,
  sizeBytes: disk.sizeBytes + 9 * MIB,
  bytes: Buffer.concat([disk.bytes, Buffer.alloc(9 * MIB)]),
});

const MADE = await madeDisk();
const SITUATIONS: Readonly<Record<string, () => MemoryDisk>> = {
  'an empty disk': () => memoryDisk(),
  'an empty disk of 4096 bytes a sector': () => memoryDisk({ sectorBytes: 4096 }),
  'a disk whose primary table is gone': () => {
    const disk = copyOf(MADE);
    disk.bytes.fill(0, 0, MIB);
    return disk;
  },
  'a disk whose backup table is gone': () => {
    const disk = copyOf(MADE);
    disk.bytes.fill(0, disk.bytes.length - MIB);
    return disk;
  },
  'a disk that was made larger': () => grown(copyOf(MADE)),
};

describe.each(Object.entries(SITUATIONS))('%s', (_title, make) => {
  it('is as it should be after a boot, and no boot after that writes', async () => {
    const disk = make();
    await boot(memoryDisksHost([disk]));
    await expectWhole(disk);
    const before = Buffer.from(disk.bytes);
    expect(await boot(memoryDisksHost([disk]))).toEqual([]);
    expect(disk.bytes.equals(before)).toBe(true);
  });

  it.each<Failure['how']>(['stop', 'error'])(
    'is so whichever effect of the boot before did not come (%s)',
    async (how) => {
      for (let at = 1; ; at += 1) {
        const disk = make();
        const host = failingHost(memoryDisksHost([disk]), { at, how });
        await bootOnce(host);
        if (host.effects < at) {
          expect(at).toBeGreaterThan(4);
          return;
        }
        await boot(memoryDisksHost([disk]));
        await expectWhole(disk);
      }
    },
  );

  it('is so whichever write of which program the power cut tore', async () => {
    for (let at = 1; ; at += 1)
      for (let writes = 0; writes <= 5; writes += 1) {
        const disk = make();
        const host = memoryDisksHost([disk], { at, writes });
        await bootOnce(host);
        if (host.programs() < at) {
          expect(at).toBeGreaterThan(2);
          return;
        }
        await boot(memoryDisksHost([disk]));
        await expectWhole(disk);
      }
  });
});

describe('what a boot encrypts', () => {
  const CRYPT: typeof MAIN = {
    ...MAIN,
    partitions: {
      plain: { sizeBytes: MIB, type: 'swap' },
      swap: { sizeBytes: MIB, type: 'swap', encrypt: 'ephemeral' },
      scratch: { sizeBytes: MIB, type: 'ext4', encrypt: 'ephemeral' },
      'user-data': { sizeBytes: 'rest', type: 'ext4' },
    },
  };
  const expectActive = ({ activated: { mapped, swaps } }: ReturnType<typeof memoryDisksHost>) => {
    expect([...mapped.keys()]).toEqual(['swap', 'scratch']);
    expect(swaps).toEqual(['/dev/disk/by-id/virtio-D1-part1', '/dev/mapper/swap']);
    for (const [index, [, table]] of [...mapped].entries())
      expect(table).toMatch(
        new RegExp(`^0 2048 crypt aes-xts-plain64 [0-9a-f]{128} 0 /dev/disk/by-id/virtio-D1-part${index + 2} 0\n$`),
      );
  };

  it('has a new key each time, told to nobody by an argument, and is switched on with all other swap', async () => {
    const disk = memoryDisk();
    const keys = new Set<string>();
    for (let boots = 1; boots <= 3; boots += 1) {
      const host = memoryDisksHost([disk]);
      const told: string[] = [];
      const run: Host['exec']['run'] = (argv, options) => {
        told.push(JSON.stringify([argv, options?.env]));
        return host.exec.run(argv, options);
      };
      expect(await boot({ ...host, exec: { run } }, CRYPT)).toEqual([]);
      expectActive(host);
      for (const [key = ''] of [...host.activated.mapped.values()].map((table) => /[0-9a-f]{128}/.exec(table) ?? [])) {
        keys.add(key);
        expect(told.join('\n')).not.toContain(key.slice(0, 16));
      }
    }
    expect(keys.size).toBe(6);
  });

  it('is there after the next boot, whichever effect of the one before did not come', async () => {
    for (const how of ['stop', 'error'] as const)
      for (let at = 1; ; at += 1) {
        const disk = memoryDisk();
        const host = memoryDisksHost([disk]);
        const failing = failingHost(host, { at, how });
        await boot(failing, CRYPT).catch((error: unknown) => {
          if (!(error instanceof Stopped)) throw error;
        });
        // What fails leaves nothing that is mapped and not of use.
        if (how === 'error' && failing.effects >= at)
          for (const name of host.activated.mapped.keys()) expect(['swap', 'scratch']).toContain(name);
        const next = memoryDisksHost([disk]);
        expect(await boot(next, CRYPT)).toEqual([]);
        expectActive(next);
        if (failing.effects < at) break;
      }
  });

  it('is unmapped again where no file system can be made in it, and the rest of the disk is of use', async () => {
    const host = memoryDisksHost([memoryDisk()]);
    const run: Host['exec']['run'] = async (argv, options) =>
      argv[0] === 'mkfs.ext4' && argv.at(-1) === '/dev/mapper/scratch'
        ? { exitCode: 1, stdout: '', stderr: 'Input/output error' }
        : host.exec.run(argv, options);
    expect(await boot({ ...host, exec: { run } }, CRYPT)).toEqual([
      'DEGRADED: drive main: scratch on virtio-D1: mkfs.ext4 failed: Input/output error',
    ]);
    expect([...host.activated.mapped.keys()]).toEqual(['swap']);
    expect(host.activated.swaps).toHaveLength(2);
  });
});

describe('a disk that fails its boot', () => {
  const OTHER = { ...MAIN, match: { ...MAIN.match, id: 'virtio-D2' } };
  /** What a boot of both says, whose programs are those of `run`. */
  async function bootBoth(host: Host, run: Host['exec']['run']) {
    const facts = createFacts();
    const warned: string[] = [];
    const task = {
      say: () => undefined,
      warn: (text: string) => void warned.push(text),
      signal: new AbortController().signal,
    };
    const config = { ...facts.config, drives: { main: MAIN, other: OTHER } };
    await runSequence(driveRounds(), { ...facts, config }, machineHost({ ...host, exec: { run } }, RUNNING), task);
    return warned;
  }

  it.each(['sfdisk', 'mkfs.btrfs', 'mkfs.ext4'])(
    'in the middle of %s is named, and the boot goes on with the others',
    async (program) => {
      const [first, second] = [memoryDisk(), memoryDisk({ serial: 'D2' })];
      const host = memoryDisksHost([first, second]);
      const run: Host['exec']['run'] = async (argv, options) =>
        argv[0] === program && argv.at(-1)?.includes('virtio-D1')
          ? { exitCode: 1, stdout: '', stderr: 'warming up\nInput/output error\n' }
          : host.exec.run(argv, options);
      const warned = await bootBoth(host, run);
      expect(warned).toEqual([expect.stringMatching(/^DEGRADED: drive main: .*virtio-D1.*: Input\/output error$/)]);
      await expectWhole(second);
      await boot(memoryDisksHost([first]));
      await expectWhole(first);
    },
  );
});

it('a disk is as it should be though the power was cut at each program of the boot that came after a cut', async () => {
  for (let at = 1; ; at += 1)
    for (let second = 1; ; second += 1) {
      const disk = memoryDisk();
      const host = memoryDisksHost([disk], { at, writes: 3 });
      await bootOnce(host);
      if (host.programs() < at) return;
      const again = memoryDisksHost([disk], { at: second, writes: 1 });
      await bootOnce(again);
      await boot(memoryDisksHost([disk]));
      await expectWhole(disk);
      if (again.programs() < second) break;
    }
});

it('bytes that are nearly those of a table that was begun are somebody else’s', async () => {
  const disk = memoryDisk();
  await bootOnce(memoryDisksHost([disk], { at: 1, writes: 1 }));
  const { main: begun } = await lookAtDrives(memoryDisksHost([disk]), { main: MAIN });
  expect(disk.bytes.every((byte) => byte === 0)).toBe(false);
  expect(begun?.content && identify(begun.content).kind).toBe('empty');
  const at = disk.bytes.findLastIndex((byte) => byte !== 0);
  disk.bytes[at] = (disk.bytes[at] ?? 0) ^ 1;
  const { main } = await lookAtDrives(memoryDisksHost([disk]), { main: MAIN });
  expect(main?.content && identify(main.content).kind).toBe('foreign');
});

it('a disk whose table was made over the data of somebody else is theirs until both copies are ours', async () => {
  const foreign = memoryDisk();
  const table = tableOf(MAIN, 'D1', foreign);
  if (typeof table === 'string') throw new Error(table);
  for (const side of ['primary', 'backup'] as const)
    for (const { offset, bytes } of writesOf({ ...table, guid: 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7' }, foreign, side))
      bytes.copy(foreign.bytes, offset);
  for (const { offset, bytes } of writesOf(table, foreign, 'backup')) bytes.copy(foreign.bytes, offset);
  expect(identify(await contentOf(foreign))).toMatchObject({ kind: 'foreign' });
});

/** What whoever takes a disk for something else writes over its beginning or end, which leaves the other copy of our table. */
const TAKEN: Readonly<Record<string, (disk: MemoryDisk) => void>> = {
  // As dd writes an image to a card.
  'an MBR partition table': ({ bytes }) => {
    bytes.fill(0, 0, MIB);
    bytes.set([0x80, 0, 0, 0, 0x0c, 0, 0, 0, 0, 8, 0, 0, 0, 64, 0, 0], 446);
    bytes.set([0x55, 0xaa], 510);
  },
  'ext2, ext3 or ext4': ({ bytes }) => {
    bytes.fill(0, 0, 4096);
    bytes.set([0x53, 0xef], 1080);
  },
  swap: ({ bytes }) => void bytes.write('SWAPSPACE2', 4086, 'latin1'),
  'a member of a RAID': ({ bytes, sizeBytes }) => {
    bytes.fill(0, sizeBytes - 20_480);
    bytes.set([0xfc, 0x4e, 0x2b, 0xa9], Math.floor(sizeBytes / 4096) * 4096 - 8192);
  },
};

it.each(Object.entries(TAKEN))('a disk of ours on which somebody put %s is not made ours again', async (what, take) => {
  const disk = copyOf(MADE);
  take(disk);
  const before = Buffer.from(disk.bytes);
  const warned = await boot(memoryDisksHost([disk]));
  expect(disk.bytes.equals(before)).toBe(true);
  expect(warned.join()).toContain(`is not touched: it has ${what}, and beside it`);
});

it.each([0, 1, 2, 3, 9, 33])('a disk of ours whose sector %i is damaged alone is made whole', async (sector) => {
  const disk = copyOf(MADE);
  for (let at = sector * 512; at < (sector + 1) * 512; at += 7) disk.bytes[at] = (disk.bytes[at] ?? 0) ^ 0x2a;
  await boot(memoryDisksHost([disk]));
  await expectWhole(disk);
});

it('a disk on which any single byte of its first or last MiB is written is not made', async () => {
  const disk = memoryDisk();
  const places = [0, 1, 511, 512, 4095, 4096, 65_600, MIB - 1].flatMap((at) => [at, disk.sizeBytes - 1 - at]);
  for (const at of places)
    for (const value of [0x01, 0xfe]) {
      disk.bytes[at] = value;
      const { main } = await lookAtDrives(memoryDisksHost([disk]), { main: MAIN });
      expect(main?.content && identify(main.content).kind, `${value} at ${at}`).toBe('foreign');
      disk.bytes[at] = 0;
    }
  disk.bytes.fill(0xff, 0, MIB);
  const { main } = await lookAtDrives(memoryDisksHost([disk]), { main: MAIN });
  expect(main?.content && identify(main.content).kind).toBe('empty');
});
