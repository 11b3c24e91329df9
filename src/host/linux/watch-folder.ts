import { watch } from 'node:fs/promises';

/** inotify(7), by node:fs. What comes faster than it is taken is told as a change that names nothing. */
export async function* watchFolder(path: string, signal: AbortSignal): AsyncGenerator<string | undefined> {
  try {
    for await (const { filename } of watch(path, { signal, persistent: true })) yield filename ?? undefined;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
