import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { asciiTable } from '../src/commands/ascii-table.ts';
import { checkConfigDir } from '../src/config/check/check.ts';
import { readConfigDir } from '../src/config/config-dir.ts';
import { effectiveOf } from '../src/config/effective.ts';
import { contentFor, nodeContent } from '../src/config/nodes/node-content.ts';
import { readTemplates } from '../src/config/templates/template-set.ts';
import { linuxHost } from '../src/host/linux/host.ts';
import { startServer } from '../src/server/listen.ts';
import { draftBundle, sealBundle } from '../src/signed/bundle/make.ts';
import { labOf, macOf } from './bench/config-lab.ts';
import { publish } from './bench/figures.ts';

/**
 * `npm run bench:config`: what a large config.d costs. Reading, layering, rendering and checking of 1,000 and 10,000 nodes
 * in 20 groups; one bundle made and signed; bundles per second from one server process.
 * With `--write` it goes into docs/design/figures.md too.
 */
const rows: (readonly string[])[] = [['', 'measured', 'budget', '']];
const row = (name: string, measured: string, budget = '', isWithin?: boolean): void =>
  void rows.push([name, measured, budget, isWithin === undefined ? '' : isWithin ? 'ok' : 'over']);
const timed = async <T>(work: () => T | Promise<T>): Promise<readonly [T, number]> => {
  const started = performance.now();
  const result = await work();
  return [result, performance.now() - started];
};
const ms = (value: number): string => (value < 10 ? `${value.toFixed(2)} ms` : `${Math.round(value)} ms`);

for (const nodes of [1_000, 10_000]) {
  const { host, dir } = labOf(nodes);
  const [read, readMs] = await timed(() => readConfigDir(host, dir));
  const templates = await readTemplates(host, dir);
  const records = [...read.nodes.nodes.values()];
  const [, layerMs] = await timed(() => records.map((node) => effectiveOf(read, node)));
  const [report, checkMs] = await timed(() => checkConfigDir(read, templates));
  if (report.faults.length > 0) throw new Error(JSON.stringify(report.faults[0]));
  const name = `${nodes.toLocaleString('en')} nodes`;
  row(`${name}: files read`, ms(readMs));
  row(`${name}: layers put together`, ms(layerMs));
  const wholeMs = readMs + checkMs;
  const whole = `${name}: read, rendered and checked`;
  if (nodes === 1_000) row(whole, ms(wholeMs), '< 2000 ms', wholeMs < 2000);
  else row(whole, ms(wholeMs));
}

const lab = labOf(1_000);
const read = await readConfigDir(lab.host, lab.dir);
const templates = await readTemplates(lab.host, lab.dir);
const { privateKey } = generateKeyPairSync('ed25519');
const signer = { privateKey, certificate: '{}', certificateSignature: Buffer.alloc(64), keyId: '0'.repeat(64) };
const times: number[] = [];
for (const node of read.nodes.nodes.values()) {
  const [, took] = await timed(() => {
    const result = nodeContent(read, templates, node);
    if ('faults' in result) throw new Error('the lab of the bench has a fault');
    const content = { ...result.content, settings: result.content.settings as object };
    const draft = draftBundle(content, { mac: macOf(0) }, { keyId: signer.keyId, epoch: 1 });
    return sealBundle(draft, { sequence: 1, madeMs: 0 }, signer);
  });
  times.push(took);
}
const sorted = times.toSorted((a, b) => a - b);
const [median = 0, slowest = 0] = [sorted[sorted.length >> 1], sorted.at(-1)];
row('one bundle rendered, packed and signed: median', ms(median), '< 50 ms', median < 50);
row('one bundle: the slowest of 1,000', ms(slowest));

const state = await mkdtemp(join(tmpdir(), 'statectl-bench-'));
const server = await startServer({
  state,
  listen: { host: '127.0.0.1', port: 0 },
  host: linuxHost(),
  log: () => undefined,
  config: {
    signer,
    renderNode: async (machine) => {
      const result = contentFor(read, templates, machine);
      if ('faults' in result) throw new Error('the lab of the bench has a fault');
      return { ...result.content, settings: result.content.settings as object };
    },
  },
});
const agent = new Agent({ connections: 16, pipelining: 1 });
const etags = new Map<number, string>();
const ask = async (node: number, known: boolean): Promise<number> => {
  const headers = known ? { 'if-none-match': etags.get(node) ?? '' } : {};
  const answer = await request(`${server.url}/v1/bundle?mac=${macOf(node)}`, { dispatcher: agent, headers });
  await answer.body.dump();
  etags.set(node, String(answer.headers.etag));
  return answer.statusCode;
};
const all = async (known: boolean, wanted: number): Promise<number> => {
  let next = 0;
  const worker = async () => {
    while (next < 1_000) if ((await ask(next++, known)) !== wanted) throw new Error(`not ${wanted}`);
  };
  const [, took] = await timed(() => Promise.all(Array.from({ length: 16 }, worker)));
  return 1_000 / (took / 1000);
};
row('bundles a second, each made anew', `${Math.round(await all(false, 200))}/s`);
row('bundles a second, from the cache', `${Math.round(await all(false, 200))}/s`);
row('bundles a second, unchanged (304)', `${Math.round(await all(true, 304))}/s`);
await agent.close();
await server.stop();
await rm(state, { recursive: true });
await publish('bench:config', asciiTable(rows));
