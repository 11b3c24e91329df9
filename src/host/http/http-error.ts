import { entryOf } from '../../entry-of.ts';
import { reasonOf, StatectlError } from '../../error.ts';

/** A lone % in a password is the usual mistake. */
function userinfoDecodes({ username, password }: URL): boolean {
  try {
    decodeURIComponent(`${username}:${password}`);
    return true;
  } catch {
    return false;
  }
}

/** Throws `url-invalid`, without repeating what may hold a password. */
export function parseHttpUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const fail = (what: string) =>
    new StatectlError('url-invalid', what, { hint: 'write it as http://server/path or https://server/path' });
  if (url === undefined) throw fail('the address is not a URL');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw fail(`"${url.protocol}" addresses cannot be fetched`);
  if (!userinfoDecodes(url)) throw fail(`the user name or password for ${url.host} has a % that is not written as %25`);
  return url;
}

/** The address as people may see it: without user name, password and fragment. */
export const shownUrl = (url: URL): string => `${url.origin}${url.pathname}${url.search}`;

const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'its name is unknown',
  EAI_AGAIN: 'the name service does not answer',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'the network is not reachable',
  ENETDOWN: 'the network is down',
  EADDRNOTAVAIL: 'no address of our own',
  ETIMEDOUT: 'no connection in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
};

const STALLED: readonly string[] = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'];

/** OpenSSL's verification results and Node's own: ERR_TLS_…, CERT_…, UNABLE_TO_…, DEPTH_ZERO_…, SELF_SIGNED_…; ERR_SSL_… is the handshake. */
const UNTRUSTED = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERROR_IN_CERT)/;

/** The codes of an error, of its causes, and of the attempts that an AggregateError (several addresses) joins. */
function codesOf(error: unknown, depth = 0): readonly string[] {
  if (!(error instanceof Error) || depth > 4) return [];
  const { code } = error as NodeJS.ErrnoException;
  const inner = error instanceof AggregateError ? error.errors : [error.cause];
  return [...(typeof code === 'string' ? [code] : []), ...inner.flatMap((cause) => codesOf(cause, depth + 1))];
}

/** Said by `peer-role.ts`, in the manner of Node's own. */
export const CERTIFICATE_OF_A_MACHINE = 'ERR_TLS_CERT_OF_A_MACHINE';

const OUT_OF_TIME = /^CERT_(NOT_YET_VALID|HAS_EXPIRED)$/;

/** The server's certificate was refused for the time it is, or that the clock says it is. */
export const isOutOfTime = (error: unknown): boolean => codesOf(error).some((code) => OUT_OF_TIME.test(code));

/** When a certificate counts, and what the clock says. */
export interface Validity {
  readonly from: Date;
  readonly until: Date;
  readonly now: Date;
}

const shown = (date: Date): string => `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

function trustHint(code: string): string {
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'check that this port of the server speaks HTTPS, not HTTP';
  if (code === CERTIFICATE_OF_A_MACHINE)
    return 'what answers there is a machine with the name of a server: look who has this address';
  if (OUT_OF_TIME.test(code))
    return "check this machine's clock (`ntp` of system/network.conf), then the server's certificate";
  return "check that the server's certificate was issued by the CA this machine trusts";
}

/** What undici, net and tls throw, in our words. `during` the `body`, the connection had been there and an answer too. */
export function httpError(
  error: unknown,
  url: URL,
  signal: AbortSignal | undefined,
  during: 'answer' | 'body',
  validity?: Validity,
): unknown {
  if (signal?.aborted) return signal.reason;
  const codes = codesOf(error);
  const fail = (code: string, what: string, hint: string) =>
    new StatectlError(code, `${shownUrl(url)}: ${what}`, { cause: error, hint });

  const untrusted = codes.find((code) => UNTRUSTED.test(code));
  if (untrusted !== undefined) {
    const dates = validity
      ? `: its certificate counts from ${shown(validity.from)} to ${shown(validity.until)}, and it is ${shown(validity.now)} by this machine's clock`
      : '';
    return fail('server-untrusted', `the TLS connection was refused (${untrusted})${dates}`, trustHint(untrusted));
  }
  const unreachable = during === 'answer' ? codes.find((code) => Object.hasOwn(UNREACHABLE, code)) : undefined;
  if (unreachable !== undefined)
    return fail(
      'server-unreachable',
      `server not reachable: ${entryOf(UNREACHABLE, unreachable)} (${unreachable})`,
      'check that the server runs and that the network works',
    );
  if (codes.some((code) => STALLED.includes(code)))
    return fail('server-stalled', 'the server stopped sending', 'try again, or another server');
  const where = during === 'answer' ? 'before an answer came' : 'in the middle of the answer';
  return fail(
    'transfer-broken',
    `the connection broke ${where} (${codes[0] ?? reasonOf(error)})`,
    'try again, or another server',
  );
}
