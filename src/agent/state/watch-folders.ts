import { join } from 'node:path';
import type { KeeperContext } from './keeper.ts';

/** inotify's own bound is of all of an account. */
const MOST_FOLDERS = 256;

interface FolderWatch {
  /** Watches these, as paths below the item, and no other. */
  readonly follow: (folders: readonly string[]) => void;
  /** Fails when the item's own folder cannot be watched any more. */
  readonly done: Promise<never>;
}

/** Hears of each change in the folders of an item. */
export function watchFolders(
  { item, watch }: Pick<KeeperContext<{ readonly path: string }>, 'item' | 'watch'>,
  changed: () => void,
  signal: AbortSignal,
): FolderWatch {
  const watched = new Map<string, AbortController>();
  const { promise: done, reject } = Promise.withResolvers<never>();
  const listen = async (folder: string, own: AbortController): Promise<void> => {
    const stop = () => own.abort();
    signal.addEventListener('abort', stop, { once: true });
    try {
      for await (const _ of watch(join(item.path, folder), own.signal)) changed();
    } finally {
      signal.removeEventListener('abort', stop);
      watched.delete(folder);
    }
  };
  const add = (folder: string): void => {
    if (watched.has(folder) || watched.size >= MOST_FOLDERS) return;
    const own = new AbortController();
    watched.set(folder, own);
    void listen(folder, own).then(
      () => (folder === '' ? reject(signal.reason ?? new Error(`${item.path} went away`)) : undefined),
      // One below it that went is looked for again.
      (error: unknown) => (folder === '' ? reject(error) : changed()),
    );
  };
  add('');
  return {
    follow(folders) {
      const wanted = new Set(['', ...folders.filter((folder) => !folder.startsWith('.statectl-'))]);
      for (const [folder, own] of watched) if (!wanted.has(folder)) own.abort();
      for (const folder of wanted) add(folder);
    },
    done,
  };
}
