import * as z from 'zod/mini';

/** `POST /v1/reports`: what became of a machine's boot, or what changed since, with its claims. Servers keep what they do not know. */
export const Report = z.looseObject({
  /** Of this report: the same one that comes again is kept once. */
  id: z.optional(z.string().check(z.minLength(1), z.maxLength(100))),
  /** What it booted: NAME with `version` beside it, or NAME@VERSION. */
  image: z.optional(z.string().check(z.maxLength(300))),
  version: z.optional(z.string().check(z.maxLength(200))),
});
export type Report = z.infer<typeof Report>;

/**
 * `boards` of a report: by printer, what its boards say of the system that runs, and the versions of its Klipper and of their firmware,
 * by their names in printer.cfg.
 */
export const ReportedBoards = z.record(
  z.string(),
  z.object({
    health: z.catch(z.optional(z.enum(['good', 'bad', 'unknown'])), undefined),
    cause: z.catch(z.optional(z.string()), undefined),
    klipper: z.optional(z.string()),
    mcus: z.record(z.string(), z.string()),
  }),
);
export type ReportedBoards = z.infer<typeof ReportedBoards>;

/** `health` of a report: whether the start of the system counts as good, and what of it is not. */
export const ReportedHealth = z.object({
  state: z.enum(['waiting', 'started', 'failed']),
  /** Since when, ISO 8601. */
  since: z.optional(z.string()),
  failing: z.catch(z.array(z.object({ check: z.string(), reason: z.string() })), []),
  /** What the machine does about a failed one: it reboots, is held by who must not be disturbed, or stays. */
  answer: z.catch(z.optional(z.enum(['reboots', 'held', 'stays'])), undefined),
});
export type ReportedHealth = z.infer<typeof ReportedHealth>;

const ReportedSlot = z.object({
  state: z.string(),
  /** NAME@VERSION */
  image: z.optional(z.string()),
  healthyCycles: z.catch(z.number(), 0),
  why: z.optional(z.string()),
});

/** `slots` of a report: the systems of a machine that keeps two, and how the last starts ended, the newest first. */
export const ReportedSlots = z.object({
  /** The one that was booted last. */
  booted: z.optional(z.string()),
  systems: z.record(z.string(), ReportedSlot),
  past: z.catch(
    z.array(z.object({ cycle: z.number(), slot: z.string(), verdict: z.string(), why: z.optional(z.string()) })),
    [],
  ),
});
export type ReportedSlots = z.infer<typeof ReportedSlots>;
