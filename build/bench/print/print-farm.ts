import { createHash, randomUUID } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { IdentityFile } from '../../../src/config/schema/identity.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { authority } from '../../../src/identity/certificates/authority.ts';
import { SERVER_NAME } from '../../../src/protocol/machine-name.ts';
import { CONFIG_TYPE } from '../../../src/protocol/state/config-files.ts';
import { PIECE_TYPE } from '../../../src/protocol/state/mirror.ts';
import { GENERATION_TYPE, shipmentHeaders, standingHeaders } from '../../../src/protocol/state/state.ts';
import { type RunningServer, startServer } from '../../../src/server/listen.ts';
import type { NodePrinter } from '../../../src/server/state/node-printer.ts';
import { approveAll, type LabMachine, labMachines } from '../../../test/fixtures/agent-lab.ts';
import { databaseTar, moonrakerDatabase, sha256 } from '../../../test/fixtures/state/moonraker-database.ts';
import { CONFIG_ITEM, DATABASE_ITEM, GCODE_ITEM, VARIABLES_ITEM } from '../../../test/fixtures/state/printer-item.ts';
import { startChildServer } from '../child-server.ts';

/** What one of many printers that all print does, and how often. */
const WORK = {
  /** Four commits in a print of half an hour. */
  database: { everyMs: 450_000 },
  /** As with a tool changer. */
  variables: { everyMs: 10_000 },
  /** A calibration, and a new file of a MiB, in each half hour. */
  config: { everyMs: 1_800_000 },
  gcode: { everyMs: 1_800_000 },
} as const;
type Work = keyof typeof WORK;
const GCODE_BYTES = 1 << 20;

export interface FarmOptions {
  readonly printers: number;
  readonly minutes: number;
}

export interface Farm extends FarmOptions {
  /** Of the core that the server has. */
  readonly cpuShare: number;
  readonly rssBytes: number;
  readonly leasesS: number;
  /** By what was shipped: how many, and how long they took. */
  readonly shipped: Readonly<Record<Work, { readonly count: number; readonly p50Ms: number; readonly p99Ms: number }>>;
  /** What should not be. */
  readonly faults: readonly string[];
}

/** A server whose every machine has a printer of its own name. */
export function startFarmServer(state: string): Promise<RunningServer> {
  const listen = { host: '127.0.0.1', port: 0 };
  const printer: NodePrinter = {
    ...{ trust: 'proven', quotaBytes: 2 ** 30, gcodeQuotaBytes: 2 ** 31 },
    items: [DATABASE_ITEM, VARIABLES_ITEM, CONFIG_ITEM, GCODE_ITEM],
  };
  return startServer({
    ...{ state, listen, host: linuxHost(), log: () => {}, graceMs: 0 },
    secure: {
      listen,
      nodes: {
        ofMachine: async () => undefined,
        ofNode: async (node) => ({
          ...{ node, identity: IdentityFile.parse({}), users: {}, printers: new Map([[node, printer]]) },
        }),
      },
      alarm: () => {},
    },
  });
}

/** So many printers at one server, which has a core to itself where there are two. */
export async function measureFarm(
  script: string,
  { printers, minutes }: FarmOptions,
  say: (text: string) => void,
): Promise<Farm> {
  const dir = await mkdtemp(join(tmpdir(), 'statectl-farm-'));
  try {
    const host = linuxHost();
    const ca = await authority({ ...host, console: { line: () => {} } }, join(dir, 'keys'));
    const machines = await labMachines(ca, printers);
    const state = join(dir, 'state');
    await cp(join(dir, 'keys'), join(state, 'keys'), { recursive: true });
    await approveAll(state, machines);
    await using server = await startChildServer(script, state, { core: 0 });
    const began = performance.now();
    const all: Printer[] = [];
    for (const machine of machines) {
      const printer = printerOf(machine, ca.certificatePem, server.securePort);
      await printer.lease();
      all.push(printer);
    }
    const leasesS = (performance.now() - began) / 1000;
    say(`${printers} printers have their leases, in ${leasesS.toFixed(1)} s; they print for ${minutes} min`);
    const before = await server.cost();
    const endMs = performance.now() + minutes * 60_000;
    const took: Record<Work, number[]> = { database: [], variables: [], config: [], gcode: [] };
    const faults: string[] = [];
    const works = Object.entries(WORK) as [Work, (typeof WORK)[Work]][];
    await Promise.all(
      all.flatMap((printer, index) =>
        works.map(async ([work, { everyMs }]) => {
          // Spread evenly, as printers are that nobody started all at once.
          let nextMs = performance.now() + (everyMs * index) / printers;
          for (let round = 1; nextMs < endMs; round += 1, nextMs += everyMs) {
            await sleep(Math.max(0, nextMs - performance.now()));
            const sentMs = performance.now();
            await printer.ship[work](round).then(
              () => took[work].push(performance.now() - sentMs),
              (error: Error) => faults.push(`${work}: ${error.message}`),
            );
          }
        }),
      ),
    );
    const after = await server.cost();
    for (const printer of all) printer.close();
    const shipped = (work: Work) => {
      const sorted = took[work].toSorted((a, b) => a - b);
      const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN;
      return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) };
    };
    return {
      ...{ printers, minutes, leasesS, rssBytes: after.rssBytes, faults },
      cpuShare: (after.cpuSeconds - before.cpuSeconds) / (minutes * 60),
      shipped: {
        ...{ database: shipped('database'), variables: shipped('variables') },
        ...{ config: shipped('config'), gcode: shipped('gcode') },
      },
    };
  } finally {
    await rm(dir, { recursive: true });
  }
}

