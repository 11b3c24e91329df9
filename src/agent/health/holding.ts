import type { Host } from '../../host/host.ts';
import { isPrintLock, printLock } from '../../machine/locks/lock.ts';
import { isBusy } from '../printers/printer-state.ts';
import type { Prints } from '../printers/prints.ts';
import { standingLocks, unreadableLocks } from '../printers/standing-locks.ts';

/** Who must not be disturbed by a reboot, each in a few words: locks, and prints that have none yet. */
export async function whoHolds(
  host: Pick<Host, 'files' | 'exec' | 'clock'>,
  prints: Pick<Prints, 'states'>,
): Promise<readonly string[]> {
  // What is known of the printers counts besides.
  const locks = await standingLocks(host).catch((error) => [unreadableLocks(error, host.clock.now())]);
  const printing = Object.entries(prints.states()).filter(
    ([name, state]) => isBusy(state) && !locks.some((lock) => lock.name === printLock(name)),
  );
  return [
    ...locks
      // Of two holders the print is the one that a person can see.
      .toSorted((a, b) => Number(isPrintLock(b.name)) - Number(isPrintLock(a.name)))
      .map(({ name, holder, what }) => `${name} (${holder}: ${what})`),
    ...printing.map(([name, { state }]) => `${printLock(name)} (${name} is ${state})`),
  ];
}
