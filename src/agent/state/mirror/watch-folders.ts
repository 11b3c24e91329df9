import { join } from 'node:path';
import type { Bell } from '../../servers/bell.ts';
import type { KeeperContext } from '../keeper.ts';

/** Each costs a watch of the kernel; those beyond it are looked at each minute. */
const MOST = 256;

/** Folders of a tree that are watched, as many as there are by now. */
export interface WatchedFolders extends Disposable {
  /** Those of the last look. */
  follow(folders: readonly string[]): void;
}

/** Rings when something changes in one of the folders, but for what is ours. */
export function watchFolders(
  { watch }: Pick<KeeperContext<unknown>, 'watch'>,
  root: string,
  changed: Bell,
): WatchedFolders {
  const watched = new Map<string, AbortController>();
  async function hear(folder: string, until: AbortController): Promise<void> {
    try {
      for await (const name of watch(join(root, folder), until.signal))
        if (!name?.startsWith('.statectl-')) changed.ring();
    } catch {
      // It went, or the kernel has no more of them: the next look says.
    } finally {
      if (watched.get(folder) === until) watched.delete(folder);
    }
  }
  return {
    follow(folders) {
      const now = new Set(folders.slice(0, MOST));
      for (const [folder, until] of watched) if (!now.has(folder)) until.abort();
      for (const folder of now) {
        if (watched.has(folder)) continue;
        const until = new AbortController();
        watched.set(folder, until);
        void hear(folder, until);
      }
    },
    [Symbol.dispose]() {
      for (const until of watched.values()) until.abort();
    },
  };
}
