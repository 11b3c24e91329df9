import type { Host, HttpRequest } from '../../host/host.ts';
import { type MachineProof, secureAddress } from '../../identity/machine/secure-address.ts';
import type { QueuedReport } from './report-queue.ts';

/** Answers that are the report's own fault: it would be refused for ever. */
const REFUSED = [400, 413, 415, 422];
const BUSY = 503;

type Outcome = 'taken' | 'refused' | 'later';

/**
 * Sends one report to one server. A machine that has a certificate shows it there, so that nobody else can report in its name;
 * one that has none, or a server that does not take it, gets the claim alone. What is before an https server is the proxy's
 * to prove. `later`: nobody took it, and nobody refused it.
 */
export async function postReport(
  host: Pick<Host, 'http' | 'files'>,
  server: string,
  report: QueuedReport,
  proof: MachineProof,
  limits: Required<Pick<HttpRequest, 'connectTimeoutMs' | 'idleTimeoutMs' | 'signal'>>,
): Promise<Outcome> {
  if (URL.canParse(server) && new URL(server).protocol === 'http:') {
    const status = await postProven(host, server, report, proof, limits).catch(() => undefined);
    limits.signal.throwIfAborted();
    if (status !== undefined && (outcomeOf(status) !== 'later' || status === BUSY)) return outcomeOf(status);
  }
  try {
    return outcomeOf(await post(host, new URL('/v1/reports', server).href, report, limits));
  } catch {
    limits.signal.throwIfAborted();
    return 'later';
  }
}

/** undefined: the server takes none there. */
async function postProven(
  host: Pick<Host, 'http' | 'files'>,
  server: string,
  report: QueuedReport,
  proof: MachineProof,
  limits: HttpRequest,
): Promise<number | undefined> {
  const { href, tls, takesReports } = await secureAddress(host, server, '/v1/reports', proof, limits);
  return takesReports ? post(host, href, report, { ...limits, tls }) : undefined;
}

async function post(
  { http }: Pick<Host, 'http'>,
  url: string,
  report: QueuedReport,
  more: HttpRequest,
): Promise<number> {
  const { status, body } = await http.request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(report),
    ...more,
  });
  for await (const _ of body) break;
  return status;
}

function outcomeOf(status: number): Outcome {
  if (status >= 200 && status < 300) return 'taken';
  return REFUSED.includes(status) ? 'refused' : 'later';
}
