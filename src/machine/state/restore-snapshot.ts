import { basename, join } from 'node:path';
import { reasonOf, StatectlError } from '../../error.ts';
import { readBody } from '../../host/http/read-body.ts';
import { recordOrNone } from '../../host/record.ts';
import { type ItemHead, StateGeneration } from '../../protocol/state/state.ts';
import { sha256Of } from '../../signed/bundle/manifest.ts';
import { readPlainTar } from '../../signed/plain-tar.ts';
import { statePath } from './ask-state.ts';
import { writeOwnedFile } from './owned-file.ts';
import type { ItemSession } from './printer-session.ts';
import { freeEnd } from './put-aside.ts';
import type { Restore, StateItem } from './restore.ts';

/** No server takes a larger one. */
const LARGEST_BYTES = 64 << 20;

/** What the machine has of its last generation: `last.json`, and beside it the tar by its digest. */
export interface KeptGeneration {
  readonly id: string;
  readonly sha256: string;
}

/** Where each file of a generation goes, by name. Pure. */
export const placesOf = ({ path, files, with: beside }: StateItem<'snapshot'>): ReadonlyMap<string, string> =>
  new Map([
    ...files.map((name) => [name, join(path, name)] as const),
    ...beside.map((one) => [basename(one), one] as const),
  ]);

/**
 * The newest generation of the line; where no server has any the last one that this machine has on its disk: a branch from then
 * on, or the first of a line that has nothing. What lies there already goes on where it is of that generation, else it is put
 * aside and told. Nothing is put aside before all is there that takes its place.
 */
export async function restoreSnapshot(restore: Restore<StateItem<'snapshot'>>): Promise<ItemSession> {
  const { host, task, printer, item, head, kept } = restore;
  const last = kept === undefined ? undefined : await readKept(host, kept);
  const isThere = (await host.files.stat(join(item.path, item.files[0] ?? '')))?.type === 'file';
  if (!head) {
    const why = head === undefined ? { why: 'no server said what it has' } : {};
    // Of a disk: it may be ahead of what was shipped. Of a line that has nothing it is the first.
    const base = head === undefined ? (last?.id ?? null) : null;
    if (isThere) return { base, ...(base === null && why) };
    if (!last) return { base: null, ...why };
    await giveBack(restore, last, await keptTar(host, kept ?? '', last));
    if (head === null) task.warn(`${printer}: the server has no ${item.name}: what this machine kept is given back`);
    return { base };
  }
  if (isThere && last?.id === head.id) return { base: head.id };
  const { id, sha256 } = generationOf(head);
  const tar = await fetchGeneration(restore, { id, sha256 }, last);
  await giveBack(restore, { id, sha256 }, tar);
  // It is the line's all the same.
  if (kept !== undefined)
    await keepGeneration(host, kept, { id, sha256 }, tar).catch((error: unknown) =>
      task.warn(`${printer}: ${item.name} ${id} is not kept on the disk of this machine: ${reasonOf(error)}`),
    );
  return { base: id };
}

/** Throws `state-damaged`: a name of a file is made of it. */
function generationOf(head: ItemHead): KeptGeneration {
  const { data } = StateGeneration.safeParse(head);
  if (data) return data;
  throw new StatectlError('state-damaged', `the server names ${JSON.stringify(head.id)}, which is no generation`);
}

