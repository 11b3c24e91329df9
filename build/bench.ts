import { mkdir, readFile, stat } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { setOfSegment } from '../src/image/initramfs/segments/segment-name.ts';
import { parseManifest } from '../src/signed/image-manifest.ts';
import { breakdown, type Stretch, slowestSteps } from './bench/breakdown.ts';
import { budgetRows } from './bench/budgets.ts';
import { readLoopedFiles, readRoot } from './bench/console-reading.ts';
import { type ContenderResult, contenders, raceRounds } from './bench/contenders.ts';
import { publish } from './bench/figures.ts';
import { localBoots } from './bench/local-boots.ts';
import type { Boot } from './bench/machine.ts';
import { buildMaterial } from './bench/material.ts';
import { type Report, type Standing, writeReport } from './bench/report.ts';
import { segmentSizes } from './bench/segment-sizes.ts';
import { startServers } from './bench/servers.ts';
import { spreadOf } from './bench/statistics.ts';

const HELP = `npm run bench [-- OPTIONS]   boots the same Debian over HTTP by statectl, dracut's livenet and Debian's live-boot,
                             in qemu without KVM, and holds the budgets of the design against what it measures

  --rounds N   rounds of all three, one after the other (default 3)
  --quick      one round of statectl alone
  --write      put the report into docs/design/figures.md too
  --json       print JSON; progress goes to stderr either way
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
});
const rounds = values.quick ? 1 : Number(values.rounds);
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (values.json && values.write) fail('--write is for what people read: call it without --json');
if (!Number.isInteger(rounds) || rounds < 1) fail(`--rounds ${values.rounds} is no number of rounds`);
if (process.getuid?.() !== 0) fail('building a system needs root (device nodes, owners): run `sudo npm run bench`');

const say = (text: string) => void process.stderr.write(`bench: ${text}\n`);
const material = await buildMaterial(values.quick ? [] : ['dracut', 'live-boot'], say);
await mkdir(`${material.home}/logs`, { recursive: true });
const before = load();
if (before > 0.5)
  say(`the load average is ${before.toFixed(1)}: other work makes times longer; processor time is what compares`);
await using servers = await startServers(material);
const results = await raceRounds(contenders(material, servers), rounds, material, say);
const local = await localBoots(material, servers, rounds, say);

const report = await makeReport();
if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
else await publish('bench', writeReport(report));

async function makeReport(): Promise<Report> {
  const standings = await Promise.all(results.map(standingOf));
  const rival = (wanted: string) => standings.find(({ name }) => name === wanted);
  const [ours, dracut, liveBoot] = [standings[0], rival('dracut'), rival('live-boot')];
  const partOf = (other: Standing | undefined) => ours?.wallS && other?.wallS && ours.wallS.median / other.wallS.median;
  const moreThanDracut = (availableKb: number | undefined) =>
    availableKb === undefined || !dracut?.memAvailableKb
      ? undefined
      : (availableKb - dracut.memAvailableKb.median) * 1024;
  const segments = await segmentSizes(await readFile(material.statectl));
  const toolSets = segments.flatMap(({ name, sizeBytes }) => {
    const set = setOfSegment(name);
    return set === undefined ? [] : [{ name: set, sizeBytes }];
  });
  const setsBytes = toolSets.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const boots = results[0]?.boots ?? [];
  const last = boots.at(-1);
  const manifest = parseManifest(await readFile(`${material.image}/manifest.json`, 'utf8'));
  return {
    machine: `${cpus().length} × ${cpus()[0]?.model}`,
    kernelRelease: manifest.kernelRelease,
    rootBytes: manifest.root.sizeBytes,
    load: [before, load()],
    standings,
    segments,
    stretches: medians(boots),
    slowest: slowestSteps(last?.events ?? [], 6),
    kept: readLoopedFiles(last?.console ?? '').filter(({ name }) => name !== manifest.root.file),
    local,
    budgets: budgetRows({
      partOfDracut: partOf(dracut),
      partOfLiveBoot: partOf(liveBoot),
      initramfsBytes: (ours?.initramfsBytes ?? 0) - setsBytes,
      toolSets,
      moreThanDracutBytes: moreThanDracut(ours?.memAvailableKb?.median),
      moreThanDracutWithDiskBytes: moreThanDracut(local.copyMemAvailableKb),
      localPlanS: local.planS?.median,
      boots256MiB: local.smallMemAvailableKb !== undefined,
    }),
  };
}

async function standingOf({ boots, initramfs, cmdline, ...result }: ContenderResult): Promise<Standing> {
  const root = readRoot(boots[0]?.console ?? '');
  return { ...result, rounds: boots.length, root, cmdline, initramfsBytes: (await stat(initramfs)).size };
}

/** Of each stretch over the rounds; the names are the same in every boot. */
function medians(boots: readonly Boot[]): readonly Stretch[] {
  const each = boots.map(breakdown);
  return (each[0] ?? []).map(({ name }, index) => ({
    name,
    seconds: spreadOf(each.flatMap((stretches) => stretches[index]?.seconds ?? []))?.median ?? 0,
  }));
}

function load(): number {
  return loadavg()[0] ?? 0;
}

function fail(why: string): never {
  process.stderr.write(`bench: ${why}\n`);
  process.exit(1);
}
