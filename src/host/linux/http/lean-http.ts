import { connect, type Socket } from 'node:net';
import type { Http, HttpRequest } from '../../host.ts';
import { httpError } from '../../http/http-error.ts';
import { CONNECT_TIMEOUT_MS, IDLE_TIMEOUT_MS } from '../../http/http-timeouts.ts';
import { type Answer, followRedirects } from '../../http/redirect.ts';
import { linuxHttp } from './http.ts';

/** Not worth a read of its own: the next goes into a new piece. */
const LEAST_READ_BYTES = 64 * 1024;
/** What may wait in memory before the server is held back, and what a reader is woken for. */
const MOST_WAITING_BYTES = 2 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;
/** A slow server's bytes are handed on after this long, however few. */
const PIECE_MS = 50;
const LONGEST_HEAD_BYTES = 64 * 1024;

/**
 * HTTP/1.1 for a boot, without a stream machinery: one request a connection, plain http only. What it does not speak
 * (TLS, chunked bodies) goes through undici. Measured under TCG: 110 MB fetched and hashed in 2.6 s against 6.5 s, and
 * 1.2 s less to load (docs/design/decisions.md). Throws what linuxHttp throws; RFC 9112.
 */
export function leanHttp(): Http {
  const full = linuxHttp();
  return {
    async request(address, request = {}) {
      request.signal?.throwIfAborted();
      if (!/^http:/i.test(address) || request.tls) return full.request(address, request);
      const answer = await followRedirects(address, request, (url, headers) => send(url, headers, request));
      if (answer.headers['transfer-encoding'] === undefined) return answer;
      for await (const _ of answer.body) break;
      return full.request(address, request);
    },
  };
}

async function send(url: URL, headers: Readonly<Record<string, string>>, request: HttpRequest): Promise<Answer> {
  const {
    method = 'GET',
    body = '',
    signal,
    connectTimeoutMs = CONNECT_TIMEOUT_MS,
    idleTimeoutMs = IDLE_TIMEOUT_MS,
  } = request;
  const connection = new Connection(url, connectTimeoutMs, idleTimeoutMs, signal);
  const lines = [
    `${method} ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value.replace(/[\r\n]/g, ' ')}`),
    ...(method === 'POST' ? [`Content-Length: ${Buffer.byteLength(body)}`] : []),
  ];
  try {
    connection.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]));
    const head = await readHead(connection);
    const hasBody = method !== 'HEAD' && head.status !== 204 && head.status !== 304;
    return {
      status: head.status,
      headers: head.headers,
      body: bodyOf(connection, head.rest, hasBody ? head.headers['content-length'] : '0', url, signal),
      discard: async () => connection.destroy(),
    };
  } catch (error) {
    connection.destroy();
    throw httpError(error, url, signal, 'answer');
  }
}

