import { parseArgs } from 'node:util';
import { isChildServer } from './bench/child-server.ts';
import { publish } from './bench/figures.ts';
import { measureAgent } from './bench/print/print-agent.ts';
import { measureCache } from './bench/print/print-cache.ts';
import { measureFarm, startFarmServer } from './bench/print/print-farm.ts';
import { measureLatency } from './bench/print/print-latency.ts';
import { writePrint } from './bench/print/print-report.ts';
import { buildDemo } from './demo.ts';

const HELP = `npm run bench:print [-- OPTIONS]   what the state of a print host costs: how soon the server has it, what the agent takes, and
                                   a server with 500 printers; Klipper and Moonraker are simulated

  --quick        a minute of each
  --minutes N    how long the printers print (default 10)
  --printers N   how many (default 500)
  --write        put the report into docs/design/figures.md too
  --json         print JSON; progress goes to stderr either way

Exit status 1 when something was refused.
`;
const script = new URL(import.meta.url).pathname;
const say = (text: string) => void process.stderr.write(`bench: ${text}\n`);

async function bench(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      minutes: { type: 'string', default: '10' },
      printers: { type: 'string', default: '500' },
      write: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const [minutes, printers] = [values.quick ? 1 : Number(values.minutes), Number(values.printers)];
  if (!(minutes > 0) || !(printers > 0)) fail('--minutes and --printers are numbers above 0');
  if (values.json && values.write) fail('--write is for what people read: call it without --json');
  if (process.getuid?.() !== 0) fail('building a system needs root: run `sudo npm run bench:print`');
  await buildDemo();
  const latency = await measureLatency(
    values.quick ? { rounds: 3, variablesS: 10 } : { rounds: 10, variablesS: 60 },
    say,
  );
  const agent = await measureAgent(values.quick ? { idleS: 20, timerS: 5 } : { idleS: 120, timerS: 30 }, say);
  const cache = await measureCache(
    values.quick ? { fileMib: 32, reads: 2_000, kills: 3 } : { fileMib: 256, reads: 10_000, kills: 10 },
    say,
  );
  const farm = await measureFarm(script, { printers, minutes }, say);
  const figures = { latency, agent, farm, cache };
  if (values.json) process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  else await publish('bench:print', writePrint(figures));
  process.exitCode = farm.faults.length > 0 ? 1 : 0;
}

function fail(why: string): never {
  say(why);
  process.exit(1);
}

if (!(await isChildServer(process.argv.slice(2), startFarmServer))) await bench();
