import { basename, dirname } from 'node:path';

/** Who watches which folder, told by who changes something in it. */
export interface Watchers {
  changed(path: string): void;
  watch(folder: string, signal: AbortSignal): AsyncGenerator<string>;
}

/** Tells what inotify(7) tells: the name, in the folder that it is in. */
export function watchers(): Watchers {
  const all = new Set<{ readonly folder: string; readonly names: string[]; wake: () => void }>();
  return {
    changed(path) {
      for (const one of all) {
        if (one.folder !== dirname(path)) continue;
        one.names.push(basename(path));
        one.wake();
      }
    },
    async *watch(folder, signal) {
      const own = { folder, names: [] as string[], wake: (): void => {} };
      all.add(own);
      try {
        while (!signal.aborted) {
          const name = own.names.shift();
          if (name !== undefined) yield name;
          else
            await new Promise<void>((resolve) => {
              own.wake = resolve;
              signal.addEventListener('abort', () => resolve(), { once: true });
            });
        }
      } finally {
        all.delete(own);
      }
    },
  };
}
