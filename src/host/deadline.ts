import type { Clock } from './host.ts';

/** Runs a task; when it takes longer than this, its signal aborts with the error, which is thrown. Infinity sets no limit. */
export async function withDeadline<T>(
  clock: Pick<Clock, 'sleep'>,
  { ms, error, signal }: { readonly ms: number; readonly error: Error; readonly signal: AbortSignal },
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (ms === Number.POSITIVE_INFINITY) return await task(signal);
  const late = new AbortController();
  const done = new AbortController();
  void clock.sleep(ms, done.signal).then(
    () => late.abort(error),
    () => undefined,
  );
  try {
    return await task(AbortSignal.any([signal, late.signal]));
  } finally {
    done.abort();
  }
}
