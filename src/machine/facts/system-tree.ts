import { entryOf } from '../../entry-of.ts';
import type { Host } from '../../host/host.ts';
import { resolveInTree } from '../../host/tree.ts';
import { IMAGE_MOUNT } from '../paths.ts';
import type { Facts } from './facts.ts';

/** A system before it starts, by the paths that it will have. Links lead inside it. */
export interface SystemTree {
  /** Undefined where nothing is, or nothing that is a file. */
  read(path: string): Promise<string | undefined>;
  /** Where a path leads; undefined where nothing is. */
  resolve(path: string): Promise<string | undefined>;
  /** What a symbolic link says, wherever it leads; undefined where there is none. */
  target(path: string): Promise<string | undefined>;
  list(folder: string): Promise<readonly string[]>;
}

/** What config.d brings, what is there now (an /etc that persists has more than the image), then the image itself. */
export function systemTree(
  { files }: Pick<Host, 'files'>,
  { bundle: { delivery } }: Pick<Facts, 'bundle'>,
  roots: readonly string[] = ['', IMAGE_MOUNT],
): SystemTree {
  const brought = new Map((delivery?.files ?? []).map(({ to, from }) => [to, from]));
  const first = async <T>(look: (root: string) => Promise<T | undefined>): Promise<T | undefined> => {
    for (const root of roots) {
      const found = await look(root).catch(() => undefined);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return {
    async read(path) {
      const from = brought.get(path);
      if (from !== undefined)
        return entryOf(delivery?.contents, from) ?? (await files.readText(from).catch(() => undefined));
      return first(async (root) => {
        const found = await resolveInTree(files, root, path);
        return found?.stat.type === 'file' ? files.readText(root + found.path) : undefined;
      });
    },
    resolve: async (path) =>
      brought.has(path) ? path : first(async (root) => (await resolveInTree(files, root, path))?.path),
    target: (path) =>
      first(async (root) => {
        const slash = path.lastIndexOf('/');
        const folder = await resolveInTree(files, root, path.slice(0, slash) || '/');
        const real = folder && `${root}${folder.path === '/' ? '' : folder.path}${path.slice(slash)}`;
        return real && (await files.stat(real))?.type === 'symlink' ? files.readlink(real) : undefined;
      }),
    async list(folder) {
      const names = new Set<string>();
      for (const root of roots) {
        const found = await resolveInTree(files, root, folder).catch(() => undefined);
        if (found?.stat.type === 'dir') for (const name of await files.list(root + found.path)) names.add(name);
      }
      for (const path of brought.keys())
        if (path.startsWith(`${folder}/`)) names.add(path.slice(folder.length + 1).split('/')[0]!);
      return [...names].toSorted();
    },
  };
}
