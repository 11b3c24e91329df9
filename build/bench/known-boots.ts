import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { SERVER_NAME } from '../../src/protocol/machine-name.ts';
import type { LabMachine } from '../../test/fixtures/agent-lab.ts';

export interface KnownBootOptions {
  readonly url: string;
  readonly securePort: number;
  readonly caPem: string;
  readonly blobPath: string;
  /** They are switched on within this time. */
  readonly spreadMs: number;
  /** One that did not boot by then did not boot. */
  readonly patienceMs: number;
}

/** All in milliseconds; of `/v1/boot` and of a secret each time that one was asked for, refusals and cuts included. */
export interface KnownBoots {
  readonly booted: number;
  readonly bootMs: readonly number[];
  readonly secretMs: readonly number[];
  readonly healthMs: readonly number[];
  readonly lastMs: number;
  readonly waited: number;
}

const HEALTH_EVERY_MS = 100;
const TRIES_EVERY_MS = 500;
const addressOf = (index: number): string => `127.200.${index >> 6}.${1 + (index % 64)}`;

/** Machines that are known to the server boot: each asks what it boots, its bundle, its secrets, and its image. */
export async function knownBoots(machines: readonly LabMachine[], options: KnownBootOptions): Promise<KnownBoots> {
  const { url, securePort, caPem, blobPath, spreadMs, patienceMs } = options;
  const port = Number(new URL(url).port);
  const startMs = performance.now();
  const [bootMs, secretMs, healthMs]: [number[], number[], number[]] = [[], [], []];
  let waited = 0;
  let isOver = false;

  const fetchOnce = (path: string, localAddress: string): Promise<{ status: number; afterMs: number }> =>
    new Promise((resolve) => {
      const failed = () => resolve({ status: 0, afterMs: TRIES_EVERY_MS });
      get({ host: '127.0.0.1', port, path, localAddress, agent: false, timeout: 20_000 }, (response) => {
        const { statusCode: status = 0, headers } = response;
        response.on('error', failed).on('aborted', failed).resume();
        response.on('end', () => resolve({ status, afterMs: Number(headers['retry-after'] ?? 1) * 1_000 }));
      })
        .on('timeout', failed)
        .on('error', failed);
    });
  const secretsOnce = async ({ certPem, keyPem }: LabMachine, localAddress: string): Promise<boolean> => {
    const plain = connect({ host: '127.0.0.1', port: securePort, localAddress });
    plain.on('error', () => {});
    const shown = { ca: caPem, cert: certPem, key: keyPem, servername: SERVER_NAME };
    const socket = connectTls({ socket: plain, ...shown });
    socket.on('error', () => {});
    try {
      const signal = AbortSignal.timeout(20_000);
      socket.write('GET /v1/secrets HTTP/1.1\r\nHost: a\r\n\r\n');
      const [answer] = (await once(socket, 'data', { signal })) as [Buffer];
      return answer.toString('latin1').startsWith('HTTP/1.1 200');
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  };
  /** As a machine does: again when it was told to, or after a moment. */
  const until = async (once: () => Promise<number | 'done'>): Promise<void> => {
    while (!isOver) {
      const waitMs = await once();
      if (waitMs === 'done') return;
      waited += 1;
      await sleep(waitMs);
    }
    throw new Error('it did not boot in time');
  };
  const timed = async <T>(to: number[], task: () => Promise<T>): Promise<T> => {
    const fromMs = performance.now();
    const result = await task();
    to.push(performance.now() - fromMs);
    return result;
  };
  const wanted = async (path: string, from: string) => {
    const { status, afterMs } = await fetchOnce(path, from);
    return status === 200 ? ('done' as const) : afterMs;
  };
  const bootOne = async (machine: LabMachine, index: number): Promise<number> => {
    const from = addressOf(index);
    const query = `uuid=${machine.uuid}&hostname=${machine.node}`;
    await sleep(Math.random() * spreadMs);
    await until(() => timed(bootMs, () => wanted(`/v1/boot?${query}`, from)));
    await until(() => wanted(`/v1/bundle?${query}`, from));
    await until(async () => ((await timed(secretMs, () => secretsOnce(machine, from))) ? 'done' : TRIES_EVERY_MS));
    await until(() => wanted(blobPath, from));
    return performance.now() - startMs;
  };
  const watchHealth = async (): Promise<void> => {
    while (!isOver) {
      await timed(healthMs, () => fetchOnce('/healthz', '127.201.0.1'));
      await sleep(HEALTH_EVERY_MS);
    }
  };
  const health = watchHealth();
  const end = setTimeout(() => {
    isOver = true;
  }, patienceMs);
  const results = await Promise.allSettled(machines.map(bootOne));
  isOver = true;
  clearTimeout(end);
  await health;
  const times = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  return { booted: times.length, bootMs, secretMs, healthMs, waited, lastMs: Math.max(0, ...times) };
}
