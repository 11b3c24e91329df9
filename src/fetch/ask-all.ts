import { soonestBusy } from '../host/http/server-busy.ts';
import type { ServersInOrder } from './choose-servers.ts';

export interface Answers<T> {
  /** In the order of the servers; one at least. */
  readonly answers: readonly [T, ...T[]];
  /** What the others failed with. */
  readonly failures: readonly unknown[];
  /** Those that are only asked where no other gives an answer. */
  readonly unasked: readonly string[];
}

/**
 * The one way to ask several servers the same: all good ones at once, the others where every one of those fails. `ask` gets the
 * place of each in the whole list. Where none gives an answer it throws what is worth waiting for, a server that is only
 * busy, the first to be free, else what `worst` picks, else what the first one failed with.
 */
export async function askAll<T>(
  { first, last }: ServersInOrder,
  ask: (server: string, at: number) => Promise<T>,
  worst: (failures: readonly unknown[]) => unknown = () => undefined,
): Promise<Answers<T>> {
  const failures: unknown[] = [];
  for (const [servers, from, unasked] of [[first, 0, last] as const, [last, first.length, []] as const]) {
    const settled = await Promise.allSettled(servers.map((server, index) => ask(server, from + index)));
    const [answer, ...others] = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    failures.push(...settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : [])));
    if (settled.some(({ status }) => status === 'fulfilled'))
      return { answers: [answer as T, ...others], failures, unasked };
  }
  throw soonestBusy(failures) ?? worst(failures) ?? failures[0];
}
