import * as z from 'zod/mini';

/** The systems of a machine. Their letters say nothing of which is better. */
export const SLOTS = ['a', 'b'] as const;
export type Slot = (typeof SLOTS)[number];
export const otherSlot = (slot: Slot): Slot => (slot === 'a' ? 'b' : 'a');

const VERDICTS = [
  'HEALTHY',
  'UNCLEAN_STOP',
  'HUNG_STOP',
  'CRASHED',
  'FAILED_START',
  'INTERRUPTED',
  'DELIBERATE',
  'ENVIRONMENT',
] as const;
export type Verdict = (typeof VERDICTS)[number];

const count = () => z.int().check(z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER));
const text = (longest: number) => z.string().check(z.maxLength(longest));
const slot = () => z.enum(SLOTS);
const digest = () => z.string().check(z.regex(/^[0-9a-f]{64}$/));

/** Longest words that a record has room for: of a reason, of a check's name. */
export const WORDS = { why: 120, check: 64 } as const;

const SlotRecord = z.object({
  /** SHA-256 of its image. */
  digest: digest(),
  state: z.enum(['INVALID', 'FRESH', 'GOOD', 'BAD', 'REPAIRING']),
  /** Since its image came. */
  healthyCycles: count(),
  /** The cycle that was healthy last; 0: none. */
  lastHealthy: count(),
  /** When the first and the last of them began, where that was known. */
  firstMs: z.optional(count()),
  lastMs: z.optional(count()),
  /** In a row. */
  failed: count(),
  /** Starts in a row of which nothing tells but that the machine stood long before the next. */
  interrupted: count(),
  /** Stops in order in a row before it said that it had started; absent: none. */
  quiet: z.optional(count()),
  unclean: count(),
  stopFailed: count(),
  /** When it crashed since its last healthy cycle; 0: by no clock. */
  crashes: z.array(count()).check(z.maxLength(3)),
  /** Since its last healthy cycle. */
  repairs: count(),
  why: z.optional(text(WORDS.why)),
  /** The health check that failed last, since its last healthy cycle. */
  check: z.optional(text(WORDS.check)),
  /** Its boot flag as it was written last. */
  flag: z.optional(text(1024)),
});
export type SlotRecord = z.infer<typeof SlotRecord>;

const Attempt = z.object({
  cycle: count(),
  slot: slot(),
  bootId: text(64),
  /** Absent: the machine had no clock. */
  atMs: z.optional(count()),
  uptimeMs: count(),
  windowMs: count(),
});
export type Attempt = z.infer<typeof Attempt>;

const Past = z.object({
  cycle: count(),
  slot: slot(),
  verdict: z.enum(VERDICTS),
  atMs: z.optional(count()),
  why: z.optional(text(WORDS.why)),
});
export type Past = z.infer<typeof Past>;

/** Ways from one kernel into another. */
export const WAYS = ['kexec', 'loader'] as const;
export type Way = (typeof WAYS)[number];

/** What a record of the cycle journal says. */
export const CycleState = z.object({
  v: z.literal(1),
  /** Whose it is, as its hardware says. */
  machine: text(64),
  /** Of the last attempt. */
  cycle: count(),
  /** The start of which nobody has judged yet. */
  attempt: z.optional(Attempt),
  a: z.optional(SlotRecord),
  b: z.optional(SlotRecord),
  /** What was booted last. */
  last: z.optional(slot()),
  /** The one that is to run, whatever a server offers of what is here: a person chose it. Until a new image comes. */
  prefer: z.optional(slot()),
  /** A new image, until its system was healthy or bad: it is booted before others. */
  trial: z.optional(slot()),
  /** Images that are not installed again. */
  denied: z.array(digest()).check(z.maxLength(8)),
  /** The image whose kernel this machine was sent into, each way once, and whose system was not tried since. */
  sent: z.optional(z.object({ digest: digest(), ways: z.array(z.enum(WAYS)).check(z.maxLength(WAYS.length)) })),
  /** The check that fails on both: nothing is switched until a system starts. */
  environment: z.optional(text(WORDS.check)),
  /** A system of this machine once told that it started: silence means something. */
  tells: z.boolean(),
  /** The last ten, oldest first. */
  past: z.array(Past).check(z.maxLength(10)),
  /** Of the record of the last panic: it is not counted twice. */
  panicId: z.optional(text(64)),
  /** The last order of a person that was obeyed. */
  order: z.optional(text(64)),
});
export type CycleState = z.infer<typeof CycleState>;

export const newCycleState = (machine: string): CycleState => ({
  v: 1,
  machine,
  cycle: 0,
  denied: [],
  tells: false,
  past: [],
});

export const newSlot = (digest: string): SlotRecord => ({
  digest,
  state: 'FRESH',
  healthyCycles: 0,
  lastHealthy: 0,
  failed: 0,
  interrupted: 0,
  unclean: 0,
  stopFailed: 0,
  crashes: [],
  repairs: 0,
});

/** With another record of this slot; undefined: nothing is in it. Pure. */
export function withSlot(state: CycleState, slot: Slot, record: SlotRecord | undefined): CycleState {
  const { [slot]: _was, ...rest } = state;
  return record ? { ...rest, [slot]: record } : rest;
}

/** Words that a record has room for. Pure. */
export const shortened = (words: string, longest: number): string =>
  words.length <= longest ? words : `${words.slice(0, longest - 1)}…`;
