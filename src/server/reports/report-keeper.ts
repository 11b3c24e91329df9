import { StatectlError } from '../../error.ts';
import type { Report } from '../../protocol/report.ts';
import { freeShare } from '../images/free-space.ts';
import { places } from '../limits/places.ts';
import { senderOf } from '../limits/sender.ts';
import { turns } from '../limits/turns.ts';
import { reportPath, reportsPath, type Store } from '../store/store.ts';
import { keepReport, machineIdOf, type Proven, reportSizes } from './reports.ts';

/** Keeps a report that somebody sent; `proven` where it came with a certificate that counts. Throws `reports-full`, `server-busy`. */
export type KeepReport = (report: Report, remote: string, proven?: Proven) => Promise<void>;

export interface ReportKeeperOptions {
  /** Senders that go before all others where there is no room for everybody. */
  readonly isKnown?: (sender: string) => boolean;
  /** How much of the disk is free, default as the kernel says. */
  readonly free?: () => Promise<number>;
  readonly limits?: ReportLimits;
}

/** Of those that anybody may send. */
export interface ReportLimits {
  readonly machines: number;
  readonly bytes: number;
}

const LIMITS: ReportLimits = { machines: 10_000, bytes: 256 << 20 };
/** Beyond it the disk is for what machines cannot do without. */
const LEAST_FREE = 0.05;
/** Each costs the disk a file, which is written before it is answered. */
const WRITING = { atOnce: 4, waiting: 1_024, each: 128 };

/**
 * Keeps the reports of a server. Those that anybody may send share their room out by sender: for one more machine the oldest
 * of whoever has most is forgotten. Those of proven machines lie apart, take no room from anybody, and are never forgotten.
 */
export function reportKeeper(
  store: Store,
  { isKnown, free = () => freeShare(store.root), limits = LIMITS }: ReportKeeperOptions = {},
): KeepReport {
  const writing = turns({ ...WRITING, ...(isKnown && { isFirst: isKnown }) });
  const held = places<string>({ total: limits.machines, ...(isKnown && { isKnown }) });
  const entries = new Map<string, { readonly remote: string; readonly bytes: number }>();
  let totalBytes = 0;
  let known: Promise<void> | undefined;
  /** The last write of each machine that is under way: two reports at once must both be kept. */
  const pending = new Map<string, Promise<unknown>>();

  const drop = (id: string): void => {
    const entry = entries.get(id);
    if (!entry) return;
    held.delete(entry.remote, id);
    entries.delete(id);
    totalBytes -= entry.bytes;
  };
  const note = (id: string, remote: string, bytes: number): void => {
    drop(id);
    held.add(remote, id);
    entries.set(id, { remote, bytes });
    totalBytes += bytes;
  };
  const readKnown = async (): Promise<void> => {
    for (const { id, remote, bytes } of await reportSizes(store)) note(id, remote, bytes);
  };
  const forgetOneFor = async (remote: string): Promise<boolean> => {
    // Where nobody has more than this sender, its own oldest; where it has none, the oldest of all.
    const [oldest] = held.whoGivesWay(remote) ?? held.of(remote);
    const [eldest] = held;
    const leaving = oldest ?? eldest;
    if (leaving === undefined) return false;
    drop(leaving);
    await store.host.files.remove(reportPath(store, leaving));
    return true;
  };

  async function keepClaim(report: Report, remote: string): Promise<void> {
    known ??= readKnown();
    await known;
    if ((await free()) < LEAST_FREE)
      throw full('the disk of this server is nearly full: it takes reports of proven machines alone');
    const id = machineIdOf(report);
    const isNew = () => !entries.has(id);
    while ((isNew() && entries.size >= limits.machines) || totalBytes >= limits.bytes)
      if (!(await forgetOneFor(remote))) break;
    note(id, remote, await keepReport(store, report, remote));
  }

  const full = (why: string): StatectlError =>
    new StatectlError('reports-full', why, { hint: `make room, or remove old files from ${reportsPath(store)}` });

  return (report, remote, proven) =>
    writing.take(proven?.node ?? senderOf(remote), async (): Promise<void> => {
      const key = proven ? `node ${proven.node}` : machineIdOf(report);
      const before = pending.get(key) ?? Promise.resolve();
      const kept = before
        .catch(() => {})
        .then(
          async () => void (await (proven ? keepReport(store, report, remote, proven) : keepClaim(report, remote))),
        );
      pending.set(key, kept);
      try {
        await kept;
      } finally {
        if (pending.get(key) === kept) pending.delete(key);
      }
    });
}
