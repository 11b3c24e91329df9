import { StatectlError } from '../../../error.ts';
import type { Host, RunOptions, RunResult } from '../../../host/host.ts';
import { moduleVersion, type VolumeStatus, volumeStatus } from '../../../host/kernel/drbd-status.ts';
import type { DrbdHead } from '../../../protocol/state/drbd.ts';
import { RUN, RUN_INITRAMFS } from '../../paths.ts';
import { lastLine, mustRun } from '../../steps/must-run.ts';

/** A volume of this boot: what takes its connection up again, and what takes it down. With its secret, so it is root's alone. */
export interface Volume extends Pick<DrbdHead, 'resource' | 'peer' | 'port' | 'minor' | 'bytes' | 'secret' | 'alg'> {
  /** The machine's side of it: a file in a tmpfs of its own, seen through this loop device. */
  readonly loop: string;
}

const RUNTIME = `${RUN_INITRAMFS}/rt`;
const SMALL_WAIT_MS = 200;

/** The tools are the initramfs's, before and after the switch: no system needs them. */
const tool = (name: string, ...words: readonly string[]): readonly string[] => [
  ...[`${RUNTIME}/ld.so`, '--library-path', `${RUNTIME}/lib`, `${RUNTIME}/bin/${name}`],
  ...words,
];
export const drbdsetup = (...words: readonly string[]): readonly string[] => tool('drbdsetup-84', ...words);

/** Where the machine's side lies. */
const backingOf = ({ resource }: Pick<Volume, 'resource'>): string => `${RUN}/drbd/${resource}`;
export const deviceOf = ({ minor }: Pick<Volume, 'minor'>): string => `/dev/drbd${minor}`;

/**
 * Nothing is flushed, since it is RAM; what the server has as zeros takes none of it. At a fixed rate all of it is here in a moment,
 * and gives way to who writes: the module's own begins with 250 KiB/s.
 */
const DISK = [
  ...['--on-io-error=detach', '--disk-barrier=no', '--disk-flushes=no', '--md-flushes=no'],
  ...['--resync-rate=40M', '--c-plan-ahead=0', '--rs-discard-granularity=65536'],
] as const;

/**
 * No write waits for the server: one that is slow is left behind (Ahead) long before the buffer is full, which counts more than what
 * is in it, and is never thrown out for it (`ko-count`). Behind 64 kbit/s and 10 MB/s of writes no fsync took longer than one
 * on RAM alone. One that is silent counts as gone after some seconds.
 */
const NET = [
  ...['--protocol=A', '--on-congestion=pull-ahead', '--sndbuf-size=4M', '--congestion-fill=1M'],
  ...['--ko-count=0', '--timeout=30', '--ping-int=3', '--ping-timeout=10', '--connect-int=3'],
] as const;

/** Blank it is synced from the server, whatever lay there; so it has to be made before each `attach`. Pure. */
export const attachCommands = ({ resource, minor, loop }: Volume): readonly (readonly string[])[] => [
  tool('drbdmeta', '--force', String(minor), 'v08', loop, 'internal', 'create-md'),
  drbdsetup('new-resource', resource),
  drbdsetup('new-minor', resource, String(minor), '0'),
  drbdsetup('attach', String(minor), loop, loop, 'internal', ...DISK),
];

/** Any address of the machine will do: with one that is just not there DRBD gives up for good. */
const localOf = ({ peer, port }: Volume): string => (peer.startsWith('[') ? `ipv6:[::]:${port}` : `0.0.0.0:${port}`);
const peerOf = ({ peer }: Volume): string => (peer.startsWith('[') ? `ipv6:${peer}` : peer);

/**
 * The one word that is secret is put in by a shell that hid its arguments before: those of a process are for everybody, and DRBD
 * has to be told it again for each connection that it gave up. What lies over a folder of /proc goes with the process.
 */
const HIDDEN =
  'mount -t tmpfs -o mode=000,size=4k none /proc/$$ && read -r secret && exec "$@" "--shared-secret=$secret"';

/** What it is told on its standard input is the secret. Pure. */
export const connectCommand = (volume: Volume): readonly string[] => [
  ...['sh', '-c', HIDDEN, 'sh'],
  ...drbdsetup('connect', volume.resource, localOf(volume), peerOf(volume), ...NET),
  `--cram-hmac-alg=${volume.alg ?? 'sha256'}`,
];

type Machine = Pick<Host, 'exec' | 'files'>;

const drbdFailed = (what: string, why: string): StatectlError =>
  new StatectlError('volume-failed', `${what}: ${why}`, { hint: 'dmesg | grep drbd says what the kernel saw' });

async function run({ exec }: Machine, argv: readonly string[], options?: RunOptions): Promise<RunResult> {
  const result = await exec.run(argv, options);
  if (result.exitCode === 0) return result;
  const words = argv.slice(argv.findIndex((word) => /drbdsetup|drbdmeta/.test(word)));
  const said = [words[0]?.split('/').at(-1), words[1]].join(' ');
  throw drbdFailed(said, result.stderr.trim().split('\n').at(0) || lastLine(result));
}

