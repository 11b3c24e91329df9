import type { Config } from '../../config/config.ts';
import { reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { LOG_NUMBER } from '../paths.ts';
import { machineMounts, RUNNING } from '../roots.ts';
import { endOf } from './end-of-text.ts';
import { findLogs } from './find-logs.ts';
import { logHome } from './log-home.ts';
import { keepLog } from './log-ring.ts';
import { planArchive } from './plan-archive.ts';
import { redact } from './redact.ts';
import { archiveChunks } from './write-archive.ts';

/** The most that a way down waits for, and leaves what it has not read by then out. */
const MOST_MS = 40_000;
const PROGRAM_MS = 10_000;
const MOST_OUTPUT = 32 << 20;
/** Headers of what is ours, and what is said of what is left out. */
const BESIDE_BYTES = 64 << 10;
const MOST_TEXT_BYTES = 2 << 20;
/** What `journalctl -b` has at its end: the way down is there, and what led to it. */
const JOURNAL_LINES = '5000';

/** journald keeps its files in RAM where the disk's folder is not there (journald.conf(5), `Storage=auto`). */
const JOURNAL_ON_DISK = '/var/log/journal';
const JOURNAL_IN_RAM = '/run/log/journal';

const DMESG = ['dmesg'];
const JOURNAL = ['journalctl', '-b', '--no-pager', '-q', '-o', 'short-precise', '-n', JOURNAL_LINES];
/** There is while systemd runs (sd_booted(3)). */
const BY_SYSTEMD = '/run/systemd/system';

export interface KeptStop {
  readonly dir: string;
  readonly number: number;
  readonly files: number;
  readonly left: number;
}

/**
 * Keeps the logs of a system that stops: what the kernel and journald said, and what log.conf names, in one archive that takes at most
 * half of the room for all logs. undefined: no disk is there that could keep them, or log.conf wants none. Throws as the disk does.
 */
export async function keepStopLogs(
  host: Pick<Host, 'files' | 'exec' | 'clock'>,
  settings: Config['log'],
): Promise<KeptStop | undefined> {
  const { files, clock } = host;
  const deadlineMs = clock.uptimeMs() + MOST_MS;
  const dir = logHome(await machineMounts(host), [RUNNING], settings);
  if (dir === undefined || settings.keep === 0) return undefined;
  const roomBytes = Math.floor(settings.limitBytes / 2);
  const texts = new Map<string, string>();
  const programs: Readonly<Record<string, readonly string[]>> = {
    'dmesg.txt': DMESG,
    ...((await files.stat(BY_SYSTEMD)) && { 'journal.txt': JOURNAL }),
  };
  for (const [name, argv] of Object.entries(programs)) {
    const text = await outputOf(host, argv);
    if (text !== '') texts.set(name, redact(endOf(text, Math.min(MOST_TEXT_BYTES, Math.floor(roomBytes / 4)))));
  }
  const textBytes = [...texts.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  await using found = await findLogs(files, await placesOf(files, settings.archive));
  const { taken, left } = planArchive(found.files, roomBytes - textBytes - Math.min(BESIDE_BYTES, roomBytes / 8));
  const plan = { texts, taken, left: [...found.left, ...left], deadlineMs };
  const told = Number.parseInt(await files.readText(LOG_NUMBER).catch(() => ''), 10);
  const number = await keepLog(
    files,
    dir,
    settings,
    { kind: 'stop', number: Number.isInteger(told) ? told : undefined },
    () => archiveChunks(clock, plan),
  );
  return { dir, number, files: taken.length, left: plan.left.length };
}

/** Who wants /var/log wants the journal, too, wherever journald has it. */
async function placesOf(files: Pick<Host['files'], 'stat'>, named: readonly string[]): Promise<readonly string[]> {
  const wantsJournal = named.some((path) => JOURNAL_ON_DISK === path || JOURNAL_ON_DISK.startsWith(`${path}/`));
  return wantsJournal && !(await files.stat(JOURNAL_ON_DISK)) ? [...named, JOURNAL_IN_RAM] : named;
}

/** A program that is not there, or hangs, costs its own text alone. */
const outputOf = ({ exec }: Pick<Host, 'exec'>, argv: readonly string[]): Promise<string> =>
  exec.run(argv, { timeoutMs: PROGRAM_MS, mostOutput: MOST_OUTPUT }).then(
    ({ stdout }) => stdout,
    (error: unknown) => `${argv.join(' ')}: ${reasonOf(error)}\n`,
  );
