import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { makeCertificateRequest } from '../../src/identity/certificates/certificate-request.ts';
import { SERVER_NAME } from '../../src/protocol/machine-name.ts';

export interface StormOptions {
  readonly url: string;
  readonly securePort: number;
  readonly caPem: string;
  /** Of a large blob. */
  readonly blobPath: string;
  readonly forMs: number;
}

/** What strangers got done. */
export interface StormResult {
  readonly slowReaders: number;
  readonly connections: number;
  readonly reports: number;
  readonly inventedMachines: number;
  readonly enrolments: number;
  /** Answers of 503, and connections that were cut. */
  readonly refused: number;
}

/** The bounds of the storm itself: it holds no more sockets, and keeps no more requests under way. */
const SLOW_READERS = 400;
const IDLE_CONNECTIONS = 2_500;
const AT_ONCE = { reports: 24, machines: 24, enrolments: 12 };
const KEYS = 40;
/** Its first two numbers are never those of a machine of the bench. */
const strangersAddress = (index: number): string =>
  `127.${1 + (index % 90)}.${(index >> 3) & 255}.${1 + (index % 250)}`;
const inventedMac = (): string =>
  `02:${Array.from({ length: 5 }, () =>
    Math.floor(Math.random() * 256)
      .toString(16)
      .padStart(2, '0'),
  ).join(':')}`;

/**
 * Strangers from some thousand loopback addresses, for a bounded time: clients that read nothing, connections that say nothing,
 * reports and bundles of machines that do not exist, enrolments with ever other keys. A part that is refused begins anew.
 */
export async function abuseStorm({ url, securePort, caPem, blobPath, forMs }: StormOptions): Promise<StormResult> {
  const port = Number(new URL(url).port);
  const counts = { slowReaders: 0, connections: 0, reports: 0, inventedMachines: 0, enrolments: 0, refused: 0 };
  const endMs = performance.now() + forMs;
  const isOver = () => performance.now() >= endMs;
  const sockets = new Set<Socket>();
  let turn = 0;
  const next = (): number => {
    turn += 1;
    return turn;
  };

  const open = (localAddress: string): Socket => {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      counts.refused += 1;
    });
    return socket;
  };
  const held = async (count: number, words: () => string, name: 'slowReaders' | 'connections'): Promise<void> => {
    const mine = new Set<Socket>();
    while (!isOver()) {
      // Not all in one moment, which only this process would suffer from.
      for (let opened = 0; mine.size < count && opened < 50; opened += 1) {
        const socket = open(strangersAddress(next()));
        socket.pause();
        socket.once('connect', () => socket.write(words()));
        mine.add(socket);
        socket.once('close', () => mine.delete(socket));
        counts[name] += 1;
      }
      await sleep(50);
    }
  };
  const agents = Array.from(
    { length: 64 },
    (_, index) => new Agent({ keepAlive: true, localAddress: strangersAddress(index * 17) }),
  );
  const ask = (path: string, method: string, body?: string): Promise<number> =>
    new Promise((resolve) => {
      const agent = agents[next() % agents.length] as Agent;
      const asked = httpRequest(
        { host: '127.0.0.1', port, path, method, agent, headers: { 'content-type': 'application/json' } },
        (response) => {
          response
            .on('error', () => resolve(0))
            .on('end', () => resolve(response.statusCode ?? 0))
            .resume();
        },
      );
      asked.on('error', () => resolve(0)).end(body);
    });
  const repeat = async (task: () => Promise<number>, name: 'reports' | 'inventedMachines' | 'enrolments') => {
    while (!isOver()) {
      const status = await task();
      if (status === 503 || status === 0) counts.refused += 1;
      else counts[name] += 1;
      if (status === 0) await sleep(20);
    }
  };
  const requests = await Promise.all(
    Array.from({ length: KEYS }, () =>
      makeCertificateRequest(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    ),
  );
  const enrol = async (): Promise<number> => {
    const plain = connect({ host: '127.0.0.1', port: securePort, localAddress: strangersAddress(next()) });
    plain.on('error', () => {});
    const socket = connectTls({ socket: plain, ca: caPem, servername: SERVER_NAME });
    socket.on('error', () => {});
    try {
      const body = JSON.stringify({ request: requests[turn % KEYS], machine: { mac: inventedMac() } });
      socket.write(
        `POST /v1/enrol HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      const [answer] = (await once(socket, 'data')) as [Buffer];
      return Number(answer.toString('latin1').split(' ')[1]);
    } catch {
      return 0;
    } finally {
      socket.destroy();
    }
  };
  const report = () =>
    ask('/v1/reports', 'POST', JSON.stringify({ mac: inventedMac(), image: 'evil@1', log: 'x'.repeat(15_000) }));
  const machine = () =>
    ask(`/v1/${Math.random() < 0.5 ? 'bundle' : 'boot'}?mac=${inventedMac()}&hostname=x${turn}`, 'GET');
  const several = (count: number, task: () => Promise<void>) => Array.from({ length: count }, task);
  await Promise.all([
    held(
      SLOW_READERS,
      () => `GET ${blobPath} HTTP/1.1\r\nHost: a\r\n${turn % 2 ? '' : 'Range: bytes=1-\r\n'}\r\n`,
      'slowReaders',
    ),
    held(IDLE_CONNECTIONS, () => (turn % 2 ? '' : 'GET /v1/boot HTTP/1.1\r\nHost: a\r\nX-Slow: '), 'connections'),
    ...several(AT_ONCE.reports, () => repeat(report, 'reports')),
    ...several(AT_ONCE.machines, () => repeat(machine, 'inventedMachines')),
    ...several(AT_ONCE.enrolments, () => repeat(enrol, 'enrolments')),
  ]);
  for (const agent of agents) agent.destroy();
  for (const socket of sockets) socket.destroy();
  return counts;
}
