import { join } from 'node:path';
import { recordOrNone } from '../../host/record.ts';
import { isPlainName } from '../images/image-name.ts';
import type { Store } from '../store/store.ts';
import { branchesIn, historyPath } from './state-folder.ts';

/** What began a branch: `branch.json` in its folder. */
export interface BranchRecord {
  readonly node: string;
  readonly boot: string;
  readonly why: string;
  readonly sinceMs: number;
}

/** A name need not be longer to tell machines apart. */
const LONGEST_NODE = 100;

const recordPath = (store: Store, printer: string, branch: string): string =>
  join(historyPath(store, printer, { part: 'branch', branch }), 'branch.json');

export const readBranch = async (store: Store, printer: string, branch: string): Promise<BranchRecord | undefined> =>
  recordOrNone<BranchRecord>(
    await store.host.files.readText(recordPath(store, printer, branch)).catch(() => undefined),
    { node: 'text', boot: 'text', why: 'text', sinceMs: 'number' },
  );

/**
 * The branch of this boot: the one that it has, or a new one by date, node and boot, as `20261130-print01-3f2a91c0`. Under the
 * printer's lock.
 */
export async function branchOf(
  store: Store,
  printer: string,
  { node, boot, why }: Pick<BranchRecord, 'node' | 'boot' | 'why'>,
): Promise<{ readonly branch: string; readonly isNew: boolean }> {
  const names = await branchesIn(store, printer);
  for (const branch of names) {
    const record = await readBranch(store, printer, branch);
    if (record?.boot === boot && record.node === node) return { branch, isNew: false };
  }
  const nowMs = store.host.clock.now();
  const day = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '');
  const whose = isPlainName(node) ? node.slice(0, LONGEST_NODE) : 'machine';
  const name = `${day}-${whose}-${boot.slice(0, 8)}`;
  let branch = name;
  for (let count = 2; names.includes(branch); count += 1) branch = `${name}-${count}`;
  await store.host.files.mkdir(historyPath(store, printer, { part: 'branch', branch }), 0o700);
  const record: BranchRecord = { node, boot, why, sinceMs: nowMs };
  await store.host.files.write(recordPath(store, printer, branch), `${JSON.stringify(record)}\n`, { mode: 0o600 });
  return { branch, isNew: true };
}
