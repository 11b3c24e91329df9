import type { ServerEvent, StreamMessage } from '../../../src/agent/servers/event-stream.ts';
import type { Session } from '../../../src/agent/servers/server-session.ts';
import { StatectlError } from '../../../src/error.ts';
import type { Clock } from '../../../src/host/host.ts';
import type { Server } from '../../../src/host/memory/http.ts';

/** A server as an agent sees it: its status, and streams that beat every 15 s. */
export interface FakeServer {
  readonly url: string;
  state: 'up' | 'down' | 'not ours' | 'closes at once';
  load: number;
  roundTripMs: number;
  accepting: boolean;
  /** What agents asked with, one entry a stream: the id to resume from. */
  readonly openings: (string | undefined)[];
  /** Streams that are open now. */
  open: number;
  /** To all who listen now or come back with an id; numbered. */
  say(event: string, data?: object): void;
  readonly answer: Server;
  session(lastEventId: string | undefined, signal: AbortSignal): Promise<Session>;
}

const BEAT_MS = 15_000;

export function fakeServer(url: string, clock: Clock): FakeServer {
  const said: ServerEvent[] = [];
  const server: FakeServer = {
    ...{ url, state: 'up', load: 0.1, roundTripMs: 10, accepting: true, openings: [], open: 0 },
    say: (event, data = {}) => void said.push({ event, data, id: `${new URL(url).hostname}-${said.length + 1}` }),
    answer: () =>
      server.state === 'down'
        ? 'refused'
        : { body: JSON.stringify({ accepting: server.accepting, load: server.load }), tookMs: server.roundTripMs },
    async session(lastEventId, signal) {
      signal.throwIfAborted();
      await clock.sleep(server.roundTripMs, signal);
      if (server.state === 'down') throw new StatectlError('server-unreachable', `${url} cannot be reached`);
      if (server.state === 'not ours') throw new StatectlError('server-untrusted', `${url} is not trusted`);
      server.openings.push(lastEventId);
      const from = lastEventId === undefined ? said.length : Number(lastEventId.split('-').at(-1));
      const closed = new AbortController();
      server.open += 1;
      const ended = () => {
        if (closed.signal.aborted) return;
        closed.abort();
        server.open -= 1;
      };
      return {
        server: url,
        first: { event: 'hello', id: `${new URL(url).hostname}-${from}`, data: {} },
        messages: messages(from, closed.signal, signal),
        close: ended,
      };
    },
  };
  async function* messages(from: number, closed: AbortSignal, signal: AbortSignal): AsyncGenerator<StreamMessage> {
    for (let at = from; ; ) {
      if (server.state === 'closes at once') return;
      if (server.state !== 'up') throw new StatectlError('transfer-broken', `${url} broke the connection`);
      const event = said[at];
      if (event) {
        at += 1;
        yield event;
      } else {
        await clock.sleep(BEAT_MS, signal);
        if (closed.aborted) return;
        if (server.state === 'up') yield 'beat';
      }
    }
  }
  return server;
}
