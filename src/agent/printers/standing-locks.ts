import type { Host } from '../../host/host.ts';
import { inhibitors } from '../../machine/locks/inhibitors.ts';
import { isLock, LOCK_LIMIT_MS, type Lock } from '../../machine/locks/lock.ts';
import { judgeLocks, readLocks } from '../../machine/locks/lock-folder.ts';
import { readAgentState } from '../agent-state.ts';
import { readFacts } from '../apply/boot-facts.ts';

/**
 * What must not be disturbed now: by the folder of root and by who inhibits a shutdown. Whoever is not root hears what the agent
 * last saw, as far as its holders live. Throws EACCES where no agent said any: that is not as if there were none.
 */
export async function standingLocks(host: Pick<Host, 'files' | 'exec' | 'clock'>): Promise<readonly Lock[]> {
  const seen = (await readAgentState(host))?.locks;
  const told = (seen ?? []).filter(isLock);
  const limitMs = await readFacts(host).then(
    ({ config }) => config.state.lock.limitMs,
    () => LOCK_LIMIT_MS,
  );
  const found = await readLocks(host, limitMs).catch((error: unknown) => {
    if (seen === undefined && (error as NodeJS.ErrnoException).code === 'EACCES') throw error;
  });
  if (!found) return (await judgeLocks(host, told)).held;
  const { locks } = await inhibitors(host, told, limitMs);
  return [...found.held, ...locks.filter(({ untilMs }) => untilMs > host.clock.now())];
}
