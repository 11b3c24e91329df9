import { createHash } from 'node:crypto';
import type { Host } from '../../host/host.ts';

/** Where the kernel shows what it kept of a crash, in the firmware's store or in RAM that survives a reset (Documentation/ABI/testing/pstore). */
export const CRASH_STORE = '/sys/fs/pstore';
/** The records that were kept in the ring of logs, by their digests. */
const KEPT = '/user-data/persistent/statectl/pstore-kept';

/** A store is some hundred KiB. */
const MOST_RECORD_BYTES = 1 << 20;
const MOST_RECORDS = 500;

export interface CrashRecord {
  readonly name: string;
  readonly text: string;
  /** When it was written, Unix ms, by the clock of that boot. */
  readonly atMs: number;
  /** Of its name and bytes: one that stays in the store is known again. */
  readonly id: string;
}

/** The records in the order in which they were written. A kernel without a store, or one that cannot be read, has none. */
export async function readCrashRecords({ files }: Pick<Host, 'files'>): Promise<readonly CrashRecord[]> {
  const names = await files.list(CRASH_STORE).catch(() => []);
  const records: CrashRecord[] = [];
  for (const name of names.slice(0, MOST_RECORDS)) {
    const read = await files.readRegular(`${CRASH_STORE}/${name}`, MOST_RECORD_BYTES).catch(() => undefined);
    if (!read) continue;
    const id = createHash('sha256').update(`${name}\0`).update(read.bytes).digest('hex');
    const { mtimeMs: atMs = 0 } = (await files.stat(`${CRASH_STORE}/${name}`).catch(() => undefined)) ?? {};
    records.push({ name, text: read.bytes.toString('utf8'), atMs, id });
  }
  // Part 1 of a dump is the end of it: the kernel writes the newest first, lest it find no room.
  return records.toSorted((a, b) => partOf(b) - partOf(a));
}

const partOf = ({ text }: CrashRecord): number => Number(/^\w+#\d+ Part(\d+)/.exec(text)?.[1] ?? 0);

/** Records that no boot has kept yet: the others are of a crash that was told before. */
export async function freshRecords(host: Pick<Host, 'files'>): Promise<readonly CrashRecord[]> {
  const records = await readCrashRecords(host);
  const kept = records.length === 0 ? '' : await host.files.readText(KEPT).catch(() => '');
  return records.filter(({ id }) => !kept.includes(id));
}

/** Notes which records of the store are durable elsewhere. */
export const noteKept = ({ files }: Pick<Host, 'files'>, records: readonly CrashRecord[]): Promise<void> =>
  files.write(KEPT, records.map(({ id }) => `${id}\n`).join(''), { mode: 0o600 });

/** The parts of the last dump: a store keeps those of several boots, and each ends with its part 1, which is written first. Pure. */
function lastDump(records: readonly CrashRecord[]): readonly CrashRecord[] {
  const byTime = records
    .filter(({ text }) => text.startsWith('Panic#'))
    .toSorted((one, other) => one.atMs - other.atMs || partOf(one) - partOf(other));
  return byTime
    .slice(
      Math.max(
        0,
        byTime.findLastIndex((record) => partOf(record) === 1),
      ),
    )
    .toReversed();
}

/** Why the kernel panicked last, and of which record that is said; an oops that the machine survived is no panic. Pure. */
export function panicIn(
  records: readonly CrashRecord[],
): { readonly panic: string; readonly panicId: string } | undefined {
  const dumps = lastDump(records);
  const others = records.filter(({ text }) => !text.startsWith('Panic#'));
  const said = [...dumps, ...others].flatMap(({ text, id }) => {
    const [, reason] = /Kernel panic - not syncing: ([^\n]*)/.exec(text) ?? [];
    return reason === undefined ? [] : [{ panic: reason.trim(), panicId: id }];
  });
  const [first] = dumps;
  return said[0] ?? (first && { panic: 'the kernel did not say why', panicId: first.id });
}
