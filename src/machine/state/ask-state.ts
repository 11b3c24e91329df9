import { reasonOf, StatectlError } from '../../error.ts';
import type { Host, HttpRequest, HttpResponse } from '../../host/host.ts';
import { readBody } from '../../host/http/read-body.ts';
import { retryAfterMs, ServerBusyError } from '../../host/http/server-busy.ts';
import { type MachineProof, type SecureAddress, secureAddress } from '../../identity/machine/secure-address.ts';
import { Problem } from '../../protocol/problem.ts';
import { readSaid } from '../../protocol/read-answer.ts';

/** Below `/v1/state/`. */
export type StateRequest = Pick<HttpRequest, 'method' | 'headers' | 'body' | 'signal'>;

/**
 * Asks a server for state over mTLS; gives what was answered with a status below 400. Throws `state-refused` with what the server
 * says where it never will, a `ServerBusyError` where it has no time, and what `secureAddress` and the `http` port throw.
 */
export type AskState = (path: string, request?: StateRequest) => Promise<HttpResponse>;

export interface AskStateOptions {
  readonly proof: () => MachineProof;
  readonly limits: () => Pick<HttpRequest, 'connectTimeoutMs' | 'idleTimeoutMs'>;
}

/** What is otherwise by the next time: a certificate is renewed, a key approved, and what the way changed is sent again. */
const MENDED = ['certificate-needed', 'generation-mismatch'].map((code) => `urn:statectl:problem:${code}`);
const LARGEST_PROBLEM_BYTES = 64 << 10;

/** Asks one server. Where its secure port is, is asked once, and again after it could not be reached. */
export function askStateOf(
  host: Pick<Host, 'http' | 'files'>,
  server: string,
  { proof, limits }: AskStateOptions,
): AskState {
  let known: SecureAddress | undefined;
  return async (path, request = {}) => {
    const own = { ...limits(), ...(request.signal && { signal: request.signal }) };
    try {
      known ??= await secureAddress(host, server, '/', proof(), own);
      const url = new URL(`/v1/state/${path}`, known.href).href;
      const response = await host.http.request(url, { ...request, ...own, tls: known.tls });
      if (response.status < 400) return response;
      const busyMs = retryAfterMs(response);
      const body = await readBody(response.body, LARGEST_PROBLEM_BYTES);
      if (busyMs !== undefined) throw new ServerBusyError(`${server} is busy`, busyMs);
      const { detail = `status ${response.status}`, type = '', hint } = readSaid(body, Problem).value ?? {};
      // Whoever looks at the machine reads what to do on its server, too: a status has one text.
      const why = `${server}: ${detail}${hint === undefined ? '' : `; ${hint}`}`;
      const isFinal = response.status < 500 && response.status !== 404 && !MENDED.includes(type);
      if (response.status === 507) throw new StatectlError('state-full', why);
      throw new StatectlError(isFinal ? 'state-refused' : 'state-failed', why);
    } catch (error) {
      // Its certificate, its port or our own may be another by now.
      known = undefined;
      throw error;
    }
  };
}

/** The path of an item, or of a printer, as part of a URL. */
export const statePath = (...parts: readonly string[]): string => parts.map(encodeURIComponent).join('/');

/** For a person: why a server gave no state. */
export const whyNoState = (server: string, error: unknown): string => {
  const reason = reasonOf(error);
  return reason.includes(server) ? reason : `${server}: ${reason}`;
};
