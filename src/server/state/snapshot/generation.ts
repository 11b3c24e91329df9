import type { Proof } from '../../../protocol/enrolment.ts';
import type { Shipment, StateGeneration } from '../../../protocol/state/state.ts';

/** One generation of an item as it is kept: `ID.json` beside `ID.tar`. */
export interface Generation extends StateGeneration, Pick<Shipment, 'lease' | 'boot' | 'base'> {
  readonly item: string;
  readonly node: string;
  /** What proved that it was that node. */
  readonly proof: Proof;
  /** By the clock of this server, Unix milliseconds. */
  readonly receivedAtMs: number;
  /** Where an admin took it from: BRANCH/ID. */
  readonly takenFrom?: string;
  /** The newest of its history of jobs, by file and time; absent in those of earlier versions. */
  readonly jobs?: readonly string[];
  /** Of one that is kept apart. */
  readonly fault?: string;
}

const DIGITS = 8;

/** Sorts by number; the time is for people. */
export function generationId(number: number, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  return `${String(number).padStart(DIGITS, '0')}-${time}`;
}

export const numberOf = (id: string): number => Number(id.slice(0, DIGITS));

/** The newest first. */
export const newestFirst = <T extends Pick<Generation, 'id'>>(generations: readonly T[]): readonly T[] =>
  generations.toSorted((a, b) => numberOf(b.id) - numberOf(a.id));
