import { join } from 'node:path';
import { StatectlError } from '../../../error.ts';
import { parseMountInfo } from '../../../host/kernel/mount-table.ts';
import { recordOrNone } from '../../../host/record.ts';
import { shellLine } from '../../../host/shell-line.ts';
import type { Store } from '../../store/store.ts';
import { generationId, newestFirst, numberOf } from '../snapshot/generation.ts';
import { overdue } from '../snapshot/retention.ts';
import { listed } from '../state-folder.ts';
import { copiesFolder, imagePath, lvmName } from './volume-paths.ts';
import type { Volume } from './volume-record.ts';
import { unfitReason, volumeStanding } from './volume-standing.ts';

/** A copy of a volume as it was at one moment: `ID.json` in its folder, beside `ID/`, where it is mounted read-only. */
export interface VolumeCopy {
  readonly id: string;
  readonly receivedAtMs: number;
  /** Until it is, its next finder removes it. */
  readonly isWhole: boolean;
}

const SHAPE = { id: 'text', receivedAtMs: 'number', isWhole: 'flag' } as const;

/** Those of a volume, the newest first, also what was begun. */
async function allCopies(store: Store, volume: Volume): Promise<readonly VolumeCopy[]> {
  const folder = copiesFolder(store.root, volume);
  const found: VolumeCopy[] = [];
  for (const name of await listed(store, folder)) {
    if (!name.endsWith('.json')) continue;
    const text = await store.host.files.readText(join(folder, name)).catch(() => undefined);
    const copy = recordOrNone<VolumeCopy>(text, SHAPE);
    if (copy && `${copy.id}.json` === name) found.push(copy);
  }
  return newestFirst(found);
}

export const volumeCopies = async (store: Store, volume: Volume): Promise<readonly VolumeCopy[]> =>
  (await allCopies(store, volume)).filter(({ isWhole }) => isWhole);

export const copyMount = (root: string, volume: Volume, { id }: Pick<VolumeCopy, 'id'>): string =>
  join(copiesFolder(root, volume), id);

/**
 * Makes a copy of a volume, of which the live one notices nothing: by reference on the same file system, or a snapshot of LVM. Its
 * journal is played back in the copy, and it is mounted read-only; what is too much goes. Throws `volume-not-copied`.
 */
export async function copyVolume(store: Store, volume: Volume): Promise<VolumeCopy> {
  const { host, root } = store;
  const unfit = unfitReason(await volumeStanding(host, volume));
  if (unfit !== undefined) throw notCopied(volume, unfit, 'the next run copies it, once it is UpToDate');
  const folder = copiesFolder(root, volume);
  await host.files.mkdir(folder, 0o700);
  const before = await allCopies(store, volume);
  for (const broken of before.filter(({ isWhole }) => !isWhole)) await removeCopy(store, volume, broken);
  const nowMs = host.clock.now();
  const id = generationId(Math.max(0, ...before.map((one) => numberOf(one.id))) + 1, nowMs);
  const begun: VolumeCopy = { id, receivedAtMs: nowMs, isWhole: false };
  await note(store, volume, begun);
  try {
    await take(store, volume, begun);
    await repair(store, volume, begun);
    await mountCopy(store, volume, begun);
  } catch (error) {
    await removeCopy(store, volume, begun);
    throw error;
  }
  const copy = { ...begun, isWhole: true };
  await note(store, volume, copy);
  for (const old of overdue(await volumeCopies(store, volume))) await removeCopy(store, volume, old);
  return copy;
}

/** Mounts those that a reboot of this host left unmounted. */
export async function mountCopies(store: Store, volume: Volume): Promise<void> {
  for (const copy of await volumeCopies(store, volume)) await mountCopy(store, volume, copy);
}

const note = ({ host, root }: Store, volume: Volume, copy: VolumeCopy): Promise<void> =>
  host.files.write(join(copiesFolder(root, volume), `${copy.id}.json`), `${JSON.stringify(copy)}\n`, { mode: 0o600 });

const copyName = (volume: Volume, { id }: VolumeCopy): string => `${lvmName(volume)}.${id}`;

/** Where its bytes are. */
const copyDisk = (root: string, volume: Volume, copy: VolumeCopy): string =>
  volume.backing?.on === 'lvm'
    ? `/dev/${volume.backing.group}/${copyName(volume, copy)}`
    : join(copiesFolder(root, volume), `${copy.id}.img`);

