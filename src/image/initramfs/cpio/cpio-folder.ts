import type { Host } from '../../../host/host.ts';
import type { CpioEntry } from './cpio.ts';

export interface FolderContent {
  readonly entries: readonly CpioEntry[];
  /** Paths of what cannot be in an archive: sockets and pipes. */
  readonly skipped: readonly string[];
}

/** What is in a folder, as members of an archive. Owners are lost: all of an archive that we write is root's. */
export async function cpioOfFolder({ files }: Pick<Host, 'files'>, root: string): Promise<FolderContent> {
  const entries: CpioEntry[] = [];
  const skipped: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for (const child of await files.list(`${root}/${folder}`)) {
      const name = folder === '' ? child : `${folder}/${child}`;
      const path = `${root}/${name}`;
      const stat = await files.stat(path);
      if (!stat) continue;
      const { type, mode, rdev } = stat;
      if (type === 'file') entries.push({ name, type, mode, data: await files.read(path) });
      else if (type === 'symlink') entries.push({ name, type, target: await files.readlink(path) });
      else if (type === 'char' || type === 'block') entries.push({ name, type, mode, rdev });
      else if (type === 'dir') entries.push({ name, type, mode });
      else skipped.push(name);
      if (type === 'dir') await walk(name);
    }
  };
  await walk('');
  return { entries, skipped };
}
