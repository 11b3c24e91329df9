import * as z from 'zod/mini';

/**
 * `hello`: the stream is open, and nothing was lost since the id that the reader named; `resync`: something may have been.
 * `bundle`: what the machine gets changed; `move`: it should go to another server; `identity`: its key counts no more.
 */
export type EventName = 'hello' | 'resync' | 'bundle' | 'move' | 'identity';

/** The data of a `move`. What cannot be read of it counts as not said. */
export const MoveEvent = z.object({
  /** Who wants it: `admin`, or `load`. */
  order: z.catch(z.optional(z.string()), undefined),
  /** Where to, the first that can be had; absent: to whichever it finds best. */
  to: z.catch(z.optional(z.array(z.unknown())), undefined),
  reason: z.catch(z.optional(z.string()), undefined),
});
export type MoveEvent = z.infer<typeof MoveEvent>;

/** The data of an `identity`, and of whatever a later server tells. */
export const EventData = z.catch(z.looseObject({ reason: z.catch(z.optional(z.string()), undefined) }), {});
