import { StatectlError } from '../error.ts';

export interface TurnsOptions {
  /** Tasks that run at the same time. */
  readonly atOnce: number;
  /** Tasks that may wait for that. */
  readonly waiting: number;
  /** Of one of those who ask: running and waiting. */
  readonly each: number;
}

export interface Turns {
  /** Runs the task when it is its turn. Throws `server-busy` at once where too many wait, or too many of `who`. */
  take<T>(who: string, task: () => Promise<T>): Promise<T>;
}

/** Bounds work that costs a program or a processor, for all together and for each who asks for it. */
export function turns({ atOnce, waiting, each }: TurnsOptions): Turns {
  const queue: (() => void)[] = [];
  const counts = new Map<string, number>();
  let running = 0;
  return {
    async take(who, task) {
      const own = counts.get(who) ?? 0;
      if (own >= each || (running >= atOnce && queue.length >= waiting))
        throw new StatectlError('server-busy', 'this server has as much of that to do as it may', {
          hint: 'ask again later, as Retry-After says',
        });
      counts.set(who, own + 1);
      try {
        // Who is woken takes the place of the one before: the count of those who run stays.
        if (running >= atOnce) await new Promise<void>((turn) => queue.push(turn));
        else running += 1;
        return await task();
      } finally {
        const left = (counts.get(who) ?? 1) - 1;
        if (left > 0) counts.set(who, left);
        else counts.delete(who);
        const next = queue.shift();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
