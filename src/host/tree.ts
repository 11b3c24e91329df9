import { StatectlError } from '../error.ts';
import type { Files, Stat } from './host.ts';

/** A symbolic link inside a tree. `path` has no links in its folders; `target` is the link's own text. */
export interface TreeLink {
  readonly path: string;
  readonly target: string;
}

/** What a path inside a tree leads to. */
export interface Resolved {
  /** Absolute inside the tree, free of links, `.` and `..`; `/` is the tree's root. */
  readonly path: string;
  readonly stat: Stat;
  /** Every link followed on the way, folders' too, in that order: a copy needs them all. */
  readonly links: readonly TreeLink[];
}

/** As Linux has it (MAXSYMLINKS, path_resolution(7)). */
const LINKS_MAX = 40;

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

/** Where a path of the tree is on this machine. Use it on resolved paths only: the machine follows links out of the tree. */
export const onMachine = (root: string, path: string): string =>
  root === '/' ? path : `${root.replace(/\/+$/, '')}${path}`;

/**
 * Follows a path inside a tree as a process whose root it is would (chroot(2)): absolute links start at the tree's root
 * and `..` cannot leave it. Undefined when nothing is there. Throws `tree-loop` for links that never end.
 */
export const resolveInTree = (
  files: Pick<Files, 'stat' | 'readlink'>,
  root: string,
  path: string,
): Promise<Resolved | undefined> => follow(files, root, path, async () => undefined);

/** `missing` may make what is not there, and says what it made. */
export async function follow(
  files: Pick<Files, 'stat' | 'readlink'>,
  root: string,
  path: string,
  missing: (here: string, isLast: boolean) => Promise<Stat | undefined>,
): Promise<Resolved | undefined> {
  const links: TreeLink[] = [];
  const left = partsOf(path);
  let done = '';
  let stat: Stat | undefined;
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '..') {
      done = done.slice(0, Math.max(0, done.lastIndexOf('/')));
      stat = undefined;
      continue;
    }
    const here = `${done}/${part}`;
    stat = (await files.stat(onMachine(root, here))) ?? (await missing(here, left.length === 0));
    if (stat === undefined) return undefined;
    if (stat.type === 'symlink') {
      if (links.length === LINKS_MAX)
        throw new StatectlError('tree-loop', `${path}: more than ${LINKS_MAX} symbolic links, the last is ${here}`, {
          hint: `look at the links below ${root}; one of them points at itself`,
        });
      const target = await files.readlink(onMachine(root, here));
      links.push({ path: here, target });
      if (target.startsWith('/')) done = '';
      left.unshift(...partsOf(target));
      stat = undefined;
    } else if (left.length > 0 && stat.type !== 'dir') {
      return undefined;
    } else {
      done = here;
    }
  }
  stat ??= await files.stat(onMachine(root, done === '' ? '/' : done));
  return stat === undefined ? undefined : { path: done === '' ? '/' : done, stat, links };
}
