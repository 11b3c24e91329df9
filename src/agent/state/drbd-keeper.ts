import type { StateItem } from '../../machine/state/restore.ts';
import type { KeeperContext } from './keeper.ts';

/** Tells how a volume stands. */
export async function keepDrbd({ began, tell }: KeeperContext<StateItem<'drbd'>>, signal: AbortSignal): Promise<never> {
  tell({ state: 'fault', why: began.why ?? 'nothing keeps it' });
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}
