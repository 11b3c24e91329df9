import { entryOf } from '../../entry-of.ts';
import type { ItemKind, Standing } from '../../protocol/state/state.ts';
import type { Store } from '../store/store.ts';
import { type Asker, mustHave } from './asker.ts';
import { formerLease, quotasOf } from './lease.ts';
import type { Quotas } from './node-printer.ts';
import { itemUnknown, readPrinter } from './state-folder.ts';

/**
 * How much the printer may have. A boot that had it once may still tell what it did, wherever the printer is by now. Throws `printer-unknown`, `item-unknown`.
 */
export async function mayShip(
  store: Store,
  printer: string,
  { name, kind }: { readonly name: string; readonly kind: ItemKind },
  { boot }: Standing,
  asker: Asker,
): Promise<Quotas> {
  const has = asker.printer;
  if (has?.items.some((one) => one.name === name && one.kind === kind)) return has;
  const record = await readPrinter(store, printer);
  if (!formerLease(record, { boot, node: asker.node })) mustHave(printer, asker);
  if (entryOf(record.items, name)?.kind === kind) return quotasOf(record, undefined);
  throw itemUnknown();
}
