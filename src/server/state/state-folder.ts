import { join } from 'node:path';
import { StatectlError } from '../../error.ts';
import { holdLock } from '../../host/lock.ts';
import { recordOrNone } from '../../host/record.ts';
import { isGenerationId, isPrinterName, STATE_ITEMS, type StateItem } from '../../protocol/state.ts';
import type { Store } from '../store/store.ts';
import { type Generation, generationId, newestFirst, numberOf } from './generation.ts';
import { NEW_PRINTER, type PrinterRecord } from './lease.ts';
import type { Kept } from './retention.ts';

/**
 * The state of printers below the server's, plain files that can be taken out by hand:
 * `state/PRINTER/line/ITEM/ID.tar` with `ID.json` beside it, `branches/NAME/ITEM/…` the same, `apart/ITEM/…` what is no good;
 * `printer.json` who has the lease; `incoming/` what is on its way; `lock` while somebody changes any of it. A generation is there
 * when its JSON is.
 */
export type HistoryPart =
  | { readonly part: 'line' }
  | { readonly part: 'apart' }
  | { readonly part: 'branch'; readonly branch: string };

/** In a folder, with where. */
export interface FoundGeneration extends Generation {
  readonly tar: string;
  readonly json: string;
}

const BRANCH_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

const statePath = (store: Store): string => join(store.root, 'state');

/** Throws `printer-unknown`: only a plain name becomes a path. */
function printerPath(store: Store, printer: string): string {
  if (!isPrinterName(printer)) throw printerUnknown('that is not the name of a printer');
  return join(statePath(store), printer);
}

export const printerUnknown = (what: string): StatectlError =>
  new StatectlError('printer-unknown', what, {
    hint: 'system/state.conf of a node names its printers; on the server, `statectl printer list`',
  });

export const incomingPath = (store: Store, printer: string): string => join(printerPath(store, printer), 'incoming');

/** Throws `branch-unknown`. */
export function historyPath(store: Store, printer: string, where: HistoryPart, item: StateItem): string {
  if (where.part !== 'branch') return join(printerPath(store, printer), where.part, item);
  if (!BRANCH_NAME.test(where.branch)) throw branchUnknown(printer, 'that is not the name of a branch');
  return join(printerPath(store, printer), 'branches', where.branch, item);
}

export const branchUnknown = (printer: string, what: string): StatectlError =>
  new StatectlError('branch-unknown', what, {
    hint: `\`statectl printer branches ${printer}\` names those that there are`,
  });

const listed = async ({ host }: Store, path: string): Promise<readonly string[]> =>
  (await host.files.stat(path))?.type === 'dir' ? host.files.list(path) : [];

export const printersIn = async (store: Store): Promise<readonly string[]> =>
  (await listed(store, statePath(store))).filter(isPrinterName);

export const branchesIn = async (store: Store, printer: string): Promise<readonly string[]> =>
  (await listed(store, join(printerPath(store, printer), 'branches'))).filter((name) => BRANCH_NAME.test(name));

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
  item: StateItem,
): Promise<readonly FoundGeneration[]> {
  const { files } = store.host;
  const folder = historyPath(store, printer, where, item);
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

/** Each history that there is, by where it is kept. */
export async function historiesIn(
  store: Store,
  printer: string,
): Promise<readonly { readonly where: HistoryPart; readonly generations: readonly FoundGeneration[] }[]> {
  const branches = (await branchesIn(store, printer)).map((branch) => ({ part: 'branch', branch }) as const);
  const parts: readonly HistoryPart[] = [{ part: 'line' }, { part: 'apart' }, ...branches];
  const histories = [];
  for (const where of parts)
    for (const item of STATE_ITEMS)
      histories.push({ where, generations: await generationsIn(store, printer, where, item) });
  return histories.filter(({ generations }) => generations.length > 0);
}

/** All that takes room, for `makeRoom`. */
export async function keptOf(store: Store, printer: string): Promise<readonly (FoundGeneration & Kept)[]> {
  const histories = await historiesIn(store, printer);
  return histories.flatMap(({ where, generations }) =>
    generations.map((one, at) => ({ ...one, part: where.part, isNewest: at === 0 })),
  );
}

/** Its JSON first: half of it is none. */
export async function removeGeneration({ host }: Store, { json, tar }: FoundGeneration): Promise<void> {
  await host.files.remove(json);
  await host.files.remove(tar);
}

const recordPath = (store: Store, printer: string): string => join(printerPath(store, printer), 'printer.json');

/** One that is torn or gone is made anew of what is there: every boot begins a new lease then, and no number comes twice. */
export async function readPrinter(store: Store, printer: string): Promise<PrinterRecord> {
  const text = await store.host.files.readText(recordPath(store, printer)).catch(() => undefined);
  const record = recordOrNone<PrinterRecord>(text, { holders: 'list', heads: 'mapping', next: 'number' });
  if (record) return record;
  const numbers = (await keptOf(store, printer)).map(({ id, lease }) => ({ number: numberOf(id), lease }));
  const [number, lease] = [numbers.map((one) => one.number), numbers.map((one) => one.lease)].map((all) =>
    Math.max(0, ...all),
  ) as [number, number];
  const lost = lease === 0 ? [] : [{ boot: '', node: '', lease, sinceMs: 0 }];
  return { ...NEW_PRINTER, holders: lost, next: number + 1 };
}

export async function writePrinter(store: Store, printer: string, record: PrinterRecord): Promise<void> {
  await store.host.files.mkdir(printerPath(store, printer), 0o700);
  await store.host.files.write(recordPath(store, printer), `${JSON.stringify(record)}\n`, { mode: 0o600 });
}

/** Nobody else changes the printer until it is disposed: neither this server nor a verb. Throws `locked`. */
export async function lockPrinter(store: Store, printer: string): Promise<AsyncDisposable> {
  const folder = printerPath(store, printer);
  await store.host.files.mkdir(folder, 0o700);
  return holdLock(store.host, join(folder, 'lock'), `changing ${folder}`);
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
  const folder = historyPath(store, printer, where, generation.item);
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
  { item, id, tar, json }: FoundGeneration,
): Promise<void> {
  const { files } = store.host;
  const folder = historyPath(store, printer, { part: 'apart' }, item);
  await files.mkdir(folder, 0o700);
  await files.rename(json, join(folder, `${id}.json`));
  await files.rename(tar, join(folder, `${id}.tar`));
}
