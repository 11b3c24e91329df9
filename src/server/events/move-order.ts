/** A machine is to go to another server. */
export interface MoveOrder {
  /** A later one has a higher number. */
  readonly id: number;
  readonly node: string;
  /** Base URL; absent: to whichever it finds best. */
  readonly to?: string;
  readonly reason: string;
  /** Unix milliseconds. */
  readonly orderedMs: number;
}

/** An order for a machine that is off must not surprise it days later. */
const WAITS_MS = 60 * 60_000;

export const isTooOld = ({ orderedMs }: MoveOrder, nowMs: number): boolean => orderedMs < nowMs - WAITS_MS;
