import { reasonOf, StatectlError } from '../../error.ts';
import { withDeadline } from '../../host/deadline.ts';
import type { Host, HttpResponse } from '../../host/host.ts';
import { readBody } from '../../host/http/read-body.ts';
import { type MachineProof, secureAddress } from '../../identity/machine/secure-address.ts';
import { detailOf } from '../../protocol/problem.ts';
import { readEvents, type ServerEvent, type StreamMessage } from './event-stream.ts';

/** An open stream of events of a server that is known: our CA signed for it, it knows this machine, and it spoke. */
export interface Session {
  readonly server: string;
  /** `hello`: nothing was lost since the last event; `resync`: something may have been. */
  readonly first: ServerEvent;
  readonly messages: AsyncIterable<StreamMessage>;
  close(): void;
}

export interface SessionOptions extends MachineProof {
  readonly connectMs: number;
  readonly stallMs: number;
  readonly lastEventId?: string;
}

/** Three beats of the server. */
const SILENT_MS = 45_000;
/** A busy little board needs a while for its first TLS; nothing waits for it. */
const FIRST_EVENT_MS = 30_000;
/** That it lives is known by then; a slow machine may be at something else in the middle of its handshake. */
const HANDSHAKE_MS = 20_000;
const LARGEST_ANSWER_BYTES = 64 * 1024;

/**
 * Opens the stream of one server, and hears its first event. Throws what keeps it from that: `no-certificate` (of this
 * machine), `certificate-refused`, `no-events`, `server-silent`, and what the `http` port throws.
 */
export async function openSession(
  { http, files, clock }: Pick<Host, 'http' | 'files' | 'clock'>,
  server: string,
  { identity, authorities, connectMs, stallMs, lastEventId }: SessionOptions,
  signal: AbortSignal,
): Promise<Session> {
  const open = new AbortController();
  const abort = () => open.abort(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', abort, { once: true });
  const close = () => {
    signal.removeEventListener('abort', abort);
    open.abort(new StatectlError('stream-closed', `the stream of ${server} was closed`));
  };
  const silent = new StatectlError('server-silent', `${server} opens no event stream`);
  try {
    return await withDeadline(clock, { ms: FIRST_EVENT_MS, error: silent, signal: open.signal }, async (within) => {
      const limits = { connectTimeoutMs: connectMs, signal: within };
      const proof = { identity, authorities };
      const plainLimits = { ...limits, idleTimeoutMs: stallMs };
      const { href, tls } = await secureAddress({ http, files }, server, '/v1/events', proof, plainLimits);
      // Beyond the deadline of this task: the stream goes on.
      const late = () => open.abort(within.reason);
      within.addEventListener('abort', late, { once: true });
      const response = await http.request(href, {
        connectTimeoutMs: Math.max(connectMs, HANDSHAKE_MS),
        idleTimeoutMs: SILENT_MS,
        signal: open.signal,
        tls,
        headers: { accept: 'text/event-stream', ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) },
      });
      if (response.status !== 200) throw await refusal(server, response);
      const messages = readEvents(response.body);
      const first = await firstEvent(server, messages);
      within.removeEventListener('abort', late);
      return { server, first, messages, close };
    });
  } catch (error) {
    close();
    throw error;
  }
}

async function firstEvent(server: string, messages: AsyncGenerator<StreamMessage>): Promise<ServerEvent> {
  for (;;) {
    const { value, done } = await messages.next();
    if (done) throw new StatectlError('no-events', `${server} closed its event stream at once`);
    if (value === 'beat') continue;
    if (value.event === 'hello' || value.event === 'resync') return value;
    throw new StatectlError('no-events', `${server} does not begin its event stream as it should`);
  }
}

async function refusal(server: string, { status, body }: HttpResponse): Promise<StatectlError> {
  const detail = await readBody(body, LARGEST_ANSWER_BYTES).then(detailOf, (error) => `: ${reasonOf(error)}`);
  return status === 401
    ? new StatectlError('certificate-refused', `${server} does not take the certificate of this machine${detail}`, {
        hint: 'was it revoked? on the server: `statectl node pending --all`',
      })
    : new StatectlError('no-events', `${server} gives no events (${status})${detail}`);
}
