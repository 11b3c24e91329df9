import { entryOf } from '../../../entry-of.ts';
import type { ItemKind } from '../../../protocol/state/state.ts';
import { readBranch } from '../../state/branches.ts';
import type { ByHand, ItemSummary } from '../../state/kind.ts';
import { adminKinds } from '../../state/kinds.ts';
import { holderOf } from '../../state/lease.ts';
import {
  branchesIn,
  branchUnknown,
  type HistoryPart,
  historyPath,
  itemsIn,
  LINE,
  lockPrinter,
  printersIn,
  printerUnknown,
  readPrinter,
} from '../../state/state-folder.ts';
import type { Store } from '../../store/store.ts';
import type { ServerState } from '../server-state.ts';

/** What there is of an item, with its name. */
export interface ItemStatus extends Omit<ItemSummary, 'atMs'> {
  readonly item: string;
  readonly at: string;
}

/** What `printer list` says of a printer. */
export interface PrinterStatus {
  readonly printer: string;
  /** The node that goes on with its line, and since when; absent: none asked yet. */
  readonly node?: string;
  readonly lease?: number;
  readonly since?: string;
  readonly line: readonly ItemStatus[];
  readonly branches: readonly string[];
  /** Items that are kept apart, since they are no good. */
  readonly apart: readonly ItemStatus[];
  /** All of it. */
  readonly bytes: number;
}

const timeOf = (ms: number): string => new Date(ms).toISOString();
const sumOf = (all: readonly ItemStatus[]): number => all.reduce((sum, { bytes }) => sum + bytes, 0);

/** Each printer that ever asked this server. Throws `state-missing`. */
export async function listPrinters(state: ServerState): Promise<readonly PrinterStatus[]> {
  const store = await state.files();
  const statuses: PrinterStatus[] = [];
  for (const printer of await printersIn(store)) {
    const line = await statusesOf(store, printer, LINE);
    const apart = await statusesOf(store, printer, { part: 'apart' });
    const branches = await branchesIn(store, printer);
    let bytes = sumOf(line) + sumOf(apart);
    for (const branch of branches) bytes += sumOf(await statusesOf(store, printer, { part: 'branch', branch }));
    const holder = holderOf(await readPrinter(store, printer));
    statuses.push({
      printer,
      ...(holder && holder.node !== '' && { node: holder.node, lease: holder.lease, since: timeOf(holder.sinceMs) }),
      line,
      branches,
      apart,
      bytes,
    });
  }
  return statuses;
}

/** What `printer branches` says of a branch. */
export interface BranchStatus {
  readonly branch: string;
  readonly node: string;
  readonly boot: string;
  readonly why: string;
  /** When something came last. */
  readonly at: string;
  readonly bytes: number;
  readonly items: readonly ItemStatus[];
}

/** The branches of a printer, by name. Throws `printer-unknown`. */
export async function listBranches(state: ServerState, printer: string): Promise<readonly BranchStatus[]> {
  const store = await state.files();
  await mustExist(store, printer);
  const statuses: BranchStatus[] = [];
  for (const branch of await branchesIn(store, printer)) {
    const items = await statusesOf(store, printer, { part: 'branch', branch });
    const { node = '', boot = '', why = '', sinceMs = 0 } = (await readBranch(store, printer, branch)) ?? {};
    const at =
      items
        .map((one) => one.at)
        .toSorted()
        .at(-1) ?? timeOf(sinceMs);
    statuses.push({ branch, node, boot, why, at, bytes: sumOf(items), items });
  }
  return statuses;
}

/** What there is of each item. */
async function statusesOf(store: Store, printer: string, where: HistoryPart): Promise<readonly ItemStatus[]> {
  const statuses: ItemStatus[] = [];
  for (const { item, kind } of await kindsIn(store, printer, where)) {
    const summary = await kind.summary(printer, where, item);
    if (summary === undefined) continue;
    const { atMs, ...rest } = summary;
    statuses.push({ item, ...rest, at: timeOf(atMs) });
  }
  return statuses;
}

/** The items that a history has something of, with what their class is. */
export async function kindsIn(store: Store, printer: string, where: HistoryPart) {
  const kinds = adminKinds(store);
  const { items } = await readPrinter(store, printer);
  const found = [];
  for (const item of await itemsIn(store, printer, where)) {
    const recorded = entryOf(items, item)?.kind;
    // A record that the disk lost hides nothing: each class knows its own files.
    for (const kind of recorded ? [kinds[recorded]] : BY_FILES.map((name) => kinds[name]))
      if (kind && (recorded || (await kind.summary(printer, where, item)) !== undefined)) {
        found.push({ item, kind });
        break;
      }
  }
  return found;
}

/** What a volume has beside its line looks as snapshots do. */
const BY_FILES = ['git', 'mirror', 'variables', 'snapshot', 'drbd'] as const satisfies readonly ItemKind[];

/** What came onto the line, or what a person does so that it comes there. */
export type TakenItem = { readonly item: string } & ({ readonly takenFrom: string } | ByHand);

/**
 * Makes a branch the newest of the line: the next boot gets it, and the one that goes on with the line now becomes a branch with
 * what it ships next. Gives what was taken. Throws `printer-unknown`, `branch-unknown`, `generation-mismatch`.
 */
export async function takeBranch(state: ServerState, printer: string, branch: string): Promise<readonly TakenItem[]> {
  const store = await state.files();
  await mustExist(store, printer);
  await using _lock = await lockPrinter(store, printer);
  await mustHaveBranch(store, printer, branch);
  const taken: TakenItem[] = [];
  for (const { item, kind } of await kindsIn(store, printer, { part: 'branch', branch })) {
    const id = await kind.take(printer, branch, item);
    if (typeof id === 'string') taken.push({ item, takenFrom: `${branch}/${id}` });
    else if (id !== undefined) taken.push({ item, ...id });
  }
  return taken;
}

/** Forgets a branch, and all that is in it. Throws `printer-unknown`, `branch-unknown`. */
export async function dropBranch(state: ServerState, printer: string, branch: string): Promise<void> {
  const store = await state.files();
  await mustExist(store, printer);
  await using _lock = await lockPrinter(store, printer);
  await mustHaveBranch(store, printer, branch);
  for (const { item, kind } of await kindsIn(store, printer, { part: 'branch', branch }))
    await kind.drop?.(printer, branch, item);
  await store.host.files.remove(historyPath(store, printer, { part: 'branch', branch }));
}

/** Throws `printer-unknown`. */
export async function mustExist(store: Store, printer: string): Promise<void> {
  if ((await printersIn(store)).includes(printer)) return;
  throw printerUnknown(`this server has no printer ${printer}`);
}

async function mustHaveBranch(store: Store, printer: string, branch: string): Promise<void> {
  if ((await branchesIn(store, printer)).includes(branch)) return;
  throw branchUnknown(printer, `${printer} has no branch ${branch}`);
}
