import { isStatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { type FileList, readFileList } from '../../signed/file-list/read-list.ts';
import { verifyImage } from '../../slots/copy/raw-image.ts';
import { LIST_NAME } from '../../slots/image-place.ts';
import { repairTree } from '../../slots/tree/repair-tree.ts';
import { mustRun } from '../steps/must-run.ts';
import {
  beginWriting,
  endWriting,
  makeFolder,
  mustBeWritable,
  readSigned,
  type SlotPartition,
} from './slot-partition.ts';
import { TREE_FILE_SYSTEM, type TreeList, type TreeMeans, treeProgress, withMounted } from './slot-tree.ts';

/** An image that is unpacked on the partition of a slot. */
export interface FillTree {
  readonly slot: string;
  readonly source: TreeFrom;
  /** Where its manifest is, with its signature, and the list of its files. */
  readonly manifestIn: string;
  readonly list: TreeList;
  readonly to: SlotPartition;
}

/** An image as it is, in a file or on a partition; or the tree that the other slot has. */
type TreeFrom =
  | { readonly image: string; readonly type: string; readonly sha256: string; readonly sizeBytes: number }
  | { readonly tree: string };

/** What a file system that is not whole may come to; on a new one it is the disk's fault. */
const OF_FILE_SYSTEM = ['tree-not-repaired', 'tree-unreadable', 'mount-failed'];

/**
 * Makes the partition of a slot the tree of an image, whatever is there now: what is right of it stays. From the first write until
 * all of it was read from the disk and compared, a file beside its manifest says that it is not whole. An image is verified before
 * it is mounted, of a tree each file that is copied. Throws what `mustBeWritable` and `repairTree` do, `image-altered`,
 * `file-list-invalid`.
 */
export async function fillTree(step: FillTree, means: TreeMeans, host: Host, task: TaskContext): Promise<void> {
  const { slot, source: from, manifestIn, to } = step;
  const { files } = host;
  await mustBeWritable(host, slot, to);
  const signed = await readSigned(files, manifestIn, [LIST_NAME]);
  const list = await readFileList(host, `${manifestIn}/${LIST_NAME}`, step.list);
  if ('image' in from)
    await verifyImage(host.openRaw, { ...from, path: from.image }, 'cached', { signal: task.signal });
  await makeFolder(files, to.dir);
  await beginWriting(files, to, { sha256: step.list.sha256 });
  const source =
    'image' in from
      ? { source: from.image, type: from.type, options: ['ro', ...(from.image.startsWith('/dev/') ? [] : ['loop'])] }
      : { source: from.tree, ...TREE_FILE_SYSTEM };
  await withMounted(host, { ...source, target: `${means.mounts}/from` }, (root) =>
    makeTree(step, means, host, { root, is: 'image' in from ? 'an image' : 'a tree' }, list, task),
  );
  await endWriting(files, to.dir, signed);
}

/** In the file system that is there; one that is not whole, or in which no tree can be made, is made anew. */
async function makeTree(
  { slot, to: { device } }: FillTree,
  { tar, mounts }: TreeMeans,
  host: Host,
  source: Parameters<typeof repairTree>[1],
  list: FileList,
  task: TaskContext,
): Promise<void> {
  const trees = { ...host, reader: { open: host.openProgram, tar } };
  const repair = () =>
    withMounted(
      host,
      { source: device, type: TREE_FILE_SYSTEM.type, options: ['noatime'], target: `${mounts}/to` },
      (root) => repairTree(trees, source, root, list, { ...task, progress: treeProgress(host, task, `slot ${slot}`) }),
    );
  const { exitCode } = await host.exec.run([`fsck.${TREE_FILE_SYSTEM.type}`, '-p', device]);
  if (exitCode < 4)
    try {
      return void (await repair());
    } catch (error) {
      if (!isStatectlError(error) || !OF_FILE_SYSTEM.includes(error.code)) throw error;
      task.warn(`slot ${slot}: its file system is made anew: ${error.message}`);
    }
  await mustRun(
    host,
    ['mkfs.ext4', '-q', '-F', device],
    'mkfs-failed',
    'dmesg | tail says whether the disk is at fault',
  );
  await repair();
}
