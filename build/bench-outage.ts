import { parseArgs } from 'node:util';
import { publish } from './bench/figures.ts';
import { measureOutage } from './bench/outage/outage.ts';
import { writeOutage } from './bench/outage/outage-report.ts';
import { buildDemo } from './demo.ts';

/** A report a minute, and some more, fit into the queue. */
const MOST_MINUTES = 180;

const HELP = `npm run bench:outage [-- OPTIONS]   boots a machine, stops its server for ten minutes, and measures what the agent makes of it:
                                    the system undisturbed, what it costs, and no report lost

  --minutes N  how long the server is away (default 10)
  --write      put the report into docs/design/figures.md too
  --json       print JSON; progress goes to stderr either way

Exit status 1 when something was lost, came in another order, or failed.
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    write: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
});
const say = (text: string) => void process.stderr.write(`bench: ${text}\n`);
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const minutes = Number(values.minutes);
if (!(minutes > 0) || minutes > MOST_MINUTES)
  fail(`--minutes ${values.minutes}: above 0, and ${MOST_MINUTES} at most, since the queue keeps 200 reports`);
if (values.json && values.write) fail('--write is for what people read: call it without --json');
if (process.getuid?.() !== 0)
  fail('building a system needs root (device nodes, owners): run `sudo npm run bench:outage`');

await buildDemo();
const outage = await measureOutage(minutes, say);
if (values.json) process.stdout.write(`${JSON.stringify(outage, null, 2)}\n`);
else await publish('bench:outage', writeOutage(outage));
process.exitCode = outage.faults.length > 0 ? 1 : 0;

function fail(why: string): never {
  say(why);
  process.exit(1);
}
