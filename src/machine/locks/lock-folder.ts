import type { Host } from '../../host/host.ts';
import { processStart } from '../../host/kernel/process-start.ts';
import { RUN } from '../paths.ts';
import { type Lock, lockName, lockText, readLock, whyDead } from './lock.ts';

/** Root's alone: a lock is the name of a file in it. It goes with the boot. */
const LOCKS = `${RUN}/locks`;

const MOST_BYTES = 16 * 1024;
const MOST_LOCKS = 100;

type LockHost = Pick<Host, 'files' | 'clock'>;

/** Makes a lock, or takes the place of one of the same name. */
export async function writeLock({ files, clock }: LockHost, lock: Lock): Promise<void> {
  await files.mkdir(LOCKS, 0o700);
  await files.chmod(LOCKS, 0o700);
  await files.write(`${LOCKS}/${lockName(lock.name)}`, lockText(lock, clock.uptimeMs()), { mode: 0o600 });
}

export const dropLock = ({ files }: Pick<Host, 'files'>, name: string): Promise<void> =>
  files.remove(`${LOCKS}/${lockName(name)}`);

export interface LocksFound {
  readonly held: readonly Lock[];
  /** Those that count no more, and why. */
  readonly dead: readonly { readonly lock: Lock; readonly why: string }[];
}

/** Every lock of the folder, by name. Throws EACCES for who is not root. */
export async function readLocks(host: LockHost, limitMs: number): Promise<LocksFound> {
  const { files } = host;
  const names = await files.list(LOCKS).catch((error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  const locks: Lock[] = [];
  const now = { nowMs: host.clock.now(), uptimeMs: host.clock.uptimeMs() };
  for (const name of names.filter(isName).slice(0, MOST_LOCKS)) {
    const stat = await files.stat(`${LOCKS}/${name}`);
    if (stat?.type !== 'file') continue;
    const file = await files.readRegular(`${LOCKS}/${name}`, MOST_BYTES).catch(() => undefined);
    locks.push(readLock(name, file?.bytes.toString() ?? '', Math.round(stat.mtimeMs), limitMs, now));
  }
  return await judgeLocks(host, locks);
}

/** Which of them hold: by the clock, and by the processes that there are. */
export async function judgeLocks({ files, clock }: LockHost, locks: readonly Lock[]): Promise<LocksFound> {
  const judged = [];
  for (const lock of locks) {
    const start = lock.pid === undefined ? undefined : await processStart(files, lock.pid);
    judged.push({ lock, why: whyDead(lock, clock.now(), start) });
  }
  return {
    held: judged.flatMap(({ lock, why }) => (why === undefined ? [lock] : [])),
    dead: judged.flatMap(({ lock, why }) => (why === undefined ? [] : [{ lock, why }])),
  };
}

const isName = (name: string): boolean => {
  try {
    return lockName(name) === name;
  } catch {
    return false;
  }
};
