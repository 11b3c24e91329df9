import type { DrbdVersion } from '../../../host/kernel/drbd-status.ts';
import type { DrbdHead } from '../../../protocol/state/drbd.ts';
import { RUN_INITRAMFS } from '../../paths.ts';

/** A volume of this boot: what takes its connection up again, and what takes it down. With its secret, so it is root's alone. */
export interface Volume extends Pick<DrbdHead, 'resource' | 'peer' | 'port' | 'minor' | 'bytes' | 'secret' | 'alg'> {
  /** The machine's side of it: a file in a tmpfs of its own, seen through this loop device. */
  readonly loop: string;
}

type Argv = readonly string[];

/** One program with its words. `hidden`: it reads the secret on its standard input, see `withSecret`. */
export type DrbdCommand = { readonly argv: Argv } | { readonly hidden: Argv };

/** What a volume is told, whichever DRBD the kernel has: 8.4 and 9 know other words for the same. */
export interface DrbdCommands {
  /** In this order: blank, so that it is synced from the server whatever lay there; known to the kernel; connected. */
  readonly bringUp: readonly DrbdCommand[];
  /** Takes up a connection that was given up (StandAlone). */
  readonly connect: DrbdCommand;
  /** In this order: alone, so that what is written is of a generation of its own, and connected again. */
  readonly primary: readonly DrbdCommand[];
  readonly secondary: Argv;
}

const RUNTIME = `${RUN_INITRAMFS}/rt`;

/** The tools are the initramfs's, before and after the switch: no system needs them. */
export const drbdTool = (name: string, ...words: Argv): Argv => [
  ...[`${RUNTIME}/ld.so`, '--library-path', `${RUNTIME}/lib`, `${RUNTIME}/bin/${name}`],
  ...words,
];

/** Each module understands its own alone. */
export const drbdsetup = (version: DrbdVersion, ...words: Argv): Argv =>
  drbdTool(version === 9 ? 'drbdsetup' : 'drbdsetup-84', ...words);

/**
 * The one word that is secret is put in by a shell that hid its arguments before: those of a process are for everybody. What lies over
 * a folder of /proc goes with the process.
 */
const HIDDEN =
  'mount -t tmpfs -o mode=000,size=4k none /proc/$$ && read -r secret && exec "$@" "--shared-secret=$secret"';

/** What it is told on its standard input is the secret. Pure. */
export const withSecret = (argv: Argv): DrbdCommand => ({ hidden: ['sh', '-c', HIDDEN, 'sh', ...argv] });

/** Nothing is flushed, since it is RAM; what the server has as zeros takes none of it. */
export const DISK = [
  ...['--on-io-error=detach', '--disk-barrier=no', '--disk-flushes=no', '--md-flushes=no'],
  '--rs-discard-granularity=65536',
] as const;

/** At a fixed rate all of it is here in a moment, and gives way to who writes: the module's own begins with 250 KiB/s. */
export const RESYNC = ['--resync-rate=40M', '--c-plan-ahead=0'] as const;

/**
 * No write waits for the server: one that is slow is left behind (Ahead) long before the buffer is full, which counts more than what
 * is in it, and is never thrown out for it (`ko-count`). Behind 64 kbit/s and 10 MB/s of writes no fsync took longer than one
 * on RAM alone. One that is silent counts as gone after some seconds.
 */
export const NET = [
  ...['--protocol=A', '--on-congestion=pull-ahead', '--sndbuf-size=4M', '--congestion-fill=1M'],
  ...['--ko-count=0', '--timeout=30', '--ping-int=3', '--connect-int=3'],
] as const;

/** Digest of the proof that the secret is known. */
export const proofOption = ({ alg }: Pick<Volume, 'alg'>): string => `--cram-hmac-alg=${alg ?? 'sha256'}`;

/** The same words on both, with `ipv4:` where 9 wants it: any address of the machine will do, for with one that is just not there DRBD gives up for good. */
export const addressesOf = (
  { peer, port }: Pick<Volume, 'peer' | 'port'>,
  ipv4: '' | 'ipv4:',
): readonly [own: string, peer: string] =>
  peer.startsWith('[') ? [`ipv6:[::]:${port}`, `ipv6:${peer}`] : [`${ipv4}0.0.0.0:${port}`, `${ipv4}${peer}`];
