import { parseArgs } from 'node:util';
import { publish } from './bench/figures.ts';
import { measureVolume } from './bench/volume/volume-cost.ts';
import { volumeFaults, writeVolumeCost } from './bench/volume/volume-report.ts';
import { buildDemo } from './demo.ts';

const HELP = `npm run bench:volume [-- OPTIONS]   what a volume of DRBD costs whoever writes into it, in a guest: fsync in RAM alone, with a
                                    peer, and with one that is slow, frozen or dead; how long its first sync takes

  --quick      ten seconds of each
  --size MIB   of the volume (default 64)
  --write      put the report into docs/design/figures.md too
  --json       print JSON; progress goes to stderr either way

Exit status 1 when an fsync waited for the peer.
`;
const say = (text: string) => void process.stderr.write(`bench: ${text}\n`);

function fail(why: string): never {
  say(why);
  process.exit(1);
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    size: { type: 'string', default: '64' },
    write: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) process.stdout.write(HELP);
else {
  const sizeMiB = Number(values.size);
  if (!(sizeMiB >= 16)) fail('--size is a number of MiB from 16 on');
  if (values.json && values.write) fail('--write is for what people read: call it without --json');
  if (process.getuid?.() !== 0) fail('building a system needs root: run `sudo npm run bench:volume`');
  await buildDemo();
  const cost = await measureVolume({ sizeMiB, seconds: values.quick ? 10 : 60 }, say);
  if (values.json) process.stdout.write(`${JSON.stringify(cost, null, 2)}\n`);
  else await publish('bench:volume', writeVolumeCost(cost));
  for (const fault of volumeFaults(cost)) {
    say(fault);
    process.exitCode = 1;
  }
}
