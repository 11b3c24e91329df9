import { createHash, randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { StatectlError } from '../../error.ts';
import { STATE_ITEMS, type StateItem } from '../../protocol/state.ts';
import { holderOf } from '../state/lease.ts';
import {
  branchesIn,
  branchUnknown,
  type FoundGeneration,
  generationsIn,
  historiesIn,
  historyPath,
  incomingPath,
  lockPrinter,
  placeGeneration,
  printersIn,
  printerUnknown,
  readPrinter,
} from '../state/state-folder.ts';
import type { Store } from '../store/store.ts';
import type { ServerState } from './server-state.ts';

/** What `printer list` says of a printer. */
export interface PrinterStatus {
  readonly printer: string;
  /** The node that goes on with its line, and since when; absent: none asked yet. */
  readonly node?: string;
  readonly lease?: number;
  readonly since?: string;
  /** By item, the newest of the line. */
  readonly line: Readonly<
    Partial<Record<StateItem, { readonly id: string; readonly at: string; readonly kept: number }>>
  >;
  readonly branches: readonly string[];
  /** Generations that are no good. */
  readonly apart: number;
  readonly bytes: number;
}

const timeOf = (ms: number): string => new Date(ms).toISOString();

/** Each printer that ever asked this server. Throws `state-missing`. */
export async function listPrinters(state: ServerState): Promise<readonly PrinterStatus[]> {
  const store = await state.files();
  const statuses: PrinterStatus[] = [];
  for (const printer of await printersIn(store)) {
    const histories = await historiesIn(store, printer);
    const line = histories.filter(({ where }) => where.part === 'line').map(({ generations }) => generations);
    const apart = histories.filter(({ where }) => where.part === 'apart').flatMap(({ generations }) => generations);
    const holder = holderOf(await readPrinter(store, printer));
    statuses.push({
      printer,
      ...(holder && holder.node !== '' && { node: holder.node, lease: holder.lease, since: timeOf(holder.sinceMs) }),
      line: Object.fromEntries(
        line.flatMap((all) =>
          all
            .slice(0, 1)
            .map(({ item, id, receivedAtMs }) => [item, { id, at: timeOf(receivedAtMs), kept: all.length }]),
        ),
      ),
      branches: await branchesIn(store, printer),
      apart: apart.length,
      bytes: histories.flatMap(({ generations }) => generations).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    });
  }
  return statuses;
}

/** What `printer branches` says of a branch. */
export interface BranchStatus {
  readonly branch: string;
  readonly node: string;
  readonly boot: string;
  /** The generation of the line that it began with; null: it began empty. */
  readonly base: string | null;
  readonly at: string;
  readonly bytes: number;
  readonly items: readonly StateItem[];
}

/** The branches of a printer, by name. Throws `printer-unknown`. */
export async function listBranches(state: ServerState, printer: string): Promise<readonly BranchStatus[]> {
  const store = await state.files();
  await mustExist(store, printer);
  const statuses: BranchStatus[] = [];
  for (const branch of await branchesIn(store, printer)) {
    const all = await branchGenerations(store, printer, branch);
    const [newest] = all;
    if (!newest) continue;
    const { node, boot, base, receivedAtMs } = newest;
    const bytes = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const items = [...new Set(all.map(({ item }) => item))];
    statuses.push({ branch, node, boot, base, at: timeOf(receivedAtMs), bytes, items });
  }
  return statuses;
}

/**
 * Makes a branch the newest of the line, as a new generation: what the line had stays in its history, and the branch as it is.
 * The boot that goes on with the line now becomes a branch with what it ships next. Gives what was taken, by item. Throws
 * `printer-unknown`, `branch-unknown`, `generation-mismatch`.
 */
export async function takeBranch(
  state: ServerState,
  printer: string,
  branch: string,
): Promise<readonly FoundGeneration[]> {
  const store = await state.files();
  await mustExist(store, printer);
  await using _lock = await lockPrinter(store, printer);
  const newest = await newestOf(store, printer, branch);
  for (const { id, item, tar, json: _, receivedAtMs: __, ...generation } of newest) {
    const copy = join(incomingPath(store, printer), `${randomBytes(8).toString('hex')}.tar`);
    await copyChecked(store, tar, copy, generation.sha256);
    try {
      await placeGeneration(store, printer, { part: 'line' }, copy, {
        ...generation,
        item,
        lease: 0,
        takenFrom: `${branch}/${id}`,
      });
    } finally {
      await store.host.files.remove(copy);
    }
  }
  return newest;
}

/** Forgets a branch, and all that is in it. Throws `printer-unknown`, `branch-unknown`. */
export async function dropBranch(state: ServerState, printer: string, branch: string): Promise<void> {
  const store = await state.files();
  await mustExist(store, printer);
  await using _lock = await lockPrinter(store, printer);
  const [item] = STATE_ITEMS;
  const folder = dirname(historyPath(store, printer, { part: 'branch', branch }, item));
  if (!(await branchesIn(store, printer)).includes(branch))
    throw branchUnknown(printer, `${printer} has no branch ${branch}`);
  await store.host.files.remove(folder);
}

/** Throws `printer-unknown`. */
export async function mustExist(store: Store, printer: string): Promise<void> {
  if ((await printersIn(store)).includes(printer)) return;
  throw printerUnknown(`this server has no printer ${printer}`);
}

async function branchGenerations(store: Store, printer: string, branch: string): Promise<readonly FoundGeneration[]> {
  const all = [];
  for (const item of STATE_ITEMS) all.push(...(await generationsIn(store, printer, { part: 'branch', branch }, item)));
  return all;
}

/** Of each item. */
async function newestOf(store: Store, printer: string, branch: string): Promise<readonly FoundGeneration[]> {
  const all = await branchGenerations(store, printer, branch);
  const newest = STATE_ITEMS.flatMap((item) => all.find((one) => one.item === item) ?? []);
  if (newest.length === 0) throw branchUnknown(printer, `${printer} has no branch ${branch}`);
  return newest;
}

/** A tar of the store once more; what the disk changed is not passed on. Throws `generation-mismatch`. */
async function copyChecked({ host: { files } }: Store, from: string, to: string, sha256: string): Promise<void> {
  const bytes = await files.read(from);
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new StatectlError('generation-mismatch', `${from} is not what was shipped: the disk changed it`, {
      hint: 'an older generation of the branch lies beside it; look at the disk',
    });
  await files.mkdir(dirname(to), 0o700);
  await files.write(to, bytes, { mode: 0o600 });
}
