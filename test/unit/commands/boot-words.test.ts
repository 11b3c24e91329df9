import { expect, it } from 'vitest';
import { BOOT_VERBS, parseWords } from '../../../src/commands/boot-words.ts';

it.each(Object.entries(BOOT_VERBS))(
  '--help of statectl %s has a usage, examples, and fits on a terminal',
  (verb, { help }) => {
    expect(help).toMatch(new RegExp(`^Usage: statectl ${verb} `));
    expect(help).toContain('\nExamples:\n');
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  },
);

it('a word that nobody knows is an error with a hint, and no crash', () => {
  expect(() => parseWords('boot', { args: ['--plam'], options: { plan: { type: 'boolean' } } })).toThrow(
    expect.objectContaining({ code: 'usage', hint: '`statectl boot --help` shows what there is' }),
  );
});