/** Undefined: the kernel has no such volume. */
export const statusOf = async (
  { files }: Pick<Host, 'files'>,
  { minor }: Pick<Volume, 'minor'>,
): Promise<VolumeStatus | undefined> => volumeStatus(await files.readText('/proc/drbd').catch(() => ''), minor);

/** The modules, and that they are those which our tools speak to. Throws `volume-failed`. */
async function loadModules(host: Machine): Promise<void> {
  // Handlers of a system that has drbdadm would refuse a synchronisation that no file of theirs knows.
  for (const words of [['loop'], ['drbd', 'usermode_helper=/bin/true']])
    await mustRun(host, ['modprobe', ...words], 'volume-failed', 'is it in the image? `statectl initramfs list` tells');
  const version = moduleVersion(await host.files.readText('/proc/drbd').catch(() => ''));
  if (version?.startsWith('8.4')) return;
  throw drbdFailed('the DRBD of this kernel', version === undefined ? 'it is not there' : `it is ${version}, not 8.4`);
}

/** Makes the machine's side, blank, and lets it connect. Throws `volume-failed`; what it made until then is for `takeDown`. */
export async function bringUp(host: Machine, head: DrbdHead): Promise<Volume> {
  await loadModules(host);
  await takeDown(host, head);
  const folder = backingOf(head);
  const file = `${folder}/volume`;
  const must = (argv: readonly string[]) => mustRun(host, argv, 'volume-failed', 'dmesg | tail');
  // Its programs lock what they work on there, and an initramfs has none of them.
  for (const theirs of ['/var/lock', '/var/run', '/var/lib/drbd']) await host.files.mkdir(theirs, 0o755);
  await host.files.mkdir(folder, 0o700);
  await must(['mount', '-t', 'tmpfs', '-o', `size=${head.bytes},mode=700,nosuid,nodev,noexec`, 'volume', folder]);
  await must(['truncate', '-s', String(head.bytes), file]);
  const { stdout } = await host.exec.run(['losetup', '-f']);
  const loop = stdout.trim();
  await must(['losetup', loop, file]);
  const volume: Volume = { ...head, loop };
  for (const argv of attachCommands(volume)) await run(host, argv);
  await connect(host, volume);
  return volume;
}

/** Also of one that gave its connection up (StandAlone). Throws `volume-failed`. */
export async function connect(host: Machine, volume: Volume): Promise<void> {
  await run(host, connectCommand(volume), { input: `${volume.secret}\n` });
}

/** Whatever of it is there goes, as it goes: nothing of this throws. */
export async function takeDown(host: Machine, { resource }: Pick<Volume, 'resource'>): Promise<void> {
  const { exec, files } = host;
  const attempt = (argv: readonly string[]) => exec.run(argv).catch(() => undefined);
  const folder = backingOf({ resource });
  const isThere = (await files.stat(`${folder}/volume`)) !== undefined;
  if (isThere || (await files.stat('/sys/module/drbd'))) await attempt(drbdsetup('down', resource));
  if (!isThere) return;
  const { stdout = '' } = (await attempt(['losetup', '-a'])) ?? {};
  const loop = stdout.split('\n').find((line) => line.includes(`${folder}/volume`));
  if (loop) await attempt(['losetup', '-d', loop.split(':')[0] ?? '']);
  await attempt(['umount', folder]);
}

export interface Waiting {
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** A server that restarted, or that still takes the boot before for alive, answers within this. */
const CONNECT_MS = 20_000;

/** Until all of the server's side is here. Throws `volume-late` with what is in the way. */
export async function untilUpToDate(
  { files, clock }: Pick<Host, 'files' | 'clock'>,
  volume: Pick<Volume, 'minor' | 'peer'>,
  { waitMs, signal }: Waiting,
): Promise<void> {
  const beginMs = clock.uptimeMs();
  for (;;) {
    const status = await statusOf({ files }, volume);
    const passedMs = clock.uptimeMs() - beginMs;
    const why = status ? inTheWay(status, volume, { passedMs, waitMs }) : 'the kernel lost it';
    if (why === undefined) return;
    if (why !== 'wait') throw new StatectlError('volume-late', why);
    await clock.sleep(SMALL_WAIT_MS, signal);
  }
}

/** Undefined: it is there; `wait`: nothing yet. Pure. */
export function inTheWay(
  status: VolumeStatus,
  { peer }: Pick<Volume, 'peer'>,
  { passedMs, waitMs }: { readonly passedMs: number; readonly waitMs: number },
): string | undefined {
  const { connection, disk, peerRole, peerDisk, syncedPercent } = status;
  if (peerRole === 'Primary') return `${peer} uses the volume itself (it is mounted there)`;
  if (disk === 'UpToDate') return undefined;
  if (connection === 'StandAlone')
    return `${peer} and this machine do not go together: another secret, or data of another volume`;
  if (connection === 'Connected' && ['Diskless', 'Inconsistent', 'Failed', 'Outdated'].includes(peerDisk))
    return `the disk of ${peer} is ${peerDisk}`;
  const isLate = passedMs >= waitMs;
  if (peerRole === 'Unknown') return isLate || passedMs >= CONNECT_MS ? `${peer} does not answer` : 'wait';
  return isLate ? `${peer} sent ${syncedPercent ?? 0} % within ${Math.round(waitMs / 1000)} s` : 'wait';
}