interface Printer {
  lease(): Promise<void>;
  readonly ship: Readonly<Record<Work, (round: number) => Promise<void>>>;
  close(): void;
}

/** One connection that stays, as the agent of a machine has it. */
function printerOf({ node, certPem, keyPem }: LabMachine, ca: string, port: number): Printer {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, cert: certPem, key: keyPem, servername: SERVER_NAME });
  const boot = randomUUID();
  let lease = 0;
  let config: string | null = null;
  const standing = () => standingHeaders({ lease, boot, base: null });
  async function post(path: string, headers: Record<string, string>, body: Buffer): Promise<Record<string, unknown>> {
    const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
    const all = { ...headers, 'content-length': String(body.length) };
    const asked = httpsRequest(
      { host: '127.0.0.1', port, path: `/v1/state/${node}/${path}`, method: 'POST', agent, headers: all },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk) => chunks.push(chunk)).on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if (answer.statusCode !== 200) reject(new Error(`status ${answer.statusCode}: ${text}`));
          else resolve(JSON.parse(text));
        });
      },
    );
    asked.on('error', reject).end(body);
    return promise;
  }
  const asJson = { 'content-type': 'application/json' };
  const held = (answer: Record<string, unknown>) => {
    if (answer.on !== 'line') throw new Error(JSON.stringify(answer));
  };
  return {
    async lease() {
      const answer = await post('lease', asJson, Buffer.from(JSON.stringify({ boot })));
      lease = Number(answer.lease);
    },
    ship: {
      async database(round) {
        const tar = databaseTar(moonrakerDatabase(Array.from({ length: round }, (_, job) => `${node}-${job}.gcode`)));
        const shipment = { lease, boot, base: null, sha256: sha256(tar), takenAtMs: Date.now() };
        held(
          await post('database/generations', { ...shipmentHeaders(shipment), 'content-type': GENERATION_TYPE }, tar),
        );
      },
      async variables(round) {
        const text = `[Variables]\nfilament = '${createHash('md5').update(node).digest('hex')}'\ntool = ${round}\n\n`;
        const change = { seq: round, atMs: Date.now(), key: 'tool', literal: String(round) };
        const body = Buffer.from(JSON.stringify({ seq: round, changes: [change], text }));
        held(await post('variables/variables', { ...standing(), ...asJson }, body));
      },
      async config(round) {
        const content = Buffer.from(`[printer]\nkinematics: none\n# ${round}\n`).toString('base64');
        const body = Buffer.from(JSON.stringify({ base: config, files: [{ path: 'printer.cfg', content }] }));
        const answer = await post('config/config', { ...standing(), 'content-type': CONFIG_TYPE }, body);
        config = String(answer.id);
        held(answer);
      },
      async gcode(round) {
        const file = Buffer.alloc(GCODE_BYTES, `; ${node} ${round}\n`);
        const digest = sha256(file);
        await post(
          `gcodes/mirror/files/${digest}?at=0&size=${file.length}`,
          { ...standing(), 'content-type': PIECE_TYPE },
          file,
        );
        const content = { sizeBytes: file.length, mtimeNs: `${Date.now()}000000`, sha256: digest };
        const changes = [{ path: `part-${round}.gcode`, file: content, was: null }];
        held(
          await post('gcodes/mirror/changes', { ...standing(), ...asJson }, Buffer.from(JSON.stringify({ changes }))),
        );
      },
    },
    close: () => agent.destroy(),
  };
}
