/** How full a disk is, by node:fs: the Files port does not tell. */
import { statfs } from 'node:fs/promises';

/** Of the file system below this folder: 1 is empty. What root may write beyond it counts as taken. */
export async function freeShare(folder: string): Promise<number> {
  const { blocks, bavail } = await statfs(folder);
  return blocks === 0 ? 1 : bavail / blocks;
}