async function take(store: Store, volume: Volume, copy: VolumeCopy): Promise<void> {
  const { root } = store;
  const { backing } = volume;
  if (backing?.on === 'device')
    throw notCopied(
      volume,
      `${backing.path} can make no copy of itself`,
      'make the volume in a group: --volume-group VG',
    );
  if (backing?.on === 'lvm') {
    const { group } = backing;
    const of = `${group}/${lvmName(volume)}`;
    const kind = await mustRun(store, volume, ['lvs', '--noheadings', '--options', 'segtype', of]);
    // One that is not thin has room for every block of the volume, so it is never full.
    const size = kind.trim() === 'thin' ? [] : ['--extents', '100%ORIGIN'];
    const name = ['--name', copyName(volume, copy), '--setactivationskip', 'n'];
    return void (await mustRun(store, volume, ['lvcreate', '--yes', '--snapshot', ...size, ...name, of]));
  }
  const [from, to] = [imagePath(root, volume), copyDisk(root, volume, copy)];
  const { exitCode, stderr } = await store.host.exec.run(['cp', '--reflink=always', from, to], {
    env: { LC_ALL: 'C' },
  });
  if (exitCode === 0) return;
  throw notCopied(
    volume,
    `${root} cannot be copied from by reference: ${stderr.trim()}`,
    'have the state directory on btrfs or XFS, or make volumes with --volume-group VG',
  );
}

/** e2fsck(8): up to 2 it put right what there was, and a journal is to be played back wherever a volume is in use. */
async function repair(store: Store, volume: Volume, copy: VolumeCopy): Promise<void> {
  const argv = ['e2fsck', '-p', copyDisk(store.root, volume, copy)];
  const { exitCode, stdout, stderr } = await store.host.exec.run(argv, { timeoutMs: LONGEST_MS });
  if (exitCode <= 2) return;
  throw notCopied(
    volume,
    `the copy is no file system that can be put right: ${(stderr.trim() || stdout.trim()).slice(-400)}`,
    'it may have been written in that moment; if the next one fails, too, look at the volume with its machine off',
  );
}

async function mountCopy(store: Store, volume: Volume, copy: VolumeCopy): Promise<void> {
  const { host, root } = store;
  const at = copyMount(root, volume, copy);
  if (await isMounted(store, at)) return;
  await host.files.mkdir(at, 0o700);
  // A machine wrote it: nothing in it runs or is a device here. Its kind is said, since DRBD's metadata lies behind it.
  const loop = volume.backing?.on === 'lvm' ? '' : ',loop';
  const options = `ro,nodev,nosuid,noexec${loop}`;
  await mustRun(store, volume, ['mount', '-t', 'ext4', '-o', options, copyDisk(root, volume, copy), at]);
}

async function isMounted({ host }: Store, at: string): Promise<boolean> {
  const mounts = parseMountInfo(await host.files.readText('/proc/self/mountinfo'));
  return mounts.some(({ mountPoint }) => mountPoint === at);
}

/** Its note last: what is half removed is found again. */
async function removeCopy(store: Store, volume: Volume, copy: VolumeCopy): Promise<void> {
  const { host, root } = store;
  const at = copyMount(root, volume, copy);
  if (await isMounted(store, at)) await mustRun(store, volume, ['umount', at]);
  // Never what is mounted there: an empty folder alone.
  await host.exec.run(['rmdir', at]);
  if (volume.backing?.on !== 'lvm') await host.files.remove(copyDisk(root, volume, copy));
  else {
    const of = `${volume.backing.group}/${copyName(volume, copy)}`;
    const { exitCode } = await host.exec.run(['lvs', of]);
    if (exitCode === 0) await mustRun(store, volume, ['lvremove', '--yes', of]);
  }
  await host.files.remove(join(copiesFolder(root, volume), `${copy.id}.json`));
}

const LONGEST_MS = 120_000;

async function mustRun({ host }: Store, volume: Volume, argv: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await host.exec.run(argv, { timeoutMs: LONGEST_MS, env: { LC_ALL: 'C' } });
  if (exitCode === 0) return stdout;
  throw notCopied(volume, `${shellLine(argv)} failed: ${stderr.trim()}`, 'the live volume is as it was');
}

const notCopied = ({ resource }: Volume, why: string, hint: string): StatectlError =>
  new StatectlError('volume-not-copied', `${resource}: ${why}`, { hint });
