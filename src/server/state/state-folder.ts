import { join } from 'node:path';
import { StatectlError } from '../../error.ts';
import { holdLock } from '../../host/lock.ts';
import { recordOrNone } from '../../host/record.ts';
import { isGenerationId, isItemName, isPrinterName } from '../../protocol/state/state.ts';
import type { Store } from '../store/store.ts';
import { NEW_PRINTER, type PrinterRecord } from './lease.ts';
import { numberOf } from './snapshot/generation.ts';

/**
 * The state of printers below the server's, plain files that can be taken out by hand: `state/PRINTER/line/ITEM/` what the printer
 * is, `branches/NAME/ITEM/` what lies beside the line, with `branch.json` who began it, `apart/ITEM/` what is no good;
 * `printer.json` who has the lease; `incoming/` what is on its way; `lock` while somebody changes any of it.
 */
export type HistoryPart =
  | { readonly part: 'line' }
  | { readonly part: 'apart' }
  | { readonly part: 'branch'; readonly branch: string };

export const LINE: HistoryPart = { part: 'line' };

const BRANCH_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
const isBranchName = (text: string): boolean => BRANCH_NAME.test(text);

const statePath = (store: Store): string => join(store.root, 'state');

/** Throws `printer-unknown`: only a plain name becomes a path. */
export function printerPath(store: Store, printer: string): string {
  if (!isPrinterName(printer)) throw printerUnknown('that is not the name of a printer');
  return join(statePath(store), printer);
}

export const printerUnknown = (what: string): StatectlError =>
  new StatectlError('printer-unknown', what, {
    hint: 'system/state.conf of a node names its printers; on the server, `statectl printer list`',
  });

export const incomingPath = (store: Store, printer: string): string => join(printerPath(store, printer), 'incoming');

/** Where a history is, of all items. Throws `branch-unknown`. */
export function historyPath(store: Store, printer: string, where: HistoryPart): string {
  if (where.part !== 'branch') return join(printerPath(store, printer), where.part);
  if (!isBranchName(where.branch)) throw branchUnknown(printer, 'that is not the name of a branch');
  return join(printerPath(store, printer), 'branches', where.branch);
}

/** Where what a history has of an item is. Throws `branch-unknown`, `item-unknown`. */
export function itemPath(store: Store, printer: string, where: HistoryPart, item: string): string {
  if (!isItemName(item)) throw itemUnknown();
  return join(historyPath(store, printer, where), item);
}

export const itemUnknown = (): StatectlError =>
  new StatectlError('item-unknown', 'this server keeps no such item of a printer');

export const branchUnknown = (printer: string, what: string): StatectlError =>
  new StatectlError('branch-unknown', what, {
    hint: `\`statectl printer branches ${printer}\` names those that there are`,
  });

export const listed = async ({ host }: Pick<Store, 'host'>, path: string): Promise<readonly string[]> =>
  (await host.files.stat(path))?.type === 'dir' ? host.files.list(path) : [];

export const printersIn = async (store: Store): Promise<readonly string[]> =>
  (await listed(store, statePath(store))).filter(isPrinterName);

export const branchesIn = async (store: Store, printer: string): Promise<readonly string[]> =>
  (await listed(store, join(printerPath(store, printer), 'branches'))).filter(isBranchName);

/** Names of the items of which a history has something. */
export const itemsIn = async (store: Store, printer: string, where: HistoryPart): Promise<readonly string[]> =>
  (await listed(store, historyPath(store, printer, where))).filter(isItemName);

const recordPath = (store: Store, printer: string): string => join(printerPath(store, printer), 'printer.json');

/** One that is torn or gone is made anew of what is there: every boot begins a new lease then, and no number comes twice. */
export async function readPrinter(store: Store, printer: string): Promise<PrinterRecord> {
  const text = await store.host.files.readText(recordPath(store, printer)).catch(() => undefined);
  const record = recordOrNone<PrinterRecord>(text, { holders: 'list', heads: 'mapping', next: 'number' });
  if (record) return { ...record, items: record.items ?? {} };
  const found = await generationsFound(store, printer);
  const [number, lease] = [found.map((one) => one.number), found.map((one) => one.lease)].map((all) =>
    Math.max(0, ...all),
  ) as [number, number];
  const lost = lease === 0 ? [] : [{ boot: '', node: '', lease, sinceMs: 0 }];
  return { ...NEW_PRINTER, holders: lost, next: number + 1 };
}

async function generationsFound(store: Store, printer: string) {
  const branches = (await branchesIn(store, printer)).map((branch) => ({ part: 'branch', branch }) as const);
  const found: { readonly number: number; readonly lease: number }[] = [];
  for (const where of [LINE, { part: 'apart' } as const, ...branches])
    for (const item of await itemsIn(store, printer, where)) {
      const folder = itemPath(store, printer, where, item);
      for (const name of await listed(store, folder)) {
        const id = name.replace(/\.json$/, '');
        if (id === name || !isGenerationId(id)) continue;
        const text = await store.host.files.readText(join(folder, name)).catch(() => undefined);
        const { lease = 0 } = recordOrNone<{ readonly lease: number }>(text, { lease: 'number' }) ?? {};
        found.push({ number: numberOf(id), lease });
      }
    }
  return found;
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
