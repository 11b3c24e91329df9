import { reasonOf } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { CycleKey } from './cycle-key.ts';
import type { CycleState } from './cycle-state.ts';
import { RECORD_BYTES, type ReadRecord, readRecord, writeRecord } from './journal-record.ts';

const JOURNAL_BYTES = 2 * RECORD_BYTES;

/** What the journal is known to say, of the copies that were read. */
export interface JournalFacts {
  readonly state?: CycleState;
  /** Of the newest record; 0: there is none. */
  readonly seq: number;
  /**
   * `none`: no copy was ever there. `lost`: there were copies, and no record of them can be believed. `behind`: whole, and
   * older than the key says that it must be: somebody put an earlier one back.
   */
  readonly trust: 'sealed' | 'checksum' | 'none' | 'lost' | 'behind';
  /** What is to be told of it. */
  readonly notes: readonly string[];
}

interface Copy {
  readonly path: string;
  readonly records: readonly ReadRecord[];
  /** Why it could not be read at all; undefined: it was, or nothing is there. */
  readonly fault?: string;
}

/** One copy. What lies in its place and is no file is a fault, and never waited for. */
export async function readCopy({ files }: Pick<Host, 'files'>, path: string, key: CycleKey | undefined): Promise<Copy> {
  try {
    const there = await files.stat(path);
    if (!there) return { path, records: [] };
    if (there.type !== 'file') return { path, records: [], fault: `is no file but a ${there.type}` };
    const { bytes } = await files.readRegular(path, JOURNAL_BYTES);
    if (bytes.length !== JOURNAL_BYTES) return { path, records: [], fault: `has ${bytes.length} bytes` };
    const at = (from: number) => readRecord(bytes.subarray(from, from + RECORD_BYTES), key);
    return { path, records: [at(0), at(RECORD_BYTES)] };
  } catch (error) {
    return { path, records: [], fault: `cannot be read: ${reasonOf(error)}` };
  }
}

/** What all copies together say: the newest record that is whole and sealed by us. Pure. */
export function reconcile(copies: readonly Copy[], key: CycleKey | undefined): JournalFacts {
  const notes = copies.flatMap(({ path, fault }) =>
    fault === undefined ? [] : [`the cycle journal ${path} ${fault}`],
  );
  const newestOf = (records: readonly ReadRecord[]) =>
    records
      .flatMap(({ record }) => (record && record.sealed !== 'no' ? [record] : []))
      .toSorted((one, other) => other.seq - one.seq)[0];
  for (const { path, records } of copies) {
    if (records.some(({ record }) => record?.sealed === 'no'))
      notes.push(`a record of the cycle journal ${path} is not sealed by this machine: it does not count`);
    if (records.some(({ fault }) => fault === 'torn'))
      notes.push(`a record of the cycle journal ${path} is torn: the one before it counts`);
    if (records.some(({ fault }) => fault === 'future'))
      notes.push(`a record of the cycle journal ${path} is of a later version of statectl: it does not count`);
  }
  const best = copies
    .flatMap(({ records }) => newestOf(records) ?? [])
    .toSorted((one, other) => other.seq - one.seq)[0];
  if (!best) {
    const wasThere = copies.some(
      ({ records, fault }) => fault !== undefined || records.some((read) => read.fault !== 'blank'),
    );
    return { seq: 0, trust: wasThere ? 'lost' : 'none', notes };
  }
  for (const { path, records, fault } of copies) {
    const newest = newestOf(records);
    if (fault === undefined && newest?.seq !== best.seq)
      notes.push(
        `the cycle journal ${path} ${newest ? 'is behind its other copy' : 'has no record'}: it is written anew`,
      );
  }
  // A record that was torn leaves the one before it, which the key, written after, does not run ahead of.
  const hasLost = copies.some(
    ({ records, fault }) => fault !== undefined || records.some((read) => read.fault === 'torn'),
  );
  const behind = key !== undefined && best.state.cycle < key.cycle && !hasLost;
  if (behind)
    notes.push(
      `the cycle journal ends with cycle ${best.state.cycle}, where ${key.cycle} began: an earlier one was put back`,
    );
  return {
    state: best.state,
    seq: best.seq,
    trust: behind ? 'behind' : best.sealed === 'yes' && key ? 'sealed' : 'checksum',
    notes,
  };
}

/**
 * Puts the record over the older one of this copy, which is made where it is missing, and reads it back. Throws why it could not.
 */
export async function writeCopy(
  { files }: Pick<Host, 'files'>,
  path: string,
  state: CycleState,
  seq: number,
  key: CycleKey | undefined,
): Promise<void> {
  const { records } = await readCopy({ files }, path, key);
  const [first = -1, second = -1] = records.map(({ record }) => (record && record.sealed !== 'no' ? record.seq : -1));
  // A boot may write several, and looked before the first of them.
  const record = writeRecord(state, Math.max(seq, first + 1, second + 1), key);
  if (first < 0 && second < 0) {
    // A new file is whole or not there; what was in its place had nothing to lose.
    await files.remove(path);
    await files.write(path, Buffer.concat([record, Buffer.alloc(RECORD_BYTES)]), { mode: 0o600 });
    return;
  }
  await files.overwrite(path, first <= second ? 0 : RECORD_BYTES, record);
}
