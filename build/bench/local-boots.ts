import { readFile, truncate, writeFile } from 'node:fs/promises';
import { execa } from 'execa';
import type { JournalLine } from '../../src/boot/record/journal-reader.ts';
import { writeCpio } from '../../src/image/initramfs/cpio/cpio.ts';
import { appendSegment } from '../../src/image/initramfs/segments/join-segments.ts';
import { initToHandoverS } from './breakdown.ts';
import { readHashTimes } from './console-reading.ts';
import { EVENTS, NETBOOT, outcome, tryBoot } from './contenders.ts';
import type { Boot, MachineOptions } from './machine.ts';
import type { Material } from './material.ts';
import type { Servers } from './servers.ts';
import { type Spread, spreadOf } from './statistics.ts';

export interface LocalResult {
  /** From /init to the hand-over, of a root on a disk and without a network. */
  readonly planS?: Spread | undefined;
  /** Processor time of qemu from /init to the system's init. */
  readonly planCpuS?: Spread | undefined;
  /** MemAvailable after the hand-over on a machine with 256 MiB; undefined when it did not come so far. */
  readonly smallMemAvailableKb?: number | undefined;
  /** The same with 2 GiB, of a machine whose disk has a copy of the image. */
  readonly copyMemAvailableKb?: number | undefined;
  /** Seconds by what is hashed. */
  readonly hashing: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

/** Boots of ours that need no race: a root on a disk, little RAM, and what hashing costs. */
export async function localBoots(
  material: Material,
  servers: Servers,
  rounds: number,
  say: (text: string) => void,
): Promise<LocalResult> {
  const failures: string[] = [];
  const boot = async (title: string, log: string, machine: Omit<MachineOptions, 'kernel' | 'log'>) => {
    const result = await tryBoot({ ...machine, kernel: material.kernel, log: `${material.home}/logs/${log}` });
    say(`${title}: ${outcome(result)}`);
    if (!(result instanceof Error)) return result;
    failures.push(`${title}: ${result.message}`);
    return undefined;
  };
  const fromDisk = {
    initramfs: material.statectl,
    cmdline: `root=/dev/vda ${EVENTS}`,
    network: false,
    disk: { file: material.root, access: 'read-only' },
  } as const;
  const local: Boot[] = [];
  for (let round = 1; round <= rounds; round++) {
    const result = await boot('root on a disk', `local-${round}`, { ...fromDisk, memoryMiB: NETBOOT.memoryMiB });
    if (result) local.push(result);
  }
  const small = await boot('root on a disk, 256 MiB', 'local-256MiB', { ...fromDisk, memoryMiB: 256 });

  const hash = await boot('hashing the segments', 'hash', {
    initramfs: await withBenchHash(material),
    cmdline: 'rdinit=/bench-hash',
    memoryMiB: NETBOOT.memoryMiB,
    network: false,
  });
  const withCopy = {
    ...NETBOOT,
    initramfs: material.statectl,
    cmdline: `statectl.server=${servers.statectlUrl} ip=dhcp ${EVENTS}`,
    disk: { file: await emptyUserData(material), access: 'read-write' },
  } as const;
  const first = await boot('with a disk, first boot', 'copy-first', withCopy);
  const second = first && (await boot('with a disk, from its own copy', 'copy-second', withCopy));
  return {
    planS: spreadOf(local.flatMap((each) => initToHandoverS(each) ?? [])),
    planCpuS: spreadOf(local.map(({ cpuSinceInitS }) => cpuSinceInitS)),
    smallMemAvailableKb: small?.marker.memAvailableKb,
    copyMemAvailableKb: second?.marker.memAvailableKb,
    hashing: { ...Object.fromEntries(readHashTimes(hash?.console ?? '')), ...imageHashing(second?.events ?? []) },
    failures,
  };
}

/** A copy is hashed before it is mounted, with nothing else going on: the step is the time for the image. */
const imageHashing = (events: readonly JournalLine[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    events.flatMap((entry) =>
      entry.event === 'step' && entry.step.startsWith('verify ') ? [['root.squashfs', entry.tookMs / 1000]] : [],
    ),
  );

async function withBenchHash({ home, statectl }: Material): Promise<string> {
  const file = `${home}/hash.img`;
  const script = {
    name: 'bench-hash',
    type: 'file',
    mode: 0o755,
    data: await readFile('build/bench/bench-hash'),
  } as const;
  await writeFile(file, appendSegment(await readFile(statectl), writeCpio([script])));
  return file;
}

const USER_DATA_BYTES = 512 * 2 ** 20;

async function emptyUserData({ home }: Material): Promise<string> {
  const file = `${home}/user-data.ext4`;
  await writeFile(file, '');
  await truncate(file, USER_DATA_BYTES);
  await execa('mkfs.ext4', ['-q', '-F', '-L', 'user-data', file]);
  return file;
}
