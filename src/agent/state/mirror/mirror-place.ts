import type { Clock, Files } from '../../../host/host.ts';
import { parseMountInfo } from '../../../host/kernel/mount-table.ts';
import { cacheFolders } from '../../../machine/state/mirror/cache-folders.ts';
import type { StateItem } from '../../../machine/state/restore.ts';

const LOOK_MS = 500;
/** Its service begins when local file systems are there. */
const MOST_MS = 60_000;

/**
 * Where the files of a mirror are: of one that is shown as a cache below that, once it is. Where it cannot be shown, which its service
 * says by then, the folder itself is what everybody sees.
 */
export async function placeOf(
  { files, clock }: { readonly files: Pick<Files, 'stat' | 'readText'>; readonly clock: Pick<Clock, 'sleep'> },
  item: StateItem<'mirror'>,
  spool: string,
  signal: AbortSignal,
): Promise<{ readonly root: string; readonly isCache: boolean }> {
  if (!item.cache) return { root: item.path, isCache: false };
  const { files: below, mark } = cacheFolders(spool);
  for (let waitedMs = 0; waitedMs < MOST_MS && (await files.stat(mark)); waitedMs += LOOK_MS)
    await clock.sleep(LOOK_MS, signal);
  const mounts = parseMountInfo(await files.readText('/proc/self/mountinfo'));
  const isCache = mounts.some(({ mountPoint }) => mountPoint === below);
  return { root: isCache ? below : item.path, isCache };
}
