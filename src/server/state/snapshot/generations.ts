import { join } from 'node:path';
import { recordOrNone } from '../../../host/record.ts';
import { isGenerationId } from '../../../protocol/state/state.ts';
import type { Store } from '../../store/store.ts';
import {
  branchesIn,
  type HistoryPart,
  itemPath,
  itemsIn,
  LINE,
  listed,
  readPrinter,
  writePrinter,
} from '../state-folder.ts';
import { type Generation, generationId, newestFirst } from './generation.ts';
import type { Kept } from './retention.ts';

/** In a folder, `ID.tar` with `ID.json` beside it. A generation is there when its JSON is. */
export interface FoundGeneration extends Generation {
  readonly tar: string;
  readonly json: string;
}

const SHAPE = {
  id: 'text',
  item: 'text',
  sha256: 'text',
  sizeBytes: 'number',
  takenAtMs: 'number',
  receivedAtMs: 'number',
  lease: 'number',
  boot: 'text',
  node: 'text',
  proof: 'text',
} as const;

/** The generations of one history, the newest first; what cannot be read, or has no tar as long as it says, is none. */
export async function generationsIn(
  store: Store,
  printer: string,
  where: HistoryPart,
  item: string,
): Promise<readonly FoundGeneration[]> {
  const { files } = store.host;
  const folder = itemPath(store, printer, where, item);
  const found: FoundGeneration[] = [];
  for (const name of await listed(store, folder)) {
    const id = name.replace(/\.json$/, '');
    if (id === name || !isGenerationId(id)) continue;
    const [tar, json] = [join(folder, `${id}.tar`), join(folder, name)];
    const record = recordOrNone<Generation>(await files.readText(json).catch(() => undefined), SHAPE);
    const stat = await files.stat(tar);
    if (record?.id === id && stat?.type === 'file' && stat.sizeBytes === record.sizeBytes)
      found.push({ ...record, item, tar, json });
  }
  return newestFirst(found);
}

/** Where the JSON of one lies that is none: itself torn, or with no tar as long as it says. */
export async function damagedIn(
  store: Store,
  printer: string,
  where: HistoryPart,
  item: string,
): Promise<readonly Pick<FoundGeneration, 'id' | 'item' | 'json' | 'tar'>[]> {
  const folder = itemPath(store, printer, where, item);
  const whole = new Set((await generationsIn(store, printer, where, item)).map(({ id }) => id));
  return (await listed(store, folder)).flatMap((name) => {
    const id = name.replace(/\.json$/, '');
    if (id === name || !isGenerationId(id) || whole.has(id)) return [];
    return [{ id, item, json: join(folder, name), tar: join(folder, `${id}.tar`) }];
  });
}

/** All that takes room, for `makeRoom`. */
export async function keptOf(store: Store, printer: string): Promise<readonly (FoundGeneration & Kept)[]> {
  const branches = (await branchesIn(store, printer)).map((branch) => ({ part: 'branch', branch }) as const);
  const parts: readonly HistoryPart[] = [LINE, { part: 'apart' }, ...branches];
  const kept = [];
  for (const where of parts)
    for (const item of await itemsIn(store, printer, where))
      for (const [at, one] of (await generationsIn(store, printer, where, item)).entries())
        kept.push({ ...one, part: where.part, isNewest: at === 0 });
  return kept;
}

/** Its JSON first: half of it is none. */
export async function removeGeneration({ host }: Store, { json, tar }: FoundGeneration): Promise<void> {
  await host.files.remove(json);
  await host.files.remove(tar);
}

/**
 * Gives a tar that lies in `incoming` its place and its number. The number is taken first, then the tar is there, then its JSON:
 * a power cut in between leaves a tar that counts for nothing.
 */
export async function placeGeneration(
  store: Store,
  printer: string,
  where: HistoryPart,
  from: string,
  generation: Omit<Generation, 'id' | 'receivedAtMs'>,
): Promise<Generation> {
  const { files, clock } = store.host;
  const record = await readPrinter(store, printer);
  const nowMs = clock.now();
  const placed: Generation = { ...generation, id: generationId(record.next, nowMs), receivedAtMs: nowMs };
  const folder = itemPath(store, printer, where, generation.item);
  await writePrinter(store, printer, { ...record, next: record.next + 1 });
  await files.mkdir(folder, 0o700);
  const tar = join(folder, `${placed.id}.tar`);
  await files.rename(from, tar);
  try {
    await files.write(join(folder, `${placed.id}.json`), `${JSON.stringify(placed)}\n`, { mode: 0o600 });
  } catch (error) {
    await files.remove(tar);
    throw error;
  }
  return placed;
}

/** It keeps its number, and is given to nobody. */
export async function moveApart(
  store: Store,
  printer: string,
  { item, id, tar, json }: Pick<FoundGeneration, 'id' | 'item' | 'json' | 'tar'>,
): Promise<void> {
  const { files } = store.host;
  const folder = itemPath(store, printer, { part: 'apart' }, item);
  await files.mkdir(folder, 0o700);
  await files.rename(json, join(folder, `${id}.json`));
  if (await files.stat(tar)) await files.rename(tar, join(folder, `${id}.tar`));
}
