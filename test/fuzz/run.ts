import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';
import { TARGETS } from './targets.ts';

/**
 * `npm run fuzz [-- --seconds 60 --seed N --path P NAME…]`: the parsers that read what others wrote get what nobody meant. A
 * find is printed with its seed, and ends with status 1; it goes into seeds.test.ts with its mend.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, path: { type: 'string' } },
});
const targets = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const ms = (Number(values.seconds) * 1_000) / Math.max(1, targets.length);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
let finds = 0;
for (const target of targets) {
  const { runs, find } = await fuzz(target, { seed, ms, ...(values.path !== undefined && { path: values.path }) });
  process.stdout.write(`${target.name}: ${runs} inputs${find === undefined ? '' : `, a find: ${find}`}\n`);
  if (find !== undefined) finds += 1;
}
process.stdout.write(`seed ${seed}: ${finds} ${finds === 1 ? 'find' : 'finds'}\n`);
process.exitCode = finds > 0 || targets.length === 0 ? 1 : 0;
