import { setTimeout as sleep } from 'node:timers/promises';
import { DEVICE, VolumeLab } from '../../../test/fixtures/volume/volume-lab.ts';
import { fsyncTimes } from '../../../test/fixtures/volume/volume-writes.ts';

/** Of the fsyncs of one run, in ms. */
export interface FsyncTimes {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

/** What a volume of DRBD costs whoever writes into it, in a guest. */
export interface VolumeCost {
  readonly sizeMiB: number;
  /** Until a blank machine had all of it, by its kernel's clock, s. */
  readonly firstSyncS: number;
  readonly writes: Readonly<Record<'ram' | 'peer' | 'slow' | 'frozen' | 'dead', FsyncTimes>>;
}

const RAM = '/run/ram';
const LOOK_MS = 1_000;
const PATIENCE_MS = 300_000;

/** `seconds` of each. */
export async function measureVolume(
  { sizeMiB, seconds }: { readonly sizeMiB: number; readonly seconds: number },
  say: (text: string) => void,
): Promise<VolumeCost> {
  await using lab = await VolumeLab.make({ logName: 'bench-volume', sizeMiB });
  say(`a management host and a machine with a volume of ${sizeMiB} MiB`);
  await lab.bootManagement();
  const machine = await lab.bootMachine();
  const firstSyncS = syncSeconds(await machine.run('dmesg'));
  const times = async (what: string, path?: string): Promise<FsyncTimes> => {
    say(`${seconds} s of 10 MB/s: ${what}`);
    return summary(await fsyncTimes(machine, { seconds, ...(path !== undefined && { path }) }));
  };
  const inStep = () =>
    until(async () => / cs:Connected .*UpToDate\/UpToDate /.test(await machine.run('cat /proc/drbd')));
  // The same file system on the same kind of disk, without DRBD.
  const options = await machine.run(`awk '$1 == "${DEVICE}" { print $4 }' /proc/mounts`);
  const disk = [
    `mkdir ${RAM} ${RAM}.disk; mount -t tmpfs ram ${RAM}.disk; truncate -s ${sizeMiB}M ${RAM}.disk/file`,
    `mkfs.ext4 -q -m 0 ${RAM}.disk/file; mount -o loop,${options} ${RAM}.disk/file ${RAM}; chown pi ${RAM}`,
  ];
  await machine.run(`set -e; ${disk.join('; ')}`);
  const ram = await times('RAM alone', `${RAM}/writes`);
  await inStep();
  const peer = await times('with a peer');
  await inStep();
  await machine.run('tc qdisc add dev eth0 root tbf rate 64kbit burst 4k latency 400ms');
  const slow = await times('with a peer behind 64 kbit/s');
  await machine.run('tc qdisc del dev eth0 root');
  await inStep();
  await lab.management.vm.qmp('stop');
  const frozen = await times('with a peer that is frozen');
  await lab.management.vm.qmp('cont');
  await inStep();
  const killed = times('with a peer that dies');
  await sleep(LOOK_MS);
  await lab.management.pullPlug();
  return { sizeMiB, firstSyncS, writes: { ram, peer, slow, frozen, dead: await killed } };
}

/** Between two lines of the kernel's log. */
function syncSeconds(log: string): number {
  const at = (line: RegExp): number => Number(line.exec(log)?.[1] ?? Number.NaN);
  return at(/\[ *([\d.]+)\] .*: Resync done/) - at(/\[ *([\d.]+)\] .*: Began resync as SyncTarget/);
}

function summary(sorted: readonly number[]): FsyncTimes {
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), longest: at(1) };
}

async function until(is: () => Promise<boolean>): Promise<void> {
  const giveUpMs = performance.now() + PATIENCE_MS;
  while (!(await is())) {
    if (performance.now() > giveUpMs) throw new Error('both sides did not get in step');
    await sleep(LOOK_MS);
  }
}