/** What it has, to its places, unless it is what lies there. */
async function giveBack(restore: Restore<StateItem<'snapshot'>>, { id }: KeptGeneration, tar: Buffer): Promise<void> {
  const { host, task, printer, item, account } = restore;
  const places = placesOf(item);
  const members = readPlainTar(tar, (name) => places.has(name));
  if (await isWhatLies(restore, members)) return;
  // A journal of another database would be rolled back into this one.
  const journals = item.files.flatMap((name) => JOURNALS.map((end) => `${join(item.path, name)}${end}`));
  const lying = [];
  for (const path of [...journals, ...places.values()]) if (await host.files.stat(path)) lying.push(path);
  const end = await freeEnd(host.files, lying, `.before-${id}`);
  const asides = new Map(lying.map((path) => [path, `${path}${end}`]));
  for (const [path, aside] of asides) await host.files.rename(path, aside);
  if (asides.size > 0)
    task.warn(
      `${printer}: ${item.path} has other state than ${id}: it is put aside as ${[...asides.values()].join(', ')}`,
    );
  for (const [name, bytes] of members)
    await writeOwnedFile(host, places.get(name) ?? '', bytes, { ...account, mode: 0o644 });
}

const JOURNALS = ['-journal', '-wal', '-shm'];

async function isWhatLies(
  { host: { files }, item }: Restore<StateItem<'snapshot'>>,
  members: ReadonlyMap<string, Uint8Array>,
): Promise<boolean> {
  const places = placesOf(item);
  for (const name of item.files)
    for (const end of JOURNALS) if (await files.stat(`${join(item.path, name)}${end}`)) return false;
  for (const [name, bytes] of members) {
    const path = places.get(name) ?? '';
    const found = await files.readRegular(path, LARGEST_BYTES).catch(() => undefined);
    if (found?.realPath !== path || !found.bytes.equals(bytes)) return false;
  }
  return true;
}

const keptPath = (kept: string, { sha256 }: KeptGeneration): string => join(kept, `${sha256}.tar`);

/** Throws `state-damaged`. */
export async function keptTar(
  { files }: Pick<Restore<unknown>['host'], 'files'>,
  kept: string,
  last: KeptGeneration,
): Promise<Buffer> {
  const tar = await files.read(keptPath(kept, last)).catch(() => undefined);
  if (tar && sha256Of(tar) === last.sha256) return tar;
  throw new StatectlError('state-damaged', `${keptPath(kept, last)} is not what was kept`);
}

async function fetchGeneration(
  restore: Restore<StateItem<'snapshot'>>,
  { id, sha256 }: KeptGeneration,
  last: KeptGeneration | undefined,
): Promise<Buffer> {
  const { host, ask, printer, item, kept = '' } = restore;
  if (last?.sha256 === sha256) {
    const tar = await keptTar(host, kept, last).catch(() => undefined);
    if (tar) return tar;
  }
  if (!ask) throw new StatectlError('state-damaged', `nobody has ${item.name} ${id}`);
  const { body } = await ask(statePath(printer, item.name, 'generations', id));
  const tar = await readBody(body, LARGEST_BYTES);
  if (sha256Of(tar) === sha256) return tar;
  throw new StatectlError('state-damaged', `what came of ${item.name} ${id} is not what the server has`, {
    hint: 'boot again: it is fetched anew',
  });
}

/** What was kept last; undefined: nothing. */
export const readKept = async (
  { files }: Pick<Restore<unknown>['host'], 'files'>,
  kept: string,
): Promise<KeptGeneration | undefined> =>
  recordOrNone<KeptGeneration>(await files.readText(`${kept}/last.json`).catch(() => undefined), {
    id: 'text',
    sha256: 'text',
  });

/** A tar by itself first, then the record that names it: whenever the power is cut, the record has its tar. */
export async function keepGeneration(
  { files }: Pick<Restore<unknown>['host'], 'files'>,
  kept: string,
  { id, sha256 }: KeptGeneration,
  tar: Uint8Array,
): Promise<void> {
  const path = keptPath(kept, { id, sha256 });
  await files.mkdir(kept, 0o700);
  await files.write(path, tar, { mode: 0o600 });
  await files.write(join(kept, 'last.json'), `${JSON.stringify({ id, sha256 })}\n`, { mode: 0o600 });
  for (const name of await files.list(kept))
    if (name.endsWith('.tar') && join(kept, name) !== path) await files.remove(join(kept, name));
}
