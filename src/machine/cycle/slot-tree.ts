import { isStatectlError, StatectlError } from '../../error.ts';
import type { Host, OpenPrograms } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { readFileList } from '../../signed/file-list/read-list.ts';
import type { ManifestFile } from '../../signed/image-manifest.ts';
import { LIST_NAME } from '../../slots/image-place.ts';
import { shown } from '../../slots/tree/repair-tree.ts';
import { verifyTree } from '../../slots/tree/verify-tree.ts';
import { mountArgv } from '../steps/mounts.ts';
import { mustRun } from '../steps/must-run.ts';

/** The list of an image's files, as its signed manifest has it. */
export type TreeList = Pick<ManifestFile, 'sha256' | 'sizeBytes'>;

/** Of a tree that is read: nothing is written to it, not even its journal. */
export const TREE_FILE_SYSTEM = { type: 'ext4', options: ['ro', 'noload'] } as const;

const SPARES_MS = 5_000;

/** Says now and then how far it is. */
export function treeProgress(
  { clock }: Pick<Host, 'clock'>,
  { say }: Pick<TaskContext, 'say'>,
  what: string,
): (done: number, total: number) => void {
  let toldMs = clock.uptimeMs();
  return (done, total) => {
    if (clock.uptimeMs() - toldMs < SPARES_MS) return;
    toldMs = clock.uptimeMs();
    say(`${what}: ${Math.floor((done * 100) / Math.max(1, total))} % of its files are looked at`);
  };
}

/** Works on what is mounted for it alone. Throws what the work does, `mount-failed`, `umount-failed`. */
export async function withMounted<T>(
  host: Pick<Host, 'files' | 'exec'>,
  mount: Parameters<typeof mountArgv>[0],
  work: (root: string) => Promise<T>,
): Promise<T> {
  const { target } = mount;
  const umount = () => mustRun(host, ['umount', target], 'umount-failed', 'cat /proc/mounts; dmesg | tail');
  await host.files.mkdir(target, 0o700);
  await mustRun(host, mountArgv(mount), 'mount-failed', 'see what is there with: blkid; dmesg | tail');
  const result = await work(target).catch(async (error: unknown) => {
    await umount().catch(() => undefined);
    throw error;
  });
  await umount();
  return result;
}

/** What works on trees: a tar of GNU, and a folder to mount them in. */
export interface TreeMeans {
  readonly tar: string;
  readonly mounts: string;
}

/** A tree on the partition of a slot, and the list that it is to be like. */
export interface SlotTree {
  readonly device: string;
  /** Where the list is. */
  readonly dir: string;
  readonly list: TreeList;
}

/** What tells of damage, and not of the machine that looks. */
const OF_DAMAGE = ['tree-unreadable', 'mount-failed', 'file-list-invalid'];

/** Compares all of the tree of a slot with its list. Throws `image-altered` where it is another one, or the disk does not give it; the signal's reason. */
export async function verifySlotTree(
  host: Pick<Host, 'files' | 'exec' | 'openProgram' | 'clock'>,
  { device, dir, list: signed }: SlotTree,
  { tar, mounts }: TreeMeans,
  task: Pick<TaskContext, 'signal' | 'say'>,
): Promise<void> {
  const reader: { readonly open: OpenPrograms; readonly tar: string } = { open: host.openProgram, tar };
  const progress = treeProgress(host, task, device);
  const altered = (what: string) =>
    new StatectlError('image-altered', `${device} is not as its image: ${what}`, {
      hint: 'this copy is damaged: it is made anew from another one, or fetched from a server',
    });
  const why = async (): Promise<string | undefined> => {
    const list = await readFileList(host, `${dir}/${LIST_NAME}`, signed);
    const { deviations } = await withMounted(
      host,
      { source: device, ...TREE_FILE_SYSTEM, target: `${mounts}/verify` },
      (root) => verifyTree({ reader }, root, list, { signal: task.signal, progress }),
    );
    return deviations.length > 0 ? shown(deviations) : undefined;
  };
  const fault = await why().catch((error: unknown) => {
    if (!isStatectlError(error) || !OF_DAMAGE.includes(error.code)) throw error;
    return error.message;
  });
  if (fault !== undefined) throw altered(fault);
}
