import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { asciiTable } from '../src/commands/ascii-table.ts';
import { linuxHost } from '../src/host/linux/host.ts';
import { authority } from '../src/identity/certificates/authority.ts';
import { addImage } from '../src/server/images/add-image.ts';
import { useImage } from '../src/server/images/uses.ts';
import { type RunningServer, startServer } from '../src/server/listen.ts';
import { openSecretStore } from '../src/server/machines/secret-store.ts';
import { servedSettings } from '../src/server/settings.ts';
import { openStore } from '../src/server/store/store.ts';
import { approveAll, type LabMachine, labMachines } from '../test/fixtures/agent-lab.ts';
import { SIGNER } from '../test/fixtures/bundle.ts';
import { makeImageDir } from '../test/fixtures/image/image-dir.ts';
import { abuseStorm, type StormResult } from './bench/abuse-storm.ts';
import { isChildServer, startChildServer } from './bench/child-server.ts';
import { publish } from './bench/figures.ts';
import { knownBoots } from './bench/known-boots.ts';
import { runApart } from './bench/run-apart.ts';

/**
 * `npm run bench:abuse`: a server that has one core, strangers who do what they can to it for a minute, and a room of known
 * machines that are switched on meanwhile. Everything but the server is on the other core, the strangers in a process of their
 * own. Ends with 1 when a machine did not boot. With `--write` the figures go into docs/design/figures.md too.
 */
const MACHINES = 100;
const IMAGE_BYTES = 4 << 20;
const STORM_MS = 60_000;
/** The machines come when the storm is in full swing. */
const CALM_MS = 10_000;
const SPREAD_MS = 15_000;
const PATIENCE_MS = 45_000;
const STORM = '--storm';

const script = new URL(import.meta.url).pathname;

/** The real server over a real config.d: what strangers invent costs it what it costs. */
function serveLab(state: string): Promise<RunningServer> {
  const host = linuxHost();
  const settings = servedSettings(host, join(state, '..', 'config.d'), () => {});
  const listen = { host: '127.0.0.1', port: 0 };
  return startServer({
    ...{ state, listen, host, kernelArguments: '', graceMs: 0, log: () => {} },
    config: { ...settings, signer: SIGNER },
    secure: { listen, nodes: settings.nodes, alarm: () => {} },
  });
}

async function writeConfig(dir: string, machines: readonly LabMachine[]): Promise<void> {
  await mkdir(join(dir, 'nodes'), { recursive: true });
  await mkdir(join(dir, 'system'));
  await writeFile(join(dir, 'system', 'overlays.conf'), '/etc: { kind: ramdisk }\n');
  const set = 'set:\n  identity: { secrets: { /etc/token: { secret: "secret:token" } } }\n';
  for (const { node } of machines)
    await writeFile(join(dir, 'nodes', `${node}.conf`), `match: { hostname: ${node} }\n${set}`);
}

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;

async function bench(): Promise<boolean> {
  const dir = await mkdtemp(join(tmpdir(), 'statectl-abuse-'));
  try {
    const host = { ...linuxHost(), console: { line: () => {} } };
    const ca = await authority(host, join(dir, 'keys'));
    const machines = await labMachines(ca, MACHINES);
    await writeConfig(join(dir, 'config.d'), machines);
    const state = join(dir, 'state');
    const image = await makeImageDir(join(dir, 'image'), { rootBytes: IMAGE_BYTES });
    const store = await openStore(state, host, 'create');
    await addImage(store, image.dir);
    await useImage(store, 'lab');
    await cp(join(dir, 'keys'), join(state, 'keys'), { recursive: true });
    await (await openSecretStore(host, state)).write('token', Buffer.from('secret'));
    await approveAll(state, machines);

    await using server = await startChildServer(script, state, { core: 0 });
    const { url, securePort } = server;
    const blobPath = `/blobs/sha256/${image.manifest.root.sha256}`;
    const common = { url, securePort, caPem: ca.certificatePem, blobPath };
    const storm = runApart<StormResult>(script, STORM, { ...common, forMs: STORM_MS }, { core: 1 });
    await host.clock.sleep(CALM_MS);
    const boots = await knownBoots(machines, { ...common, spreadMs: SPREAD_MS, patienceMs: PATIENCE_MS });
    const strangers = await storm;
    const { rssBytes, cpuSeconds } = await server.cost();

    const rows: (readonly string[])[] = [['', 'measured', 'budget', '']];
    const row = (name: string, measured: string, budget = '', isMet = true): void => {
      rows.push([name, measured, budget, budget === '' ? '' : isMet ? 'ok' : 'over']);
    };
    const p99 = (name: string, values: readonly number[], budgetMs: number): void => {
      const ms = percentile(values, 0.99);
      const text = `${ms.toFixed(0)} ms (median ${percentile(values, 0.5).toFixed(0)}, of ${values.length})`;
      row(name, text, `< ${budgetMs} ms`, ms < budgetMs);
    };
    row('known machines that booted', `${boots.booted} of ${MACHINES}`, 'all', boots.booted === MACHINES);
    row('the last one, after the first was switched on', `${(boots.lastMs / 1000).toFixed(1)} s`);
    row('times that they were told to wait, or were cut', String(boots.waited));
    p99('/v1/boot, 99 of 100', boots.bootMs, 1_000);
    p99('a secret, handshake included, 99 of 100', boots.secretMs, 1_000);
    p99('/healthz, 99 of 100', boots.healthMs, 200);
    row('strangers: connections that read or say nothing', `${strangers.slowReaders} and ${strangers.connections}`);
    row(
      'strangers: reports, bundles, enrolments that were answered',
      [strangers.reports, strangers.inventedMachines, strangers.enrolments].join(', '),
    );
    row('strangers: refused or cut', String(strangers.refused));
    row(
      'memory of the server; its processor time',
      `${Math.round(rssBytes / 2 ** 20)} MiB; ${cpuSeconds.toFixed(0)} s`,
    );
    await publish('bench:abuse', asciiTable(rows));
    return boots.booted === MACHINES;
  } finally {
    await rm(dir, { recursive: true });
  }
}

const words = process.argv.slice(2);
if (words[0] === STORM)
  process.once('message', async (options) => {
    process.send?.(await abuseStorm(options as Parameters<typeof abuseStorm>[0]), () => process.exit(0));
  });
else if (!(await isChildServer(words, serveLab))) {
  if (availableParallelism() < 2) process.stderr.write('one core alone: the server shares it with the strangers\n');
  process.exitCode = (await bench()) ? 0 : 1;
}
