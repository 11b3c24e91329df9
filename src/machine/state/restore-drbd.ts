import { reasonOf, StatectlError } from '../../error.ts';
import type { Account } from '../../host/host.ts';
import { parseMounts } from '../../host/kernel/mount-table.ts';
import { readSaid } from '../../protocol/read-answer.ts';
import { DrbdHead } from '../../protocol/state/drbd.ts';
import { mustRun } from '../steps/must-run.ts';
import type { Volume } from './drbd/command-words.ts';
import { layArchive } from './drbd/folder-archive.ts';
import { becomePrimary, bringUp, deviceOf, takeDown, untilUpToDate } from './drbd/volume.ts';
import type { ItemSession } from './printer-session.ts';
import type { Restore, StateItem } from './restore.ts';
import { keptTar, readKept } from './restore-snapshot.ts';

type VolumeRestore = Restore<StateItem<'drbd'>>;

/**
 * The volume as the server has it, mounted where its place is. Where all of it does not come in time there is no DRBD in this boot, and
 * the server's side is not touched: the place is plain RAM, which begins with what this machine kept last, and is a branch.
 */
export async function restoreDrbd(restore: VolumeRestore): Promise<ItemSession> {
  const { task, printer, item } = restore;
  await leaveMount(restore);
  try {
    const head = headOf(restore);
    return { base: head.id, volume: await mountVolume(restore, head) };
  } catch (error) {
    task.signal.throwIfAborted();
    const why = reasonOf(error);
    task.warn(`${printer}: ${item.path} is plain RAM in this boot, and a branch: ${why}`);
    return { base: await beginInRam(restore), why };
  }
}

/** Throws why there is nothing to connect to. */
function headOf({ head, item, lease, why }: VolumeRestore): DrbdHead {
  if (head === undefined) throw new StatectlError('volume-late', 'no server said where it is');
  if (head === null) throw new StatectlError('volume-late', why ?? 'the server has no volume for it yet');
  if (lease === 0)
    throw new StatectlError('volume-late', 'a machine that the server knows by its network alone gets none');
  const { value, fault } = readSaid(JSON.stringify(head), DrbdHead);
  if (fault === undefined) return value;
  throw new StatectlError('state-damaged', `what the server says of ${item.name}: ${fault}`);
}

/** Of a try before this one. */
async function leaveMount({ host, item }: VolumeRestore): Promise<void> {
  const mounts = parseMounts(await host.files.readText('/proc/mounts'));
  for (const _ of mounts.filter(({ target }) => target === item.path)) await host.exec.run(['umount', item.path]);
}

/** Throws `volume-failed`, `volume-late`; nothing of it is there then. */
async function mountVolume(restore: VolumeRestore, head: DrbdHead): Promise<Volume> {
  const { host, item, bound, account } = restore;
  try {
    const volume = await bringUp(host, head);
    await untilUpToDate(host, volume, { waitMs: item.waitMs, signal: bound });
    const must = (argv: readonly string[]) => mustRun(host, argv, 'volume-failed', 'dmesg | tail says more');
    await becomePrimary(host, volume, bound);
    const device = deviceOf(volume);
    const { exitCode, stdout } = await host.exec.run(['fsck.ext4', '-p', device]);
    if (exitCode > 1) throw new StatectlError('volume-failed', `its file system is damaged: ${stdout.trim()}`);
    await host.files.mkdir(item.path, 0o755);
    await must(['mount', '-t', 'ext4', '-o', MOUNTED, device, item.path]);
    await giveRoot(restore, account);
    return volume;
  } catch (error) {
    await host.exec.run(['umount', item.path]);
    await takeDown(host, head);
    throw error;
  }
}

/** It is RAM: what is written goes to the server within a second, also of programs that never ask for it. */
const MOUNTED = 'noatime,nosuid,nodev,commit=1,nodelalloc';

/** Of what the server made it is root's; whoever it was given to once keeps it. */
async function giveRoot({ host, item }: VolumeRestore, { uid, gid }: Account): Promise<void> {
  if ((await host.files.stat(item.path))?.uid !== 0 || uid === 0) return;
  await mustRun(host, ['chown', `${uid}:${gid}`, item.path], 'owner-failed', `ls -ld ${item.path}`);
}

/** Gives what it begins with: the id of what was kept, or null. */
async function beginInRam(restore: VolumeRestore): Promise<string | null> {
  const { host, item, task, printer, account, kept } = restore;
  await host.files.mkdir(item.path, 0o755);
  await mustRun(
    host,
    ['mount', '-t', 'tmpfs', '-o', `size=${item.sizeBytes},mode=755,nosuid,nodev`, 'volume', item.path],
    'mount-failed',
    'dmesg | tail',
  );
  await giveRoot(restore, account);
  const last = kept === undefined ? undefined : await readKept(host, kept);
  if (!last || kept === undefined) return null;
  try {
    const tar = await keptTar(host, kept, last);
    await using tree = await host.files.openTree(item.path, account);
    await layArchive(tree, tar, host.clock.now());
    return last.id;
  } catch (error) {
    task.warn(`${printer}: what this machine kept of ${item.path} is not given back: ${reasonOf(error)}`);
    return null;
  }
}
