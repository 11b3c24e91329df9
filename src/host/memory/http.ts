import { entryOf } from '../../entry-of.ts';
import type { Clock, Http, HttpRequest } from '../host.ts';
import { httpError } from '../http/http-error.ts';
import { CONNECT_TIMEOUT_MS, IDLE_TIMEOUT_MS } from '../http/http-timeouts.ts';
import { type Answer, followRedirects } from '../http/redirect.ts';

export interface ServedRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ServedAnswer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Virtual time before the answer begins. */
  readonly tookMs?: number;
  readonly bytesPerSecond?: number;
  /** After the body: it goes silent, or the connection breaks, where more was promised. */
  readonly end?: 'stall' | 'break';
}

/** Bytes one a character, as they came. */
const textOf = (body: string | Uint8Array): string =>
  typeof body === 'string' ? body : Buffer.from(body).toString('latin1');

/** `refused`: nothing listens. `silent`: no connection, no refusal. */
export type Server = (
  request: ServedRequest,
) => ServedAnswer | 'refused' | 'silent' | Promise<ServedAnswer | 'refused' | 'silent'>;

/** One for every address, or each by origin (`http://boot.example:8080`); other origins refuse. */
export type Servers = Server | Readonly<Record<string, Server>>;

const CHUNK_BYTES = 16 * 1024;

const failure = (code: string): Error => Object.assign(new Error(code), { code });

const lowerCase = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** The answers of scripted servers, with the time-outs, redirects and errors of the real thing. */
export function memoryHttp(servers: Servers, clock: Clock, record: (url: URL, request: HttpRequest) => void): Http {
  /** Sleeps; no bytes for longer than the caller waits is an error then. */
  async function silence(
    ms: number,
    { idleTimeoutMs = IDLE_TIMEOUT_MS, signal }: HttpRequest,
    code: string,
  ): Promise<void> {
    if (ms > 0) await clock.sleep(Math.min(ms, idleTimeoutMs), signal);
    if (ms > idleTimeoutMs) throw failure(code);
  }

  async function* send(data: Buffer, answer: ServedAnswer, request: HttpRequest, url: URL): AsyncGenerator<Uint8Array> {
    const { bytesPerSecond = Number.POSITIVE_INFINITY, end } = answer;
    const chunkBytes = Math.max(1, Math.min(CHUNK_BYTES, Math.floor(bytesPerSecond)));
    try {
      for (let at = 0; at < data.length; at += chunkBytes) {
        request.signal?.throwIfAborted();
        const chunk = data.subarray(at, at + chunkBytes);
        await silence((chunk.length / bytesPerSecond) * 1000, request, 'UND_ERR_BODY_TIMEOUT');
        yield Uint8Array.from(chunk);
      }
      request.signal?.throwIfAborted();
      if (end === 'stall') await silence(Number.POSITIVE_INFINITY, request, 'UND_ERR_BODY_TIMEOUT');
      if (end === 'break') throw failure('UND_ERR_SOCKET');
    } catch (error) {
      throw httpError(error, url, request.signal, 'body');
    }
  }

  async function ask(url: URL, headers: Readonly<Record<string, string>>, request: HttpRequest): Promise<Answer> {
    const { method = 'GET', body = '', connectTimeoutMs = CONNECT_TIMEOUT_MS, signal } = request;
    record(url, { ...request, headers });
    const server = typeof servers === 'function' ? servers : entryOf(servers, url.origin);
    try {
      const answer = (await server?.({ method, url, headers, body: textOf(body) })) ?? 'refused';
      if (answer === 'refused') throw failure('ECONNREFUSED');
      if (answer === 'silent') {
        await clock.sleep(connectTimeoutMs, signal);
        throw failure('UND_ERR_CONNECT_TIMEOUT');
      }
      await silence(answer.tookMs ?? 0, request, 'UND_ERR_HEADERS_TIMEOUT');
      signal?.throwIfAborted();
      const data = method === 'HEAD' ? Buffer.alloc(0) : Buffer.from(answer.body ?? '');
      const length = Buffer.byteLength(answer.body ?? '') + (answer.end === undefined ? 0 : 1);
      return {
        status: answer.status ?? 200,
        headers: { 'content-length': String(length), ...lowerCase(answer.headers ?? {}) },
        body: send(data, method === 'HEAD' ? {} : answer, request, url),
        discard: async () => {},
      };
    } catch (error) {
      throw httpError(error, url, signal, 'answer');
    }
  }

  return {
    async request(address, request = {}) {
      request.signal?.throwIfAborted();
      return await followRedirects(address, request, (url, headers) => ask(url, headers, request));
    },
  };
}
