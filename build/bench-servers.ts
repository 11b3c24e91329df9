import { createPrivateKey } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asciiTable } from '../src/commands/ascii-table.ts';
import { linuxHost } from '../src/host/linux/host.ts';
import { authority } from '../src/identity/certificates/authority.ts';
import { makeCertificateRequest } from '../src/identity/certificates/certificate-request.ts';
import { addImage } from '../src/server/images/add-image.ts';
import { openStore } from '../src/server/store/store.ts';
import { approveAll, labMachines } from '../test/fixtures/agent-lab.ts';
import { makeImageDir } from '../test/fixtures/image/image-dir.ts';
import { ask, connectAs, inParallel } from './bench/agent-streams.ts';
import { bootStorm } from './bench/boot-storm.ts';
import { isChildServer, startChildServer } from './bench/child-server.ts';
import { publish } from './bench/figures.ts';

/**
 * `npm run bench:servers`: what machines cost a server that run, enrol, or are switched on all at once. Each server is a
 * process of its own; a figure per core is by the processor time that it took. With `--write` the figures go into
 * docs/design/figures.md too.
 */
const AGENTS = 5_000;
const HANDSHAKES = 1_000;
const STORM = 1_000;
const IMAGE_BYTES = 16 << 20;
const SETTLE_MS = 20_000;

const script = new URL(import.meta.url).pathname;

async function bench(): Promise<void> {
  const rows: (readonly string[])[] = [['', 'measured']];
  const row = (name: string, measured: string): void => {
    rows.push([name, measured]);
    process.stderr.write(`${name}: ${measured}\n`);
  };
  const dir = await mkdtemp(join(tmpdir(), 'statectl-bench-'));
  const host = linuxHost();
  const ca = await authority({ ...host, console: { line: () => {} } }, join(dir, 'keys'));
  const machines = await labMachines(ca, AGENTS);
  const image = await makeImageDir(join(dir, 'image'), { rootBytes: IMAGE_BYTES });
  const states = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const state = join(dir, name);
      await addImage(await openStore(state, host, 'create'), image.dir);
      await cp(join(dir, 'keys'), join(state, 'keys'), { recursive: true });
      return state;
    }),
  );
  const [first = '', second = ''] = states;
  await approveAll(first, machines);

  {
    await using server = await startChildServer(script, first);
    const before = await server.cost();
    await inParallel(16, machines.slice(0, HANDSHAKES), async (machine) => {
      const socket = await connectAs(machine, ca.certificatePem, server.securePort);
      await ask(socket, ['GET /v1/nothing HTTP/1.1'], '\r\n\r\n');
      socket.destroy();
    });
    const shaken = await server.cost();
    row('TLS 1.3 handshakes of machines, a second and core', perCore(HANDSHAKES, before, shaken));
    const requests = await Promise.all(
      machines.slice(0, HANDSHAKES).map(async (machine) => ({
        machine,
        body: JSON.stringify({
          request: await makeCertificateRequest(createPrivateKey(machine.keyPem)),
          machine: { uuid: machine.uuid },
        }),
      })),
    );
    const atStart = await server.cost();
    await inParallel(16, requests, async ({ machine, body }) => {
      const socket = await connectAs(machine, ca.certificatePem, server.securePort);
      const head = ['POST /v1/enrol HTTP/1.1', 'Content-Type: application/json', `Content-Length: ${body.length}`];
      const answer = await ask(socket, head, '\r\n\r\n', body);
      if (!answer.startsWith('HTTP/1.1 200')) throw new Error(answer);
      socket.destroy();
    });
    row(
      'enrolments (handshake, request checked, certificate), a second and core',
      perCore(HANDSHAKES, atStart, await server.cost()),
    );
  }
  {
    await using server = await startChildServer(script, first);
    const idle = await server.cost();
    const sockets: { destroy(): void }[] = [];
    const seconds = await inParallel(32, machines, async (machine) => {
      const socket = await connectAs(machine, ca.certificatePem, server.securePort);
      sockets.push(socket);
      await ask(socket, ['GET /v1/events HTTP/1.1'], 'event: hello');
      socket.resume();
    });
    row(`${AGENTS.toLocaleString('en')} agents connect to one server`, `${seconds.toFixed(1)} s`);
    const connected = await server.cost();
    await host.clock.sleep(SETTLE_MS);
    const settled = await server.cost();
    const bytes = (settled.rssBytes - idle.rssBytes) / AGENTS;
    row('memory of the server without agents', `${Math.round(idle.rssBytes / 2 ** 20)} MiB`);
    row('memory of the server per idle agent', `${Math.round(bytes / 1024)} KiB`);
    const share = ((settled.cpuSeconds - connected.cpuSeconds) / (SETTLE_MS / 1000)) * 100;
    row(`processor for ${AGENTS.toLocaleString('en')} idle agents`, `${share.toFixed(1)} % of a core`);
    for (const socket of sockets) socket.destroy();
  }
  for (const count of [1, 2]) {
    const servers = await Promise.all([first, second].slice(0, count).map((state) => startChildServer(script, state)));
    const urls = servers.map(({ url }) => url);
    const path = `/blobs/sha256/${image.manifest.root.sha256}`;
    const { medianSeconds, lastSeconds, busy, given } = await bootStorm(host, machines.slice(0, STORM), urls, path);
    const name = `${STORM.toLocaleString('en')} machines at once, ${IMAGE_BYTES >> 20} MiB each, ${count === 1 ? 'one server' : 'two servers'}`;
    const shares = count === 1 ? '' : `, ${urls.map((url) => given[url]).join(' and ')}`;
    row(
      name,
      `half in ${medianSeconds.toFixed(1)} s, all in ${lastSeconds.toFixed(1)} s, ${busy} told to wait${shares}`,
    );
    for (const server of servers) await server[Symbol.asyncDispose]();
  }
  await rm(dir, { recursive: true });
  await publish('bench:servers', asciiTable(rows));
}

const perCore = (
  count: number,
  before: { readonly cpuSeconds: number },
  after: { readonly cpuSeconds: number },
): string => String(Math.round(count / (after.cpuSeconds - before.cpuSeconds)));

if (!(await isChildServer(process.argv.slice(2)))) await bench();
