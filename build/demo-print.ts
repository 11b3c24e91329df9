import { parseArgs } from 'node:util';
import { asciiTable } from '../src/commands/ascii-table.ts';
import { reasonOf } from '../src/error.ts';
import { DATA, PRINTER, type PrintGuest, printGuest } from '../test/fixtures/print-host/print-guest.ts';
import { CHECKOUTS, type Checkouts } from '../test/fixtures/print-host/programs.ts';
import { buildDemo } from './demo.ts';
import { compareKept, filesIn, type Kept, variablesIn } from './demo-print/kept.ts';

const HELP = `npm run demo:print [-- OPTIONS]   a print host in qemu: a print begins, its server is killed, its plug is pulled, it boots again;
                                  and what is there then, and what was lost

  --layers N   how long the file is that it prints (default 2000: more than the demo waits for)

It needs root, as npm start does, which boots the same system.
`;
const FILE = 'part.gcode';
/** So many layers are printed with the server there, and so many without. */
const LAYERS = { before: 12, without: 12 };
const LOOK_MS = 300;
/** So long the server may take to all that was done before the print. */
const STEP_MS = 120_000;

const { values } = parseArgs({
  options: { layers: { type: 'string', default: '2000' }, help: { type: 'boolean', short: 'h' } },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const say = (text: string) => process.stdout.write(`demo:print: ${text}\n`);
const isReal = (name: keyof Checkouts) => (CHECKOUTS[name] === undefined ? 'simulated' : 'real');
say(
  `Klipper is ${isReal('klipper')}, Moonraker is ${isReal('moonraker')} (a simulated one writes what the real one does, byte for byte; STATECTL_TEST_KLIPPER and STATECTL_TEST_MOONRAKER name checkouts of the real ones)`,
);
if (process.getuid?.() !== 0) {
  process.stderr.write(
    'demo:print: building a system needs root (device nodes, owners): run `sudo npm run demo:print`\n',
  );
  process.exit(1);
}
await buildDemo();
try {
  await using machine = await printGuest('demo-print', CHECKOUTS);
  await show(machine);
} catch (error) {
  process.stderr.write(
    `demo:print: ${reasonOf(error)}\n→ where it waited too long: run it again while the PC does nothing else; all of it is emulated\n`,
  );
  process.exitCode = 1;
}

async function show(machine: PrintGuest): Promise<void> {
  await machine.startServer();
  say('the server is up; a machine is switched on, whose key waits for somebody to compare it');
  say(`approved as print01: ${await machine.enrol()}`);
  await machine.boot();
  say('it is switched on again: from now on its printer is its own; nothing of it is on the server yet');
  await machine.startPrograms();
  await machine.upload(FILE, gcode(Number(values.layers)));
  await machine.saveConfig('calibrated');
  await machine.print(FILE);
  await untilLayer(machine, LAYERS.before);
  say(`it prints ${FILE}, and is at layer ${await layerOf(machine)}`);
  const inStepS = await machine.inStep(STEP_MS);
  say(
    inStepS === undefined
      ? `its server does not have all of it after ${STEP_MS / 1000} s, at layer ${await layerOf(machine)}:`
      : `${inStepS.toFixed(1)} s later, at layer ${await layerOf(machine)}, its server has all of it (in emulation, ten times slower than a board):`,
  );
  process.stdout.write(`\n${await stateOf(machine)}\n\n`);

  await machine.killServer();
  say('the server is killed; the print goes on');
  const withServer = await keptIn(machine);
  await untilLayer(machine, (await layerOf(machine)) + LAYERS.without);
  const before = await keptIn(machine);
  say(`at layer ${before.variables.get('layer')} the plug is pulled`);
  await machine.pullPlug();

  await machine.startServer();
  await machine.boot('kept');
  say('the server is back, and the machine boots again');
  const restored = await keptFiles(machine);
  await machine.startPrograms();
  const after = { ...restored, jobs: await jobsOf(machine) };
  tell('what was there when the server was killed', withServer, after);
  tell('what was there when the plug was pulled', before, after);
  say('branches of this printer on the server:');
  process.stdout.write(`\n${await machine.statectl('printer', 'branches', PRINTER)}\n`);
}

/** A layer takes a third of a second, and each says that it is done. */
function gcode(layers: number): string {
  return Array.from(
    { length: layers },
    (_, layer) => `G4 P300\nSAVE_VARIABLE VARIABLE=layer VALUE=${layer + 1}\n`,
  ).join('');
}

async function layerOf(machine: PrintGuest): Promise<number> {
  const text = await machine.run(`cat ${DATA}/config/variables.cfg`);
  return Number(variablesIn(text).get('layer') ?? 0);
}

async function untilLayer(machine: PrintGuest, layer: number): Promise<void> {
  while ((await layerOf(machine)) < layer) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

async function stateOf(machine: PrintGuest): Promise<string> {
  return (await machine.run('/run/statectl/bin/statectl status --no-changes'))
    .split('\n')
    .filter((line) => line.includes(PRINTER))
    .join('\n');
}

async function jobsOf(machine: PrintGuest): Promise<ReadonlyMap<string, string>> {
  return new Map(
    (await machine.jobs()).map(({ job_id, filename, status }) => [String(job_id), `${filename} ${status}`]),
  );
}

async function keptFiles(machine: PrintGuest): Promise<Omit<Kept, 'jobs'>> {
  const variables = await machine.run(`cat ${DATA}/config/variables.cfg 2>/dev/null || true`);
  const sums = await machine.run(`cd ${DATA} && find config gcodes -type f -exec sha256sum {} +`);
  return { variables: variablesIn(variables), files: filesIn(sums) };
}

async function keptIn(machine: PrintGuest): Promise<Kept> {
  return { ...(await keptFiles(machine)), jobs: await jobsOf(machine) };
}

function tell(title: string, before: Kept, after: Kept): void {
  const lines = compareKept(before, after);
  const lost = lines.filter(({ isLost }) => isLost);
  const rows = lines.map(({ what, before, after, isLost }) => [what, before, after, isLost ? 'LOST' : 'there']);
  say(`${title}: ${lines.length - lost.length} of ${lines.length} are there`);
  process.stdout.write(`\n${asciiTable([['WHAT', 'BEFORE', 'AFTER', ''], ...rows])}\n`);
}