/** A connection whose bytes are asked for one read at a time. */
class Connection {
  readonly #socket: Socket;
  /** Read into where it is handed over from: no byte is copied. */
  #piece = Buffer.alloc(0);
  /** Of the piece: what was handed over, and what came. */
  #taken = 0;
  #filled = 0;
  /** Full pieces that nobody read yet. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #ended: { readonly error?: Error } | undefined;
  #wake: (() => void) | undefined;
  #later: NodeJS.Timeout | undefined;

  constructor(url: URL, connectTimeoutMs: number, idleTimeoutMs: number, signal: AbortSignal | undefined) {
    const onread = {
      buffer: () => this.#room(),
      callback: (bytes: number) => {
        this.#filled += bytes;
        this.#waitingBytes += bytes;
        // Few large pieces cost the reader far less than many small ones.
        if (this.#waitingBytes >= PIECE_BYTES) this.#wake?.();
        else this.#wakeSoon();
        return this.#waitingBytes < MOST_WAITING_BYTES;
      },
    };
    const host = url.hostname.replace(/^\[|\]$/g, '');
    this.#socket = connect({ host, port: Number(url.port || 80), onread });
    const end = (error?: Error) => {
      this.#ended ??= error ? { error } : {};
      this.#wake?.();
    };
    const dead = setTimeout(() => this.#socket.destroy(failure('ETIMEDOUT')), connectTimeoutMs);
    this.#socket.once('connect', () => {
      clearTimeout(dead);
      this.#socket.setTimeout(idleTimeoutMs, () => {
        // A reader that takes its time is no stalled server.
        if (this.#waitingBytes === 0) this.#socket.destroy(failure('UND_ERR_BODY_TIMEOUT'));
      });
    });
    this.#socket.once('error', end);
    this.#socket.once('end', () => end());
    const abort = () => this.#socket.destroy(failure('ABORT_ERR'));
    signal?.addEventListener('abort', abort, { once: true });
    this.#socket.once('close', () => {
      clearTimeout(dead);
      signal?.removeEventListener('abort', abort);
      end();
    });
  }

  write(data: string | Uint8Array): void {
    this.#socket.write(data);
  }

  /** What came since the last read; undefined when the server closed. Throws what broke the connection, once all was read. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#waitingBytes < PIECE_BYTES && !this.#ended) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      if (this.#waitingBytes > 0) this.#wakeSoon();
      await promise;
      this.#wake = undefined;
      clearTimeout(this.#later);
      this.#later = undefined;
    }
    const chunk = this.#waiting.shift() ?? this.#takeFilled();
    if (chunk.length === 0) {
      if (this.#ended?.error) throw this.#ended.error;
      return undefined;
    }
    this.#waitingBytes -= chunk.length;
    this.#socket.resume();
    return chunk;
  }

  /** Where the next bytes go. */
  #room(): Uint8Array {
    if (this.#piece.length - this.#filled < LEAST_READ_BYTES) {
      if (this.#filled > this.#taken) this.#waiting.push(this.#takeFilled());
      this.#piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
      this.#taken = 0;
      this.#filled = 0;
    }
    return this.#piece.subarray(this.#filled);
  }

  #takeFilled(): Uint8Array {
    const chunk = this.#piece.subarray(this.#taken, this.#filled);
    this.#taken = this.#filled;
    return chunk;
  }

  /** Only for a reader that waits: what comes while nobody does is handed over at the next read. */
  #wakeSoon(): void {
    if (this.#wake) this.#later ??= setTimeout(this.#wake, PIECE_MS);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

const failure = (code: string): Error => Object.assign(new Error(code), { code });

interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The first bytes of the body, which came with the head. */
  readonly rest: Uint8Array;
}

async function readHead(connection: Connection): Promise<Head> {
  let seen: Buffer = Buffer.alloc(0);
  for (;;) {
    const chunk = await connection.read();
    if (chunk === undefined) throw failure('closed');
    seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf('\r\n\r\n');
    if (end < 0 && seen.length > LONGEST_HEAD_BYTES) throw failure('HPE_HEADER_OVERFLOW');
    if (end < 0) continue;
    const [statusLine = '', ...lines] = seen.toString('latin1', 0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine)?.[1] ?? Number.NaN);
    if (Number.isNaN(status)) throw failure('HPE_INVALID_CONSTANT');
    seen = seen.subarray(end + 4);
    // 1xx answers come before the real one (RFC 9110, 15.2).
    if (status < 200) continue;
    const fields = lines.map((line) => [
      line.slice(0, line.indexOf(':')).trim().toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]);
    return { status, headers: Object.fromEntries(fields), rest: seen };
  }
}

async function* bodyOf(
  connection: Connection,
  first: Uint8Array,
  contentLength: string | undefined,
  url: URL,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let left = contentLength === undefined ? Number.POSITIVE_INFINITY : Number(contentLength);
  try {
    for (let chunk: Uint8Array | undefined = first; left > 0; chunk = await connection.read()) {
      if (chunk === undefined && left === Number.POSITIVE_INFINITY) return;
      if (chunk === undefined) throw failure('closed');
      if (chunk.length === 0) continue;
      const wanted: Uint8Array = chunk.length > left ? chunk.subarray(0, left) : chunk;
      left -= wanted.length;
      yield wanted;
    }
  } catch (error) {
    throw httpError(error, url, signal, 'body');
  } finally {
    connection.destroy();
  }
}
