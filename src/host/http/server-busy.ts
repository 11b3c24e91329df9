import { StatectlError } from '../../error.ts';
import type { HttpResponse } from '../host.ts';

/** The server is well, and asks to be asked again later. */
export class ServerBusyError extends StatectlError {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super('server-busy', message, {
      hint: 'it is waited for; more servers, or a higher `statectl serve --max-transfers` there, make it shorter',
    });
    this.retryAfterMs = retryAfterMs;
  }
}

/** Too many requests (RFC 6585), or unavailable for a while. */
const BUSY_STATUSES: readonly number[] = [429, 503];

/**
 * What `Retry-After` of a busy answer asks for; undefined for any other answer. RFC 9110, 10.2.3. A date says nothing to a
 * machine whose clock nobody has set yet: it counts as no wait.
 */
export function retryAfterMs({ status, headers }: Pick<HttpResponse, 'status' | 'headers'>): number | undefined {
  const header = headers['retry-after'];
  if (header === undefined || !BUSY_STATUSES.includes(status)) return undefined;
  return /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1000 : 0;
}

/** How long this error asks to wait. By its property, as the executable holds the class twice. */
export function askedWaitMs(error: unknown): number | undefined {
  const asked = error instanceof Error && 'retryAfterMs' in error ? error.retryAfterMs : undefined;
  return typeof asked === 'number' && asked >= 0 ? asked : undefined;
}

/** Of several failures the one that ends first, where servers were only busy. */
export const soonestBusy = (errors: readonly unknown[]): unknown =>
  errors
    .filter((error) => askedWaitMs(error) !== undefined)
    .toSorted((a, b) => (askedWaitMs(a) ?? 0) - (askedWaitMs(b) ?? 0))[0];
