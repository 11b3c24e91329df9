import { join } from 'node:path/posix';
import type { Scan } from './scan.ts';

export interface TmpfsTotal {
  readonly files: number;
  readonly bytes: number;
}

/** Regular files below a plain tmpfs, hard links once. All of it is lost, so names would only be noise. */
export async function scanTmpfs(scan: Scan, mountPoint: string): Promise<TmpfsTotal> {
  const counted = new Set<number | string>();
  let files = 0;
  let bytes = 0;
  const walk = async (dir: string): Promise<void> => {
    for (const name of await scan.names(dir)) {
      const path = join(dir, name);
      const stat = scan.skips(path) ? undefined : await scan.stat(path);
      if (stat?.type === 'dir') await walk(path);
      const file = stat?.hardLink ?? path;
      if (stat?.type !== 'file' || counted.has(file)) continue;
      counted.add(file);
      files += 1;
      bytes += stat.sizeBytes;
    }
  };
  await walk(mountPoint);
  return { files, bytes };
}
