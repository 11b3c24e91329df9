import type { Agent, Dispatcher } from 'undici';
import type { Http, HttpRequest } from '../../host.ts';
import { httpError, isOutOfTime } from '../../http/http-error.ts';
import { CONNECT_TIMEOUT_MS, IDLE_TIMEOUT_MS } from '../../http/http-timeouts.ts';
import { type Answer, followRedirects } from '../../http/redirect.ts';
import { noMachine } from './peer-role.ts';
import { rememberingLookup } from './remembering-lookup.ts';

const flat = (headers: Dispatcher.ResponseData['headers']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : String(value),
    ]),
  );

async function* bodyOf(body: AsyncIterable<unknown>, url: URL, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) yield chunk as Uint8Array;
  } catch (error) {
    throw httpError(error, url, signal, 'body');
  }
}

/** For another host than the one that was meant: it is none of its business who this machine is. */
function withoutCertificate({ tls, ...request }: HttpRequest): HttpRequest {
  if (tls === undefined) return request;
  const { certPem: _certPem, keyPem: _keyPem, ...trust } = tls;
  return { ...request, tls: trust };
}

async function validityOf(url: URL, { connectTimeoutMs = CONNECT_TIMEOUT_MS, tls }: HttpRequest) {
  const { peerValidity } = await import('./peer-validity.ts');
  const validity = await peerValidity(url, connectTimeoutMs, tls);
  return validity && { ...validity, now: new Date() };
}

/**
 * HTTP through undici. Throws `url-invalid`, `redirect-loop`, `server-unreachable` (no connection), `server-untrusted`
 * (TLS), `server-stalled` (no bytes for `idleTimeoutMs`), `transfer-broken` (the connection ended early), or the signal's reason.
 */
export function linuxHttp(): Http {
  // One agent per connection setting: undici takes those when it makes the pool, not per request.
  const agents = new Map<string, Agent>();
  const lookup = rememberingLookup();

  async function agentFor({ connectTimeoutMs = CONNECT_TIMEOUT_MS, tls }: HttpRequest): Promise<Agent> {
    // Imported on first use, as execa is.
    const { Agent } = await import('undici');
    const key = JSON.stringify([connectTimeoutMs, tls]);
    const secrets = tls && {
      ...{ ca: tls.caPem, cert: tls.certPem, key: tls.keyPem, servername: tls.serverName },
      ...(tls.machineAuthoritiesPem && { checkServerIdentity: noMachine(tls.machineAuthoritiesPem) }),
    };
    const agent = agents.get(key) ?? new Agent({ connect: { timeout: connectTimeoutMs, lookup, ...secrets } });
    agents.set(key, agent);
    return agent;
  }

  async function send(url: URL, headers: Readonly<Record<string, string>>, request: HttpRequest): Promise<Answer> {
    const { method = 'GET', body, signal, idleTimeoutMs = IDLE_TIMEOUT_MS } = request;
    try {
      const dispatcher = await agentFor(request);
      const timeouts = { headersTimeout: idleTimeoutMs, bodyTimeout: idleTimeoutMs };
      const options: Dispatcher.RequestOptions = {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { ...headers },
        ...(body !== undefined && { body }),
        ...(signal && { signal }),
        ...timeouts,
      };
      const response = await dispatcher.request(options);
      return {
        status: response.statusCode,
        headers: flat(response.headers),
        body: bodyOf(response.body, url, signal),
        discard: () => response.body.dump().catch(() => {}),
      };
    } catch (error) {
      throw httpError(error, url, signal, 'answer', isOutOfTime(error) ? await validityOf(url, request) : undefined);
    }
  }

  return {
    async request(address, request = {}) {
      request.signal?.throwIfAborted();
      return await followRedirects(address, request, (url, headers) =>
        send(url, headers, url.origin === new URL(address).origin ? request : withoutCertificate(request)),
      );
    },
  };
}
