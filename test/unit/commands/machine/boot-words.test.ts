import { expect, it } from 'vitest';
import { BOOT_VERBS, parseWords, refuseUnknownCommand } from '../../../../src/commands/machine/boot-words.ts';

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
    expect.objectContaining({ code: 'usage', hint: 'did you mean --plan? `statectl boot --help` shows what there is' }),
  );
});

it('help of a command of `rescue` that is not there is an error too, and says which was meant', () => {
  expect(() => refuseUnknownCommand('rescue', ['lgo', '--help'])).toThrow(
    expect.objectContaining({ code: 'usage', hint: expect.stringContaining('did you mean log?') }),
  );
  expect(() => refuseUnknownCommand('boot', ['slots', '--help'])).toThrow('statectl boot has no command "slots"');
  const listed = /\nCommands:\n([^]*?)\n\n/.exec(BOOT_VERBS.rescue.help)?.[1]?.match(/^ {2}\w+/gm) ?? [];
  expect(listed.length).toBeGreaterThan(5);
  for (const word of listed) refuseUnknownCommand('rescue', [word.trim(), '--help']);
});
