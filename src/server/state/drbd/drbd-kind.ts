import { reasonOf } from '../../../error.ts';
import { shellLine } from '../../../host/shell-line.ts';
import { readPlainTar } from '../../../signed/plain-tar.ts';
import type { Store } from '../../store/store.ts';
import type { StateFile, StateKind } from '../kind.ts';
import { type FoundGeneration, generationsIn } from '../snapshot/generations.ts';
import type { HistoryPart } from '../state-folder.ts';
import { copyMount, copyVolume, type VolumeCopy, volumeCopies } from './volume-copies.ts';
import { readVolume, type Volume, volumeId } from './volume-record.ts';
import { standingText, volumeStanding } from './volume-standing.ts';

/** What an admin may do with volumes, and with what boots had that could not have theirs. */
export const drbdKind = (store: Store): Omit<StateKind, 'head'> => ({
  async summary(printer, where, item) {
    if (where.part === 'line') return lineSummary(store, printer, item);
    const all = await generationsIn(store, printer, where, item);
    const [newest] = all;
    if (!newest) return undefined;
    const bytes = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return { id: newest.id, atMs: newest.receivedAtMs, kept: all.length, bytes };
  },

  /** The volume is written by its machine alone, and another hand on it, even for a moment, is what a boot takes for its end. */
  async take(printer, branch, item) {
    const [newest] = await generationsIn(store, printer, { part: 'branch', branch }, item);
    if (!newest) return undefined;
    const volume = await readVolume(store, printer, item).catch(() => undefined);
    if (!volume?.made) return { byHand: `the server has no volume for ${item}: statectl node drbd NODE --apply` };
    return { byHand: handText(volume, newest) };
  },

  /** Of the line the newest copy of the volume; of a branch its newest files, and older ones in `history/ID/`. */
  async *export(printer, where, item) {
    if (where.part === 'line') yield* exportVolume(store, printer, item);
    else yield* exportArchives(store, printer, where, item);
  },
});

async function lineSummary(store: Store, printer: string, item: string) {
  let volume: Volume | undefined;
  try {
    volume = await readVolume(store, printer, item);
  } catch (error) {
    return { id: 'torn', atMs: 0, kept: 0, bytes: 0, standing: reasonOf(error) };
  }
  if (!volume) return undefined;
  const copies = await volumeCopies(store, volume);
  const { made, node } = volume;
  if (!made)
    return {
      ...{ id: volumeId(volume), atMs: 0, kept: 0, bytes: 0 },
      standing: `not made yet: statectl node drbd ${node} --apply`,
    };
  return {
    ...{ id: volumeId(volume), atMs: copies[0]?.receivedAtMs ?? made.atMs, kept: copies.length, bytes: made.bytes },
    standing: standingText(await volumeStanding(store.host, volume)),
  };
}

function handText({ resource, node, minor }: Volume, { tar }: FoundGeneration): string {
  const commands = [
    ['drbdadm', 'primary', resource],
    ['mount', `/dev/drbd${minor}`, '/mnt'],
    ['tar', '--extract', '--file', tar, '--directory', '/mnt'],
    ['umount', '/mnt'],
    ['drbdadm', 'secondary', resource],
  ];
  return `a volume is written by its machine alone, so a person does it: switch ${node} off, and on the server, as root: ${commands.map((argv) => shellLine(argv)).join(' && ')}`;
}

async function* exportVolume(store: Store, printer: string, item: string): AsyncGenerator<StateFile> {
  const volume = await readVolume(store, printer, item).catch(() => undefined);
  if (!volume) return;
  const { copy, fault } = await copyToExport(store, volume);
  const told = {
    ...volume,
    standing: standingText(await volumeStanding(store.host, volume)),
    ...(copy && { copy: copy.id, at: new Date(copy.receivedAtMs).toISOString() }),
    ...(fault !== undefined && { fault }),
  };
  // A name that nothing in it has: it lies beside `files/`.
  yield { path: 'volume.json', content: Buffer.from(`${JSON.stringify(told, null, 2)}\n`) };
  if (!copy) return;
  await using tree = await store.host.files.openTree(copyMount(store.root, volume, copy));
  const { files, left, isCut } = await tree.scan();
  for (const file of files) yield { path: `files/${file.path}`, content: tree.read(file) };
  if (left.length > 0 || isCut)
    yield { path: 'left-out.json', content: Buffer.from(`${JSON.stringify({ left, isCut }, null, 2)}\n`) };
}

/** One of this moment; where there can be none the newest that there is, and why. */
async function copyToExport(
  store: Store,
  volume: Volume,
): Promise<{ readonly copy?: VolumeCopy; readonly fault?: string }> {
  if (!volume.made) return { fault: 'it was not made yet' };
  try {
    return { copy: await copyVolume(store, volume) };
  } catch (error) {
    const [copy] = await volumeCopies(store, volume);
    return { ...(copy && { copy }), fault: `no copy of now: ${reasonOf(error)}` };
  }
}

async function* exportArchives(
  store: Store,
  printer: string,
  where: HistoryPart,
  item: string,
): AsyncGenerator<StateFile> {
  for (const [at, { tar, json: _, ...said }] of (await generationsIn(store, printer, where, item)).entries()) {
    const folder = at === 0 ? '' : `history/${said.id}/`;
    const bytes = await store.host.files.read(tar);
    const members = membersOf(bytes);
    if (members) for (const [path, content] of members) yield { path: `${folder}files/${path}`, content };
    else yield { path: `${folder}${said.id}.tar`, content: bytes };
    yield { path: `${folder}generation.json`, content: Buffer.from(`${JSON.stringify(said, null, 2)}\n`) };
  }
}

/** undefined: it is not as machines make it, and stays whole. */
function membersOf(tar: Buffer) {
  try {
    return readPlainTar(tar, isBelow);
  } catch {
    return undefined;
  }
}

/** Below the folder of an export, and nowhere else. */
const isBelow = (path: string): boolean => path.split('/').every((part) => !['', '.', '..'].includes(part));
