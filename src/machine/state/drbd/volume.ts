import { StatectlError } from '../../../error.ts';
import type { Host, RunOptions, RunResult } from '../../../host/host.ts';
import { drbdStatus, loadedDrbd } from '../../../host/kernel/drbd.ts';
import { type DrbdVersion, drbdVersion, type VolumeStatus } from '../../../host/kernel/drbd-status.ts';
import type { DrbdHead } from '../../../protocol/state/drbd.ts';
import { RUN } from '../../paths.ts';
import { lastLine, mustRun } from '../../steps/must-run.ts';
import { type DrbdCommand, type DrbdCommands, drbdsetup, type Volume } from './command-words.ts';
import { commands9 } from './commands-9.ts';
import { commands84 } from './commands-84.ts';

const SMALL_WAIT_MS = 200;

/** Where the machine's side lies. */
const backingOf = ({ resource }: Pick<Volume, 'resource'>): string => `${RUN}/drbd/${resource}`;
export const deviceOf = ({ minor }: Pick<Volume, 'minor'>): string => `/dev/drbd${minor}`;

/** Pure. */
export const drbdCommands = (version: DrbdVersion, volume: Volume): DrbdCommands =>
  version === 9 ? commands9(volume) : commands84(volume);

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
export const statusOf = (
  host: Machine,
  volume: Pick<Volume, 'resource' | 'minor'>,
): Promise<VolumeStatus | undefined> => drbdStatus(host, volume, drbdsetup(9));

/** Which kind of DRBD the kernel has. Throws `volume-failed`. */
async function versionOf({ files }: Pick<Host, 'files'>): Promise<DrbdVersion> {
  const said = await loadedDrbd(files);
  const version = drbdVersion(said);
  if (version !== undefined) return version;
  throw drbdFailed('the DRBD of this kernel', said === undefined ? 'it is not there' : `it is ${said}, not 8.4 or 9`);
}

/** The modules, and that they are some which our tools speak to. Throws `volume-failed`. */
async function loadModules(host: Machine): Promise<DrbdVersion> {
  // Handlers of a system that has drbdadm would refuse a synchronisation that no file of theirs knows.
  for (const words of [['loop'], ['drbd', 'usermode_helper=/bin/true']])
    await mustRun(host, ['modprobe', ...words], 'volume-failed', 'is it in the image? `statectl initramfs list` tells');
  const version = await versionOf(host);
  // 9 has what speaks TCP in a module of its own, and asks for it only by a program that no initramfs needs to have.
  if (version === 9) await mustRun(host, ['modprobe', 'drbd_transport_tcp'], 'volume-failed', 'is it in the image?');
  return version;
}

/** Makes the machine's side, blank, and lets it connect. Throws `volume-failed`; what it made until then is for `takeDown`. */
export async function bringUp(host: Machine, head: DrbdHead): Promise<Volume> {
  const version = await loadModules(host);
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
  for (const command of drbdCommands(version, volume).bringUp) await tell(host, volume, command);
  return volume;
}

const tell = (host: Machine, { secret }: Volume, command: DrbdCommand): Promise<RunResult> =>
  'argv' in command ? run(host, command.argv) : run(host, command.hidden, { input: `${secret}\n` });

/** Of one that gave its connection up (StandAlone). Throws `volume-failed`. */
export async function connect(host: Machine, volume: Volume): Promise<void> {
  await tell(host, volume, drbdCommands(await versionOf(host), volume).connect);
}

/** Of a server that was there a moment ago. */
const JOIN_MS = 5_000;

/**
 * What this boot writes is of a generation of its own, which a side gets that becomes the primary alone; the server takes it over when both
 * are connected again. Else a machine that this one replaced, and whose network is back, had the generation that the server has:
 * it would be taken for ahead of it, and send what it changed into what its successor wrote. As it is, they are strangers.
 * Never by force: a side that made itself the newest could not be joined with the server's again. Throws `volume-failed`.
 */
