import { describe, expect, it } from 'vitest';
import { sized } from '../../fixtures/effort.ts';
import { findIn, fuzz } from '../../fuzz/fuzz.ts';
import { TARGETS } from '../../fuzz/targets.ts';

const target = (name: string) => {
  const found = TARGETS.find((one) => one.name === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
};

/** What stopped a server or a boot once. */
const SEEDS: readonly (readonly [name: string, what: string, input: string])[] = [
  ['hostlist', 'many ranges', `p[${Array(1_200).fill('1-99999').join(',')}]`],
  ['hostlist', 'many commas', 'a,'.repeat(100_000)],
  ['hostlist', 'many numbers', 'print[1-99999]'],
  ['yaml', 'many keys', Array.from({ length: 60_000 }, (_, at) => `k${at}: 1`).join('\n')],
  ['yaml', 'many aliases', `a: &x 1\nb: [${'*x,'.repeat(9_000)}]`],
  ['yaml', 'brackets without end', '['.repeat(50_000)],
  ['kernel command line', 'many parameters of one module', 'mod.param=1 '.repeat(100_000)],
  ['template', 'many keys', `---\n${'a: 1\n'.repeat(20_000)}---\n`],
  ['claims', 'a long one', 'x'.repeat(10_000)],
  ['ip=', 'a table of the firmware', 'eth0:ibft'],
  ['saved variables', 'brackets without end', `[Variables]\nx = ${'[{('.repeat(50_000)}`],
  ['saved variables', 'space that leads nowhere', `[Variables]\nx = 1${'\u2003'.repeat(200_000)}1\n`],
  ['saved variables', 'references that double', `[Variables]\na = %(a)s%(a)s\nb = ${'%(a)s'.repeat(10_000)}\n`],
  ['saved variables', 'comments', `[Variables]\nx = [${'#\n \\\n'.repeat(30_000)}`],
  ['path of a setting', 'a bad escape', '"\\u12"'],
];

describe('a parser of what others wrote', () => {
  it.each(SEEDS)('%s: %s is read or refused at once', { timeout: 60_000 }, async (name, _what, input) => {
    expect(await findIn(target(name), input)).toBeUndefined();
  });

  it.each(TARGETS.map(({ name }) => name))('%s: takes what nobody meant', { timeout: 60_000 }, async (name) => {
    expect((await fuzz(target(name), { seed: 9, ms: sized(40, 5_000) })).find).toBeUndefined();
  });

  it('and a parser that crashes is found, with the seed by which it does so again', async () => {
    const broken = { ...target('ip='), read: (text: string) => text.at(3) === undefined || JSON.parse('x') };
    const { find } = await fuzz(broken, { seed: 9, ms: 2_000 });
    expect(find).toMatch(/^--seed 9 --path \S+\n.*\n {2}SyntaxError/s);
  });
});
