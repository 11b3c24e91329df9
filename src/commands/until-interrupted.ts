import { constants } from 'node:os';
import { StatectlError } from '../error.ts';

/** Ctrl-C ends what was begun, which says how far it came; the second one ends this program at once. */
export function untilInterrupted(): AbortSignal {
  const abort = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (abort.signal.aborted) process.exit(128 + constants.signals[name]);
      abort.abort(new StatectlError('interrupted', `stopped by ${name}`));
    });
  return abort.signal;
}
