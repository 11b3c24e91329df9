import { reasonOf, StatectlError } from '../../../error.ts';
import { probeServer } from '../../../fetch/probe-server.ts';
import { withDeadline } from '../../../host/deadline.ts';
import type { Host } from '../../../host/host.ts';
import type { BootRecord } from '../../../machine/boot-record.ts';
import type { CheckResult } from '../gate.ts';

const SERVER_MS = 5_000;
const MOST_SERVERS = 5;

export interface ServerCheckOptions {
  readonly record: Pick<BootRecord, 'source'>;
  readonly servers: () => readonly string[];
  readonly isConnected: () => boolean;
}

/**
 * Whether a server is reached by the system that runs. One that booted what it keeps on its disk needs none; one that the boot
 * fetched is cut off by its own network where it reaches none any more. Any answer will do.
 */
export function serverCheck(
  host: Pick<Host, 'http' | 'clock'>,
  { record, servers, isConnected }: ServerCheckOptions,
): (signal: AbortSignal) => Promise<CheckResult> {
  let wasReached = false;
  const reach = async (signal: AbortSignal): Promise<string | undefined> => {
    const whys: string[] = [];
    for (const url of servers().slice(0, MOST_SERVERS)) {
      const probe = await probeServer(host, url, { timeoutMs: SERVER_MS, signal });
      if (probe.kind !== 'failed') return undefined;
      whys.push(`${url} ${probe.why}`);
    }
    return whys[0];
  };
  return async (signal) => {
    const about = { name: 'server', need: 'required' } as const;
    if (servers().length === 0) return { ...about, note: 'the machine has none' };
    wasReached ||= isConnected();
    if (wasReached) return about;
    if (record.source !== 'fetched')
      return { ...about, note: 'none is reached; the system is the one that is kept here' };
    const why = await reach(signal);
    wasReached = why === undefined;
    return why === undefined ? about : { ...about, why: `none is reached, and the boot reached one: ${why}` };
  };
}

const URL_MS = 10_000;

/** What the URLs of `update.health` answer. */
export const urlChecks = (
  host: Pick<Host, 'http' | 'clock'>,
  urls: readonly string[],
  signal: AbortSignal,
): Promise<readonly CheckResult[]> =>
  Promise.all(
    urls.map(async (url): Promise<CheckResult> => {
      const why = await urlFault(host, url, signal);
      return { ...{ name: `url ${url}`, need: 'required' }, ...(why !== undefined && { why }) };
    }),
  );

async function urlFault(
  { http, clock }: Pick<Host, 'http' | 'clock'>,
  url: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const error = new StatectlError('url-silent', `it does not answer within ${URL_MS / 1000} s`);
  try {
    const status = await withDeadline(clock, { ms: URL_MS, error, signal }, async (within) => {
      const response = await http.request(url, { signal: within, connectTimeoutMs: URL_MS, idleTimeoutMs: URL_MS });
      // What it says is nobody's business here, however long it is.
      for await (const _ of response.body) break;
      return response.status;
    });
    return status < 400 ? undefined : `it answers with status ${status}`;
  } catch (cause) {
    signal.throwIfAborted();
    return reasonOf(cause);
  }
}
