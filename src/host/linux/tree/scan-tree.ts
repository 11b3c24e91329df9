import { constants } from 'node:fs';
import { type FileHandle, lstat, open, opendir } from 'node:fs/promises';
import type { Account } from '../../host.ts';
import { type PlainFile, TREE_LIMITS, type TreeScan } from '../../plain-tree.ts';
import { codeOf, fileOf, inside, isMissing, mayRead, openFolder } from './open-folder.ts';

const { O_NONBLOCK, O_RDONLY } = constants;
/** Ours, in the root of each tree; nobody but us may write there. */
const OURS = /^\.statectl-/;

/** All that is in a tree, and what of it is left out, with why; of the account alone what it may read. */
export async function scanTree(top: FileHandle, device: bigint, owner: Account | undefined): Promise<TreeScan> {
  const files: PlainFile[] = [];
  const left: { path: string; why: string }[] = [];
  const folders: string[] = [];
  let isCut = false;
  let namesBytes = 0;
  const leave = (path: string, why: string) => void (left.length < TREE_LIMITS.left && left.push({ path, why }));
  async function visit(folder: FileHandle, path: string, depth: number): Promise<void> {
    folders.push(path);
    const below: string[] = [];
    for await (const { name: bytes } of await opendir(`/proc/self/fd/${folder.fd}/.`, {
      encoding: 'buffer' as never,
    })) {
      const name = (bytes as unknown as Buffer).toString();
      const here = path === '' ? name : `${path}/${name}`;
      if (path === '' && OURS.test(name)) continue;
      if (!(bytes as unknown as Buffer).equals(Buffer.from(name))) {
        leave(here, 'its name is no UTF-8');
        continue;
      }
      namesBytes += Buffer.byteLength(JSON.stringify(here));
      if (files.length + folders.length + below.length >= TREE_LIMITS.files || namesBytes > TREE_LIMITS.namesBytes) {
        isCut = true;
        return;
      }
      const stat = await lstat(inside(folder, name), { bigint: true }).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
      // It went meanwhile.
      if (!stat) continue;
      if (stat.isDirectory()) below.push(name);
      else if (!stat.isFile())
        leave(here, stat.isSymbolicLink() ? await linkWhy(folder, name) : 'it is no regular file');
      else if (owner && !mayRead(stat, owner)) leave(here, 'its owner may not read it');
      else files.push(fileOf(here, stat));
    }
    for (const name of below) {
      const here = path === '' ? name : `${path}/${name}`;
      if (depth >= TREE_LIMITS.depth) {
        leave(here, `it is deeper than ${TREE_LIMITS.depth} folders`);
        continue;
      }
      let next: FileHandle;
      try {
        next = await openFolder(inside(folder, name));
      } catch (error) {
        if (isMissing(error) || codeOf(error) === 'ELOOP') continue;
        throw error;
      }
      await using opened = next;
      if ((await opened.stat({ bigint: true })).dev === device) await visit(opened, here, depth + 1);
      else leave(here, 'it is another file system');
    }
  }
  await visit(top, '', 0);
  return { files, left, folders, isCut };
}

async function linkWhy(folder: FileHandle, name: string): Promise<string> {
  const isThere = await open(inside(folder, name), O_RDONLY | O_NONBLOCK | 0o10000000).then(
    async (file) => {
      await file.close();
      return true;
    },
    () => false,
  );
  return isThere
    ? 'it is a symbolic link'
    : 'it is a symbolic link that leads nowhere: Klipper halts the printer when it meets one';
}
