import { entryOf } from '../entry-of.ts';
import { isStatectlError, reasonOf, StatectlError } from '../error.ts';
import { withDeadline } from '../host/deadline.ts';
import type { Host } from '../host/host.ts';
import { readBody } from '../host/http/read-body.ts';
import { readSaid } from '../protocol/read-answer.ts';
import { ServerStatus } from '../protocol/server-status.ts';

/** What a server was like when it was asked for its status. */
export type Probe =
  | { readonly kind: 'accepts'; readonly url: string; readonly roundTripMs: number; readonly load?: number }
  /** It lives, and wants no new boots now. */
  | { readonly kind: 'refuses'; readonly url: string; readonly roundTripMs: number; readonly load?: number }
  /** `why` completes the sentence "the server …". */
  | { readonly kind: 'failed'; readonly url: string; readonly why: string };

/** A status has 100 bytes. */
const LONGEST_STATUS_BYTES = 4096;

const NONSENSE = 'does not answer like a statectl server';

const WHY: Readonly<Record<string, string>> = {
  'probe-silent': 'silent',
  'server-stalled': 'silent',
  'server-unreachable': 'not reachable',
  'server-untrusted': 'not trusted',
  'transfer-broken': 'broke the connection',
  'redirect-loop': 'redirects without end',
  'url-invalid': 'no address of a server',
  'answer-too-large': NONSENSE,
};

/** Asks one server how it is, for no longer than `timeoutMs` in all. Throws nothing but the signal's reason. */
export async function probeServer(
  { http, clock }: Pick<Host, 'http' | 'clock'>,
  url: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Probe> {
  const startedMs = clock.uptimeMs();
  const silent = new StatectlError('probe-silent', `${url} is silent`);
  try {
    if (!URL.canParse('/v1/status', url)) return { kind: 'failed', url, why: WHY['url-invalid'] ?? '' };
    const address = new URL('/v1/status', url).href;
    const { status, body } = await withDeadline(clock, { ms: timeoutMs, error: silent, signal }, async (within) => {
      const response = await http.request(address, {
        signal: within,
        connectTimeoutMs: timeoutMs,
        idleTimeoutMs: timeoutMs,
      });
      return { status: response.status, body: await readBody(response.body, LONGEST_STATUS_BYTES) };
    });
    const roundTripMs = Math.round((clock.uptimeMs() - startedMs) * 10) / 10;
    // A server of before has no such route, and is as good as it ever was.
    if (status === 404) return { kind: 'accepts', url, roundTripMs };
    if (status === 503) return { kind: 'refuses', url, roundTripMs };
    if (status !== 200) return { kind: 'failed', url, why: `answers ${status}` };
    const { value: said } = readSaid(body, ServerStatus);
    if (!said) return { kind: 'failed', url, why: NONSENSE };
    return { kind: said.accepting ? 'accepts' : 'refuses', url, roundTripMs, load: said.load };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'failed', url, why: (isStatectlError(error) && entryOf(WHY, error.code)) || reasonOf(error) };
  }
}
