import type { Files } from '../../../host/host.ts';

/** What the kernel says of a file that has no name any more. */
const DELETED = / \(deleted\)$/;

/** Files below a folder that any process but this one has open, by name: what is printed is one of them. */
export async function openFiles(
  { list, readlink }: Pick<Files, 'list' | 'readlink'>,
  folder: string,
): Promise<ReadonlySet<string>> {
  const open = new Set<string>();
  const self = await readlink('/proc/self');
  for (const pid of await list('/proc')) {
    if (!/^\d+$/.test(pid) || pid === self) continue;
    // It may end meanwhile.
    for (const fd of await list(`/proc/${pid}/fd`).catch(() => [])) {
      const path = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      if (path.startsWith(`${folder}/`)) open.add(path.slice(folder.length + 1).replace(DELETED, ''));
    }
  }
  return open;
}
