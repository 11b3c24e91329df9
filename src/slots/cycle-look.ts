import type { Tries } from './count.ts';
import type { SeenFlag } from './flag-state.ts';
import type { JournalFacts } from './journal.ts';
import type { SlotOrder } from './orders.ts';
import type { AttemptEvidence } from './verdict.ts';

/** What a boot finds of the cycles before it, as plain data. No key is in it. */
export interface CycleLook {
  readonly machine: string;
  readonly bootId: string;
  /** Absent: this machine has no clock. */
  readonly nowMs?: number;
  readonly uptimeMs: number;
  readonly journal: JournalFacts;
  /** The cycle of the key; absent: there is none. */
  readonly keyCycle?: number;
  /** By the digest of the image that they lie beside. */
  readonly flags: Readonly<Record<string, SeenFlag>>;
  /** Of the open attempt. */
  readonly said: AttemptEvidence;
  /** Of the newest record of a panic: whatever boot it is of, it is of none that comes. */
  readonly panicId?: string;
  readonly orders: readonly SlotOrder[];
  /** The copy that the statectl before would boot. */
  readonly current?: string;
}

export interface CycleRules {
  readonly tries: Tries;
  /** How long health may take. */
  readonly windowMs: number;
}
