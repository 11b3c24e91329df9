import { basename, dirname } from 'node:path/posix';
import { StatectlError } from '../../error.ts';
import type { Files } from '../../host/host.ts';
import { follow, onMachine, resolveInTree } from '../../host/tree.ts';

/**
 * The one way to read files of somebody's tree and to write into it. Every part of a path may be a link that would lead
 * out of it, and every file a pipe: so nothing is done by a path as it was asked for, and what is missing is made inside.
 */

/** What lies below is mounted at boot: what was put there could never be seen. */
const MOUNTED = /^\/(dev|proc|sys)\//;

/** More than any kernel, module, program or list that is read whole. */
const LARGEST_FILE_BYTES = 1024 ** 3;

const refused = (root: string, why: string): StatectlError =>
  new StatectlError('image-source', `${root}: ${why}`, {
    hint: 'it must be the root folder of a whole system, with links that its own system can follow',
  });

/**
 * Where a folder of a tree is on this machine. Links are followed as the tree's own system would; what is missing, also
 * behind a dangling link, is made in the tree, the folder itself with `mode`. Throws `tree-loop`, and `image-source` for a
 * folder that leads to what is mounted at boot, or through a file.
 */
export async function folderInTree(
  files: Pick<Files, 'stat' | 'readlink' | 'mkdir'>,
  root: string,
  folder: string,
  mode = 0o755,
): Promise<string> {
  const mustStay = (path: string) => {
    if (MOUNTED.test(path)) throw refused(root, `/${folder} leads to ${path}, which no image can hold`);
  };
  const found = await follow(files, root, folder, async (here, isLast) => {
    mustStay(here);
    await files.mkdir(onMachine(root, here), isLast ? mode : 0o755);
    return files.stat(onMachine(root, here));
  });
  if (found?.stat.type !== 'dir') throw refused(root, `/${folder} is no folder, and what it leads to is none either`);
  mustStay(found.path);
  return onMachine(root, found.path).replace(/\/$/, '');
}

type Writer = Pick<Files, 'stat' | 'readlink' | 'mkdir' | 'remove' | 'write' | 'symlink'>;

/** Where something is put, with nothing there: a link in its place would be followed, a folder stay. */
async function clearedPlace(files: Writer, root: string, path: string): Promise<string> {
  const place = `${await folderInTree(files, root, dirname(path))}/${basename(path)}`;
  await files.remove(place);
  return place;
}

/** Puts a file into a tree, in place of whatever has its name. Throws what `folderInTree` throws. */
export const writeInTree = async (
  files: Writer,
  root: string,
  path: string,
  data: string | Uint8Array,
  mode: number,
): Promise<void> => files.write(await clearedPlace(files, root, path), data, { mode });

/** Puts a link into a tree, in place of whatever has its name. Throws what `folderInTree` throws. */
export const linkInTree = async (files: Writer, root: string, path: string, target: string): Promise<void> =>
  files.symlink(target, await clearedPlace(files, root, path));

/**
 * What a file of a tree holds; undefined where no regular file is: a pipe or a device would be waited for. Throws
 * `tree-loop`, and `image-source` for a file that is too large to be what is looked for.
 */
export async function readInTree(
  files: Pick<Files, 'stat' | 'readlink' | 'read'>,
  root: string,
  path: string,
): Promise<Buffer | undefined> {
  const found = await resolveInTree(files, root, path);
  if (found?.stat.type !== 'file') return undefined;
  if (found.stat.sizeBytes > LARGEST_FILE_BYTES)
    throw refused(root, `${found.path} has ${found.stat.sizeBytes} bytes, which no program, module or kernel has`);
  return files.read(onMachine(root, found.path));
}
