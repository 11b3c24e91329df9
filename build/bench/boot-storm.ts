import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { orderServers } from '../../src/fetch/order-servers.ts';
import { probeServer } from '../../src/fetch/probe-server.ts';
import type { Host } from '../../src/host/host.ts';
import type { LabMachine } from '../../test/fixtures/agent-lab.ts';

export interface StormResult {
  readonly medianSeconds: number;
  readonly lastSeconds: number;
  /** Polite refusals, which the machines obeyed. */
  readonly busy: number;
  /** By server: how many images it gave. */
  readonly given: Readonly<Record<string, number>>;
}

/** A room that is switched on: power supplies and firmware differ by so much. */
const SPREAD_MS = 3_000;

/**
 * Machines that are all switched on at once: each measures the servers, fetches its bundle and an image from the one that it
 * chose. One that is told to come back does so when it was told to, to whichever server is best then.
 */
export async function bootStorm(
  host: Pick<Host, 'http' | 'clock'>,
  machines: readonly LabMachine[],
  urls: readonly string[],
  imagePath: string,
): Promise<StormResult> {
  const dispatcher = new Agent({ pipelining: 1 });
  const given: Record<string, number> = Object.fromEntries(urls.map((url) => [url, 0]));
  const { signal } = new AbortController();
  let busy = 0;
  const started = performance.now();
  const get = async (url: string): Promise<number | 'done'> => {
    const { statusCode, headers, body } = await request(url, {
      dispatcher,
      bodyTimeout: 120_000,
      headersTimeout: 120_000,
    });
    await body.dump({ limit: Number.POSITIVE_INFINITY });
    if (statusCode === 200) return 'done';
    if (statusCode !== 503) throw new Error(`${url} answered ${statusCode}`);
    busy += 1;
    return Number(headers['retry-after'] ?? 1) * 1000;
  };
  const bootOne = async ({ uuid, node }: LabMachine): Promise<number> => {
    await sleep(Math.random() * SPREAD_MS);
    for (;;) {
      const probes = await Promise.all(urls.map((url) => probeServer(host, url, { timeoutMs: 2_000, signal })));
      const [best] = orderServers(probes, { choose: 'measured', weights: {} }, Math.random);
      const url = best?.url ?? urls[0] ?? '';
      let waitMs: number | 'done' = await get(`${url}/v1/bundle?uuid=${uuid}&hostname=${node}`);
      if (waitMs === 'done') waitMs = await get(`${url}${imagePath}`);
      if (waitMs === 'done') {
        given[url] = (given[url] ?? 0) + 1;
        return (performance.now() - started) / 1000;
      }
      await sleep(waitMs);
    }
  };
  const seconds = (await Promise.all(machines.map(bootOne))).toSorted((a, b) => a - b);
  await dispatcher.close();
  return { medianSeconds: seconds[seconds.length >> 1] ?? 0, lastSeconds: seconds.at(-1) ?? 0, busy, given };
}
