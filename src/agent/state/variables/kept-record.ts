import { reasonOf } from '../../../error.ts';
import type { StateItem } from '../../../machine/state/restore.ts';
import { NO_VARIABLES, type VariablesRecord, variablesRecord } from '../../../machine/state/variables-record.ts';
import { literalsOf } from '../../../protocol/variables/variables-file.ts';
import { inTurn } from '../../in-turn.ts';
import type { ItemStatus } from '../item-status.ts';
import type { KeeperContext } from '../keeper.ts';
import type { Known } from './judge-read.ts';

/** What is to be told besides what the record says. */
export interface Told {
  /** What is wrong with the file. */
  readonly fault?: string | undefined;
  /** What is worth to know of it. */
  readonly note?: string | undefined;
  /** Why nothing is kept on this machine. */
  readonly local?: string | undefined;
  /** Why nothing is shipped, and since when. */
  readonly failure?: { readonly why: string; readonly sinceMs: number; readonly isFinal: boolean } | undefined;
  /** Why it is a branch, and what the line lacks of it. */
  readonly branchWhy?: string | undefined;
  readonly lacking?: readonly string[];
  readonly lastMs?: number;
}

/** What is known of the file, here first, and told. */
export interface KeptRecord {
  readonly record: VariablesRecord;
  readonly known: Known;
  /** One change after the other. A disk that takes nothing is told, and stops nothing. */
  change(make: (record: VariablesRecord) => VariablesRecord): Promise<void>;
  tell(facts: Told): void;
  /** There is something that was told too short a time ago: come back after `SAME_MS`. */
  readonly isUntold: boolean;
  readonly left: () => Promise<readonly string[]>;
}

/** So long a machine may be without a server, and be known by what it shipped last. */
const MOST_BOOTS = 64;
/** That all is well is told again after so long only: each telling is written, and a macro saves many. */
export const SAME_MS = 5_000;

/** Goes on with what the boot, or the agent before this one, left of it. */
export async function openKept({
  host,
  kept: disk,
  spool,
  standing,
  tell,
}: KeeperContext<StateItem<'variables'>>): Promise<KeptRecord> {
  const records = variablesRecord(host.files, disk ?? spool);
  const before = await records.read();
  const isOurs = before !== undefined && (before.boot === standing.boot || before.id === standing.base);
  const unkept = (error: unknown): string => `nothing is kept on this machine: ${reasonOf(error)}`;
  const failed = (work: Promise<void>): Promise<string | undefined> => work.then(() => undefined, unkept);
  const notLeft = before && !isOurs ? await failed(records.leave(before)) : undefined;
  const { seq = 0 } = before ?? {};
  const first = isOurs ? before : { ...NO_VARIABLES, seq, shippedSeq: seq };
  const boots = [...new Set([...first.boots, standing.boot])].slice(-MOST_BOOTS);
  let record: VariablesRecord = { ...first, ...standing, boots };
  let known = knownOf(record.text);
  let told: Told = { local: notLeft };
  let isUntold = false;
  let shown: { readonly status: ItemStatus; readonly atMs: number } | undefined;
  const oneByOne = inTurn();
  const kept: KeptRecord = {
    get record() {
      return record;
    },
    get known() {
      return known;
    },
    change: (make) =>
      oneByOne(async () => {
        const was = record;
        const next = make(was);
        const failure = await failed(records.write(next));
        record = next;
        if (next.text !== was.text) known = knownOf(next.text);
        if (failure !== told.local) kept.tell({ local: failure });
      }),
    get isUntold() {
      return isUntold;
    },
    tell(facts) {
      told = { ...told, ...facts };
      const status = statusOf(record, told);
      const nowMs = host.clock.now();
      const isKnown = shown && isSameStatus(shown.status, status) && Math.abs(nowMs - shown.atMs) < SAME_MS;
      isUntold = isKnown === true && shown?.status.lastMs !== status.lastMs;
      if (isKnown) return;
      shown = { status, atMs: nowMs };
      tell(status);
    },
    left: () => records.left(),
  };
  await kept.change((one) => one);
  return kept;
}

const knownOf = (text: string | null): Known => ({
  text,
  literals: literalsOf(text),
});

/** More are told by the server: `statectl printer branches`. */
export const MOST_NAMES = 5;

/** Pure. */
function statusOf({ pending, seq, shippedSeq, branch }: VariablesRecord, told: Told): ItemStatus {
  const { fault, note, local, failure, branchWhy, lacking = [], lastMs } = told;
  const keys = [...new Set(pending.map(({ key }) => key))];
  const names = `${keys.slice(0, MOST_NAMES).join(', ')}${keys.length > MOST_NAMES ? ' …' : ''}`;
  const why = [fault, failure?.why, note, local, branchWhy].filter((one) => one !== undefined).join('; ');
  // What is on its way is there within a second.
  const isAhead = failure !== undefined && seq > shippedSeq;
  const isFault = fault !== undefined || failure?.isFinal === true;
  return {
    state: isFault ? 'fault' : isAhead ? 'ahead' : branch === undefined ? 'in-step' : 'branch',
    ...(isAhead && {
      ahead: keys.length === 0 ? 'the file as it is' : `${keys.length} variables (${names})`,
      sinceMs: failure.sinceMs,
    }),
    ...(lastMs !== undefined && { lastMs }),
    ...(branch !== undefined && { branch, lacking }),
    ...(why !== '' && { why }),
  };
}

const isSameStatus = (a: ItemStatus, b: ItemStatus): boolean => {
  const [{ lastMs, ...one }, { lastMs: otherMs, ...other }] = [a, b];
  return (lastMs === undefined) === (otherMs === undefined) && JSON.stringify(one) === JSON.stringify(other);
};
