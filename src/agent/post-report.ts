import type { Host } from '../host/host.ts';
import type { Report } from './report-queue.ts';

/** Answers that are the report's own fault: it would be refused for ever. */
const REFUSED = [400, 413, 415, 422];

/** Sends one report to one server. `later`: nobody took it, and nobody refused it. */
export async function postReport(
  { http }: Pick<Host, 'http'>,
  server: string,
  report: Report,
  limits: { readonly connectTimeoutMs: number; readonly idleTimeoutMs: number; readonly signal: AbortSignal },
): Promise<'taken' | 'refused' | 'later'> {
  try {
    const { status, body } = await http.request(new URL('/v1/reports', server).href, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(report),
      ...limits,
    });
    for await (const _ of body) break;
    if (status >= 200 && status < 300) return 'taken';
    return REFUSED.includes(status) ? 'refused' : 'later';
  } catch {
    limits.signal.throwIfAborted();
    return 'later';
  }
}
