import { basename, join } from 'node:path';
import { StatectlError } from '../../error.ts';
import { readBody } from '../../host/http/read-body.ts';
import { recordOrNone } from '../../host/record.ts';
import { StateGeneration } from '../../protocol/state.ts';
import { sha256Of } from '../../signed/bundle/manifest.ts';
import { readPlainTar } from '../../signed/plain-tar.ts';
import { statePath } from './ask-state.ts';
import { writeOwnedFile } from './owned-file.ts';
import type { ItemSession } from './printer-session.ts';
import type { Restore, StateItem } from './restore.ts';

/** No server takes a larger one. */
const LARGEST_BYTES = 64 << 20;

/** What the machine has of its last generation: `last.json` beside `last.tar`. */
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
 * The newest generation of the line; without a server the last one that this machine has on its disk, which is a branch from
 * then on. What lies there already goes on where it came from that generation, else it is put aside and told.
 */
export async function restoreSnapshot(restore: Restore<StateItem<'snapshot'>>): Promise<ItemSession> {
  const { host, task, printer, item, head, kept } = restore;
  const places = placesOf(item);
  const last = kept === undefined ? undefined : await readKept(restore, kept);
  const id = head === undefined ? last?.id : head?.id;
  const isThere = (await host.files.stat(join(item.path, item.files[0] ?? '')))?.type === 'file';
  // Of a disk: it may be ahead of what was shipped.
  if (isThere && (head === undefined || last?.id === head?.id)) return { base: last?.id ?? null };
  if (isThere) {
    for (const place of places.values()) {
      const aside = `${place}.before-${id ?? 'the-line'}`;
      if ((await host.files.stat(place))?.type === 'file') await host.files.rename(place, aside);
    }
    task.warn(
      `${printer}: ${item.path} has other state than the line: it is put aside as *.before-${id ?? 'the-line'}`,
    );
  }
  if (id === undefined) return { base: null, ...(head === undefined && { why: 'no server said what it has' }) };
  const tar = await fetchGeneration(restore, id, last);
  for (const [name, bytes] of readPlainTar(tar, (name) => places.has(name)))
    await writeOwnedFile(host, places.get(name) ?? '', bytes, { ...restore.account, mode: 0o644 });
  if (kept !== undefined) await keepGeneration(host, kept, { id, sha256: sha256Of(tar) }, tar);
  return { base: id };
}

async function fetchGeneration(
  { ask, printer, item, head, host, kept }: Restore<StateItem<'snapshot'>>,
  id: string,
  last: KeptGeneration | undefined,
): Promise<Buffer> {
  const wanted = head ? StateGeneration.safeParse(head).data?.sha256 : last?.sha256;
  if (last?.id === id && kept !== undefined) {
    const tar = await host.files.read(`${kept}/last.tar`).catch(() => undefined);
    if (tar && sha256Of(tar) === wanted) return tar;
  }
  if (!ask) throw new StatectlError('state-damaged', `${kept}/last.tar is not what was kept`);
  const { body } = await ask(statePath(printer, item.name, 'generations', id));
  const tar = await readBody(body, LARGEST_BYTES);
  if (sha256Of(tar) === wanted) return tar;
  throw new StatectlError('state-damaged', `what came of ${item.name} ${id} is not what the server has`, {
    hint: 'boot again: it is fetched anew',
  });
}

const readKept = async ({ host }: Restore<StateItem<'snapshot'>>, kept: string): Promise<KeptGeneration | undefined> =>
  recordOrNone<KeptGeneration>(await host.files.readText(`${kept}/last.json`).catch(() => undefined), {
    id: 'text',
    sha256: 'text',
  });

/** The tar first: a record without its tar is one that is fetched again. */
export async function keepGeneration(
  { files }: Pick<Restore<unknown>['host'], 'files'>,
  kept: string,
  generation: KeptGeneration,
  tar: Uint8Array,
): Promise<void> {
  await files.mkdir(kept, 0o700);
  await files.write(`${kept}/last.tar`, tar, { mode: 0o600 });
  await files.write(`${kept}/last.json`, `${JSON.stringify(generation)}\n`, { mode: 0o600 });
}
