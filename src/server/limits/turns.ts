import { StatectlError } from '../../error.ts';

export interface TurnsOptions {
  /** Tasks that run at the same time. */
  readonly atOnce: number;
  /** Tasks that may wait for that. */
  readonly waiting: number;
  /** Of one of those who ask: running and waiting. */
  readonly each: number;
  /** Those who wait for nobody but their like. */
  readonly isFirst?: (who: string) => boolean;
}

export interface Turns {
  /** Runs the task when it is its turn; of those who wait each gets one before any gets a second. Throws `server-busy` at once where too many wait, or too many of `who`. */
  take<T>(who: string, task: () => Promise<T>): Promise<T>;
}

/** Bounds work that costs a program or a processor, for all together and for each who asks for it. */
export function turns({ atOnce, waiting, each, isFirst = () => false }: TurnsOptions): Turns {
  /** Who waits, with what; who is first here is next. */
  const first = new Map<string, (() => void)[]>();
  const others: typeof first = new Map();
  let queued = 0;
  const wait = (who: string): Promise<void> =>
    new Promise((turn) => {
      const queue = isFirst(who) ? first : others;
      const own = queue.get(who);
      if (own) own.push(turn);
      else queue.set(who, [turn]);
      queued += 1;
    });
  const nextTurn = (): (() => void) | undefined => {
    const queue = first.size > 0 ? first : others;
    const [next] = queue;
    if (next === undefined) return undefined;
    const [who, own] = next;
    const turn = own.shift();
    // To the end of the line.
    queue.delete(who);
    if (own.length > 0) queue.set(who, own);
    queued -= 1;
    return turn;
  };
  const counts = new Map<string, number>();
  let running = 0;
  return {
    async take(who, task) {
      const own = counts.get(who) ?? 0;
      if (own >= each || (running >= atOnce && queued >= waiting))
        throw new StatectlError('server-busy', 'this server has as much of that to do as it may', {
          hint: 'ask again later, as Retry-After says',
        });
      counts.set(who, own + 1);
      try {
        // Who is woken takes the place of the one before: the count of those who run stays.
        if (running >= atOnce) await wait(who);
        else running += 1;
        return await task();
      } finally {
        const left = (counts.get(who) ?? 1) - 1;
        if (left > 0) counts.set(who, left);
        else counts.delete(who);
        const next = nextTurn();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
