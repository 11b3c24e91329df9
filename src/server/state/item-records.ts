import { isDeepStrictEqual } from 'node:util';
import type { Store } from '../store/store.ts';
import type { ItemRecord } from './lease.ts';
import type { NodePrinter } from './node-printer.ts';
import { shapeOf } from './snapshot/shape.ts';
import { readPrinter, writePrinter } from './state-folder.ts';

/** What the server keeps of the items that config.d says. Pure. */
export const recordsOf = ({ items }: Pick<NodePrinter, 'items'>): Readonly<Record<string, ItemRecord>> =>
  Object.fromEntries(
    items.map((item) => [item.name, { kind: item.kind, ...(item.kind === 'snapshot' && { shape: shapeOf(item) }) }]),
  );

/**
 * For a printer that ships what none of its leases named, or that never had one: without it no admin could see, take or export
 * that. Under the printer's lock.
 */
export async function rememberItems(store: Store, printer: string, has: Pick<NodePrinter, 'items'>): Promise<void> {
  const record = await readPrinter(store, printer);
  const items = { ...record.items, ...recordsOf(has) };
  if (!isDeepStrictEqual(items, record.items)) await writePrinter(store, printer, { ...record, items });
}
