import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { wasResetByWatchdog } from '../watchdog/watchdog-facts.ts';
import { freshRecords, panicIn } from './crash-records.ts';

/** How the boot before this one ended, as far as the kernel and the hardware tell: evidence for its verdict. */
export interface EndFacts {
  /** Why the kernel panicked. */
  readonly panic?: string;
  /** Of the record that says so: a cut before it was kept makes a later boot find the same one. */
  readonly panicId?: string;
  /** The hardware watchdog reset the machine. */
  readonly watchdogReset?: true;
}

/** undefined: nothing is told. */
export async function endFacts(
  host: Pick<Host, 'files'>,
  { warn }: Pick<TaskContext, 'warn'>,
): Promise<EndFacts | undefined> {
  const panicked = panicIn(await freshRecords(host));
  const reset = await wasResetByWatchdog(host);
  if (panicked) warn(`the kernel panicked before this boot: ${panicked.panic}`);
  if (reset) warn('the hardware watchdog reset this machine before this boot');
  return panicked || reset ? { ...panicked, ...(reset && { watchdogReset: true }) } : undefined;
}
