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
