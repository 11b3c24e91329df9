import { entryOf } from '../../entry-of.ts';
import type { ItemKind, Standing } from '../../protocol/state.ts';
import type { Store } from '../store/store.ts';
import { type Asker, mustHave } from './asker.ts';
import { formerLease } from './lease.ts';
import type { NodePrinter } from './node-printer.ts';
import { itemUnknown, readPrinter } from './state-folder.ts';

/**
 * What config.d says of the printer now; undefined where this boot had it once: it may still tell what it did, wherever the
 * printer is by now. Throws `printer-unknown`, `item-unknown`.
 */
export async function mayShip(
  store: Store,
  printer: string,
  { name, kind }: { readonly name: string; readonly kind: ItemKind },
  { boot }: Standing,
  asker: Asker,
): Promise<NodePrinter | undefined> {
  const has = asker.printer;
  if (has?.items.some((one) => one.name === name && one.kind === kind)) return has;
  const record = await readPrinter(store, printer);
  if (!formerLease(record, { boot, node: asker.node })) mustHave(printer, asker);
  if (entryOf(record.items, name)?.kind === kind) return undefined;
  throw itemUnknown();
}
