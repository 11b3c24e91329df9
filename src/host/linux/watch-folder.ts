import { watch } from 'node:fs';

/** Names that wait for who takes them; each once, however often it changes meanwhile. */
const MOST_NAMES = 1_024;

/** inotify(7), by node:fs. What comes faster than it is taken is told as a change that names nothing. */
export async function* watchFolder(path: string, signal: AbortSignal): AsyncGenerator<string | undefined> {
  const names = new Set<string | undefined>();
  let failure: Error | undefined;
  let wake = (): void => {};
  const stop = (): void => wake();
  if (signal.aborted) return;
  const watcher = watch(path, { persistent: true }, (_kind, name) => {
    // One that names nothing is told after those that do.
    names.add(names.size < MOST_NAMES ? (name ?? undefined) : undefined);
    wake();
  });
  watcher.on('error', (error: Error) => {
    failure = error;
    wake();
  });
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      for (const name of names) {
        names.delete(name);
        yield name;
        if (signal.aborted) return;
      }
      if (failure) throw failure;
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
      if (signal.aborted) return;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    watcher.close();
  }
}
