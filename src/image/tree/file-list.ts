import type { Host } from '../../host/host.ts';
import { openProgram } from '../../host/linux/open-program.ts';
import { readSystem } from '../../host/system-tree/read-system.ts';
import type { TreeEntry } from '../../host/system-tree/tree-entry.ts';
import { onMachine, resolveInTree } from '../../host/tree.ts';
import type { ListEntry } from '../../signed/file-list/entry-line.ts';
import { writeFileList } from '../../signed/file-list/write-list.ts';
import type { RootType } from '../../signed/image-manifest.ts';
import { withProgress } from '../progress.ts';

/** Its name in the folder of an image: `zstd -dc files.zst` prints it. */
export const FILE_LIST = 'files.zst';

/** What each file system keeps of xattrs: what it drops would be missed on every machine. */
const KEPT: Readonly<Record<RootType, RegExp>> = {
  // fs/squashfs/xattr.c knows these three, mksquashfs warns of the others.
  squashfs: /^(?:user|trusted|security)\./,
  erofs: /^(?:(?:user|trusted|security)\.|system\.posix_acl_(?:access|default)$)/,
};

/** Puts the list of a tree, as the image's root will have it, beside the image. Throws `tree-unreadable`, `program-missing`. */
export async function listTree(
  host: Pick<Host, 'files' | 'clock' | 'console'>,
  tree: string,
  type: RootType,
  out: string,
): Promise<void> {
  const [users, groups] = [await namesIn(host, tree, '/etc/passwd'), await namesIn(host, tree, '/etc/group')];
  const entries: ListEntry[] = [];
  const files = new Map<string, ListEntry>();
  await withProgress(host, 'image: listing what is in it', 'files', async (report) => {
    for await (const entry of readSystem({ open: openProgram, tar: 'tar' }, tree)) {
      const whole = { ...asKept(entry, files, KEPT[type]), ...ownersOf(entry, users, groups) };
      entries.push(whole);
      if (whole.type === 'file') files.set(whole.path, whole);
      report({ done: entries.length });
    }
  });
  await host.files.write(out, writeFileList(entries));
}

/** Of a file with several names, each has all that is known of it, so that each can be looked at alone. */
function asKept(entry: TreeEntry, files: ReadonlyMap<string, ListEntry>, kept: RegExp): TreeEntry {
  const { hardLink, path } = entry;
  const { xattrs: all = [], ...rest }: TreeEntry = (hardLink !== undefined && files.get(hardLink)) || entry;
  const xattrs = all.filter(([name]) => kept.test(name));
  return { ...rest, path, ...(hardLink !== undefined && { hardLink }), ...(xattrs.length > 0 && { xattrs }) };
}

function ownersOf(
  { uid, gid }: TreeEntry,
  users: ReadonlyMap<number, string>,
  groups: ReadonlyMap<number, string>,
): Pick<ListEntry, 'user' | 'group'> {
  const [user, group] = [users.get(uid), groups.get(gid)];
  return { ...(user !== undefined && { user }), ...(group !== undefined && { group }) };
}

/** The first name of each number in passwd(5) or group(5) of the tree. */
async function namesIn(
  { files }: Pick<Host, 'files'>,
  tree: string,
  path: string,
): Promise<ReadonlyMap<number, string>> {
  const found = await resolveInTree(files, tree, path);
  const text = found?.stat.type === 'file' ? await files.read(onMachine(tree, found.path)) : Buffer.alloc(0);
  const names = new Map<number, string>();
  for (const line of text.toString('latin1').split('\n')) {
    const [name = '', , id = ''] = line.split(':');
    if (name !== '' && /^\d{1,10}$/.test(id) && !names.has(Number(id))) names.set(Number(id), name);
  }
  return names;
}
