import { entryOf } from '../../entry-of.ts';
import { StatectlError } from '../../error.ts';
import { KeptDisks, ReportedDisks } from '../../protocol/disks.ts';
import { readSaid } from '../../protocol/read-answer.ts';
import type { Report } from '../../protocol/report.ts';
import { nodeDisksPath, type Store } from '../store/store.ts';

/** Of one machine: what it reported for the longest time no more goes first. */
const MOST_DISKS = 32;
/** Of one disk: each is a table that was made anew. */
const MOST_GUIDS = 64;

/**
 * Notes the tables that a proven machine reports. A disk that it does not report is known as before: a damaged table is reported by
 * nobody, and that is when this list is needed. Two at once must not be of one machine.
 */
export async function keepDisks(store: Store, node: string, report: Report): Promise<void> {
  const reported = ReportedDisks.safeParse(report.disks);
  if (!reported.success || Object.keys(reported.data).length === 0) return;
  const before: KeptDisks = await keptDisks(store, node).catch(() => ({}));
  const now = Object.entries(reported.data).map(([id, disk]) => {
    const known = entryOf(before, id)?.guids ?? [];
    return [
      id,
      { ...disk, guids: [...known.filter((guid) => guid !== disk.table.guid), disk.table.guid].slice(-MOST_GUIDS) },
    ] as const;
  });
  const others = Object.entries(before).filter(([id]) => !Object.hasOwn(reported.data, id));
  const kept = Object.fromEntries([...others, ...now].slice(-MOST_DISKS));
  await store.host.files.write(nodeDisksPath(store, node), `${JSON.stringify(kept)}\n`, { mode: 0o600 });
}

/** The tables that are known of a machine's disks. Throws `disks-invalid`. */
export async function keptDisks(store: Store, node: string): Promise<KeptDisks> {
  const path = nodeDisksPath(store, node);
  if (!(await store.host.files.stat(path))) return {};
  const { value, fault } = readSaid(await store.host.files.readText(path), KeptDisks);
  if (fault === undefined) return value;
  throw new StatectlError('disks-invalid', `${path} cannot be read: ${fault}`, {
    hint: 'remove that file: the next report of that machine makes a new one',
  });
}
