import { reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { inhibitors } from '../../machine/locks/inhibitors.ts';
import { isLock, LOCK_LIMIT_MS, type Lock, short } from '../../machine/locks/lock.ts';
import { judgeLocks, readLocks } from '../../machine/locks/lock-folder.ts';
import { readAgentState } from '../agent-state.ts';
import { readFacts } from '../apply/boot-facts.ts';

/**
 * What must not be disturbed now: by the folder of root and by who inhibits a shutdown. Whoever is not root hears what the agent
 * last saw, as far as its holders live. Throws EACCES where no agent said any: that is not as if there were none, nor are locks
 * that root itself cannot read.
 */
export async function standingLocks(host: Pick<Host, 'files' | 'exec' | 'clock'>): Promise<readonly Lock[]> {
  const seen = (await readAgentState(host))?.locks;
  const told = (seen ?? []).filter(isLock);
  const limitMs = await readFacts(host).then(
    ({ config }) => config.state.lock.limitMs,
    () => LOCK_LIMIT_MS,
  );
  const found = await readLocks(host, limitMs).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') return { held: [unreadableLocks(error, host.clock.now())] };
    if (seen === undefined) throw error;
    return undefined;
  });
  if (!found) return (await judgeLocks(host, told)).held;
  const { locks } = await inhibitors(host, told, limitMs);
  return [...found.held, ...locks.filter(({ untilMs }) => untilMs > host.clock.now())];
}

/** In the place of locks of which nobody knows: somebody may hold one. */
export const unreadableLocks = (error: unknown, nowMs: number): Lock => ({
  ...{ name: 'locks', holder: 'statectl' },
  what: short(`they cannot be read, so one may be held: ${reasonOf(error)}`),
  sinceMs: nowMs,
  untilMs: nowMs + LOCK_LIMIT_MS,
});
