import { readBody } from '../../host/http/read-body.ts';
import { readAnswer } from '../../protocol/read-answer.ts';
import { type ItemHead, LeaseAnswer, type LeaseRequest } from '../../protocol/state/state.ts';
import { type AskState, statePath, whyNoState } from './ask-state.ts';

const LARGEST_ANSWER_BYTES = 1 << 20;

/** Who gave the lease, and what its line has. */
export interface Leased {
  readonly server?: string;
  readonly ask?: AskState;
  readonly lease: number;
  readonly heads: Readonly<Record<string, ItemHead | null>>;
  /** Of those that are null: why. */
  readonly whys?: Readonly<Record<string, string>>;
  /** Why there is no lease. */
  readonly why?: string;
}

/**
 * Asks every server for the lease of a printer, since it is one of them that has its state: the first that has any counts. One
 * that has none counts only where all were asked: the state may be with the one that is away.
 */
export async function leasePrinter(
  printer: string,
  boot: string,
  servers: readonly (readonly [server: string, ask: AskState])[],
  signal: AbortSignal,
): Promise<Leased> {
  const faults: string[] = [];
  let empty: Leased | undefined;
  for (const [server, ask] of servers)
    try {
      const response = await ask(statePath(printer, 'lease'), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ boot } satisfies LeaseRequest),
        signal,
      });
      const body = await readBody(response.body, LARGEST_ANSWER_BYTES);
      const { lease, items: heads, why: whys } = readAnswer(server, body, LeaseAnswer);
      const why = lease === 0 ? `${server} knows this machine by its network alone` : undefined;
      const leased = { server, ask, lease, heads, ...(whys && { whys }), ...(why !== undefined && { why }) };
      if (Object.values(heads).some((head) => head !== null)) return leased;
      empty ??= leased;
    } catch (error) {
      signal.throwIfAborted();
      faults.push(whyNoState(server, error));
    }
  if (empty && faults.length === 0) return empty;
  const why = faults.length > 0 ? faults.join('; ') : 'no server answers';
  return { lease: 0, heads: {}, why };
}
