import { entryOf } from '../../entry-of.ts';
import type { Standing } from '../../protocol/state/state.ts';
import type { Asker } from './asker.ts';
import { branchOf } from './branches.ts';
import { rememberItems } from './item-records.ts';
import type { StateStore } from './kind.ts';
import { branchReason, type Newest } from './line-or-branch.ts';
import { type HistoryPart, LINE, readPrinter } from './state-folder.ts';

/** Where what a machine sends belongs. */
export type Place =
  | { readonly on: 'line'; readonly where: HistoryPart }
  | { readonly on: 'branch'; readonly where: HistoryPart; readonly branch: string; readonly why: string };

/**
 * Decides for every kind whether a boot goes on with the line of an item, or writes a branch of its own, which is made. Under the
 * printer's lock. `generations`: what is newest, where each version is whole and none is merged.
 */
export async function standingOf(
  store: StateStore,
  printer: string,
  item: string,
  standing: Standing,
  shipper: Asker,
  generations?: { readonly newest: Newest | undefined },
): Promise<Place> {
  const record = await readPrinter(store, printer);
  const why = branchReason(record, standing, shipper, entryOf(record.heads, item), generations);
  return why === undefined ? { on: 'line', where: LINE } : branchFor(store, printer, standing, shipper, why);
}

/** The branch of this boot, which is made. Under the printer's lock. */
export async function branchFor(
  store: StateStore,
  printer: string,
  standing: Pick<Standing, 'boot'>,
  shipper: Asker,
  why: string,
): Promise<Place> {
  const { branch, isNew } = await branchOf(store, printer, { node: shipper.node, boot: standing.boot, why });
  if (shipper.printer) await rememberItems(store, printer, shipper.printer);
  if (isNew) store.alarm(`${printer}: what ${shipper.node} ships is a branch, ${branch}: ${why}`);
  return { on: 'branch', where: { part: 'branch', branch }, branch, why };
}
