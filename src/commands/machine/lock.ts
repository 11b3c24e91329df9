import { standingLocks } from '../../agent/printers/standing-locks.ts';
import { Duration } from '../../config/settings/scalars.ts';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { processStart } from '../../host/kernel/process-start.ts';
import { isPrintLock, type Lock, lockName } from '../../machine/locks/lock.ts';
import { dropLock, writeLock } from '../../machine/locks/lock-folder.ts';
import { printableLine } from '../../printable.ts';
import { LOCKED_STATUS, LOCKED_WORD } from '../../protocol/lock-check.ts';
import { asciiTable } from '../ascii-table.ts';
import { print, printJson, remark } from '../print.ts';
import { shownMinute } from '../shown-minute.ts';
import { parseWords, unknownCommand } from './boot-words.ts';

type LockHost = Pick<Host, 'files' | 'exec' | 'clock'>;

/** `statectl lock`: what must not be disturbed on this machine. */
export async function lock(host: LockHost, [command = 'list', ...words]: readonly string[]): Promise<number> {
  switch (command) {
    case 'list':
      return await list(host, words);
    case 'check':
      return await check(host, words);
    case 'hold':
      return await hold(host, words);
    case 'drop':
      return await drop(host, words);
    default:
      throw unknownCommand('lock', command);
  }
}

async function list(host: LockHost, words: readonly string[]): Promise<number> {
  const { values } = parseWords('lock', { args: [...words], options: { json: { type: 'boolean' } } });
  const locks = await standingLocks(host);
  if (values.json) printJson(locks);
  else if (locks.length === 0) remark('nothing is locked');
  else
    print(
      asciiTable([
        ['LOCK', 'HOLDER', 'WHAT', 'SINCE', 'AT MOST UNTIL'],
        ...locks.map(({ name, holder, what, sinceMs, untilMs }) => [
          ...[name, holder, what].map(printableLine),
          shownMinute(sinceMs),
          shownMinute(untilMs),
        ]),
      ]),
    );
  return 0;
}

async function check(host: LockHost, words: readonly string[]): Promise<number> {
  parseWords('lock', { args: [...words], options: {} });
  const [first, ...others] = await standingLocks(host);
  if (!first) return 0;
  remark(lockedText(first, others.length));
  return LOCKED_STATUS;
}

/** The one sentence that every side says, and knows again. */
const lockedText = ({ name, holder, what, untilMs }: Lock, others: number): string =>
  `${LOCKED_WORD}${name} (${holder}: ${what}), at most until ${shownMinute(untilMs)}${others > 0 ? `, and ${others} more` : ''}`;

async function hold(host: LockHost, words: readonly string[]): Promise<number> {
  const at = words.indexOf('--');
  const argv = at < 0 ? [] : words.slice(at + 1);
  const { values, positionals } = parseWords('lock', {
    args: words.slice(0, at < 0 ? words.length : at),
    options: { for: { type: 'string' }, what: { type: 'string' } },
    allowPositionals: true,
  });
  const [name = '', ...more] = positionals;
  if (argv.length === 0 || more.length > 0)
    throw new StatectlError('usage', 'which lock, and what is to run?', {
      hint: 'statectl lock hold calibration --for 2h -- COMMAND',
    });
  const forMs = values.for === undefined ? Number.POSITIVE_INFINITY : durationOf(values.for);
  if (isPrintLock(lockName(name)))
    throw new StatectlError('lock-name', `${name} is a lock of the agent's`, {
      hint: 'names that begin with print- are those of prints: take another',
    });
  const holding = (await standingLocks(host)).find((other) => other.name === name);
  if (holding) throw new StatectlError('locked', lockedText(holding, 0));
  const pid = Number(await host.files.readlink('/proc/self'));
  const start = await processStart(host.files, pid);
  const sinceMs = host.clock.now();
  const what = values.what ?? argv.join(' ');
  await writeLock(host, {
    ...{ name, holder: 'statectl lock hold', what, pid, ...(start !== undefined && { start }), sinceMs },
    // The limit of config.d counts for who reads it; no date is later than this one.
    untilMs: sinceMs + Math.min(forMs, MOST_MS),
  });
  try {
    return (await host.exec.run(argv, { inherit: true })).exitCode;
  } finally {
    await dropLock(host, name);
  }
}

const MOST_MS = 365 * 86_400_000;

function durationOf(text: string): number {
  const { success, data } = Duration.safeParse(text);
  if (success && data > 0) return data;
  throw new StatectlError('usage', `"${text}" is no time such as 30m or 2h`);
}

async function drop(host: LockHost, words: readonly string[]): Promise<number> {
  const { positionals } = parseWords('lock', { args: [...words], options: {}, allowPositionals: true });
  const [name = '', ...more] = positionals;
  if (name === '' || more.length > 0)
    throw new StatectlError('usage', 'which lock is to be dropped?', { hint: '`statectl lock list` names them' });
  const held = (await standingLocks(host)).find((other) => other.name === lockName(name));
  if (!held)
    throw new StatectlError('lock-unknown', `there is no lock ${name}`, {
      hint: '`statectl lock list` names those that there are',
    });
  await dropLock(host, name);
  remark(
    isPrintLock(name)
      ? `${name} is dropped; the agent makes it again as long as the printer says that it prints`
      : `${name} is dropped`,
  );
  return 0;
}