export async function becomePrimary(
  host: Machine & Pick<Host, 'clock'>,
  volume: Volume,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = host;
  for (const command of drbdCommands(await versionOf(host), volume).primary) await tell(host, volume, command);
  // While nothing is written the server has nothing to catch up with: a power cut finds it whole.
  for (const endMs = clock.uptimeMs() + JOIN_MS; clock.uptimeMs() < endMs; await clock.sleep(SMALL_WAIT_MS, signal)) {
    const status = await statusOf(host, volume);
    if (status?.connection === 'Connected' && status.peerDisk === 'UpToDate') return;
  }
}

/** It is given up, if nothing uses it any more. Throws `volume-failed`. */
export async function makeSecondary(host: Machine, volume: Volume): Promise<void> {
  await run(host, drbdCommands(await versionOf(host), volume).secondary);
}

/** Whatever of it is there goes, as it goes: nothing of this throws. */
export async function takeDown(host: Machine, { resource }: Pick<Volume, 'resource'>): Promise<void> {
  const { exec, files } = host;
  const attempt = (argv: readonly string[]) => exec.run(argv).catch(() => undefined);
  const folder = backingOf({ resource });
  const isThere = (await files.stat(`${folder}/volume`)) !== undefined;
  const version = drbdVersion(await loadedDrbd(files));
  if (version !== undefined) await attempt(drbdsetup(version, 'down', resource));
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
/** Both sides call each other, and what they say at once may break off some times before they agree. */
const HAS_ANSWERED = /^(?:WFReportParams|Connected|BrokenPipe|NetworkFailure|ProtocolError|TearDown)$/;

/** Until all of the server's side is here. Throws `volume-late` with what is in the way. */
export async function untilUpToDate(
  host: Machine & Pick<Host, 'clock'>,
  volume: Volume,
  { waitMs, signal }: Waiting,
): Promise<void> {
  const { clock } = host;
  const beginMs = clock.uptimeMs();
  let hasAnswered = false;
  for (;;) {
    const status = await statusOf(host, volume);
    const passedMs = clock.uptimeMs() - beginMs;
    hasAnswered ||= HAS_ANSWERED.test(status?.connection ?? '');
    const why = status ? inTheWay(status, volume, { passedMs, waitMs, hasAnswered }) : 'the kernel lost it';
    if (why === undefined) return;
    if (why !== 'wait') throw new StatectlError('volume-late', why);
    await clock.sleep(SMALL_WAIT_MS, signal);
  }
}

export interface WaitSoFar {
  readonly passedMs: number;
  readonly waitMs: number;
  /** At any moment of it. */
  readonly hasAnswered?: boolean;
}

/** It hears nobody else while a machine is connected. */
const SILENT = 'does not answer: it is away, or has another machine';

/** Undefined: it is there; `wait`: nothing yet. Pure. */
export function inTheWay(
  status: VolumeStatus,
  { peer }: Pick<Volume, 'peer'>,
  { passedMs, waitMs, hasAnswered = false }: WaitSoFar,
): string | undefined {
  const { connection, disk, peerRole, peerDisk, syncedPercent } = status;
  if (peerRole === 'Primary') return `${peer} uses the volume itself (it is mounted there)`;
  if (disk === 'UpToDate') return undefined;
  if (connection === 'StandAlone')
    return `${peer} and this machine do not go together: another secret, or data of another volume`;
  // 9 begins to bring what nobody has, and pauses.
  if (
    /^(?:Connected|PausedSyncT)$/.test(connection) &&
    ['Diskless', 'Inconsistent', 'Failed', 'Outdated'].includes(peerDisk)
  )
    return `the disk of ${peer} is ${peerDisk}`;
  const isLate = passedMs >= waitMs;
  if (peerRole === 'Unknown') return isLate || (passedMs >= CONNECT_MS && !hasAnswered) ? `${peer} ${SILENT}` : 'wait';
  return isLate ? `${peer} sent ${syncedPercent ?? 0} % within ${Math.round(waitMs / 1000)} s` : 'wait';
}
