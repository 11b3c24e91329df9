import { StatectlError } from '../../error.ts';
import type { HttpRequest, HttpResponse } from '../host.ts';
import { parseHttpUrl } from './http-error.ts';

const MOST_REDIRECTS = 3;
const REDIRECTS: readonly number[] = [301, 302, 307, 308];

/** Never sent on to another origin than the one they were meant for. */
const PRIVATE_HEADERS: readonly string[] = ['authorization', 'cookie'];

type Headers = Readonly<Record<string, string>>;

export interface Answer extends HttpResponse {
  /** Lets go of a body that nobody will read. */
  discard(): Promise<void>;
}

/** A user name and password in the URL become Basic authentication (RFC 7617). */
function headersFor(url: URL, given: Headers = {}): Headers {
  const headers = Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]));
  if ((url.username === '' && url.password === '') || headers.authorization !== undefined) return headers;
  const userinfo = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { ...headers, authorization: `Basic ${Buffer.from(userinfo).toString('base64')}` };
}

/** Where the answer sends us; undefined when it does not, or to another scheme. */
function locationOf({ status, headers: { location } }: HttpResponse, url: URL): URL | undefined {
  if (!REDIRECTS.includes(status) || location === undefined || !URL.canParse(location, url)) return undefined;
  const next = new URL(location, url);
  return next.protocol === url.protocol ? next : undefined;
}

/**
 * Sends a request, again where GET and HEAD are redirected within the same scheme; other redirects are handed back.
 * Throws `url-invalid`, `redirect-loop` after three of them, and what `send` throws.
 */
export async function followRedirects(
  address: string,
  request: HttpRequest,
  send: (url: URL, headers: Headers) => Promise<Answer>,
): Promise<HttpResponse> {
  const follows = request.method !== 'POST';
  let url = parseHttpUrl(address);
  let headers = headersFor(url, request.headers);
  for (let redirects = 0; ; redirects += 1) {
    const answer = await send(url, headers);
    const next = follows ? locationOf(answer, url) : undefined;
    if (next === undefined) return { status: answer.status, headers: answer.headers, body: answer.body };
    await answer.discard();
    if (redirects === MOST_REDIRECTS)
      throw new StatectlError('redirect-loop', `${url.host} redirects more than ${MOST_REDIRECTS} times`, {
        hint: 'give the address that the server redirects to',
      });
    if (next.origin !== url.origin)
      headers = Object.fromEntries(Object.entries(headers).filter(([name]) => !PRIVATE_HEADERS.includes(name)));
    url = next;
  }
}
