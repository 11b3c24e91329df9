import { describe, expect, it } from 'vitest';
import { cli, program } from '../../../src/cli.ts';
import { refuseUnknownVerb } from '../../../src/commands/unknown-verb.ts';
import { printedBy } from '../../fixtures/reader/printed.ts';

describe('a verb that is not there', () => {
  it.each([
    ['queue list --help', '"statectl queue"', 'there are build, initramfs, serve, image'],
    ['queue', '"statectl queue"', 'there are build, initramfs, serve, image'],
    ['help queue', '"statectl queue"', 'there are build'],
    ['imag --help', '"statectl imag"', 'did you mean `statectl image`?'],
    ['--help imag', '"statectl imag"', 'did you mean `statectl image`?'],
    ['config chek --help', '"statectl config chek"', 'did you mean `statectl config check`?'],
    ['config chek -h', '"statectl config chek"', 'did you mean `statectl config check`?'],
    ['config help chek', '"statectl config chek"', 'did you mean `statectl config check`?'],
    ['help config chek', '"statectl config chek"', 'did you mean `statectl config check`?'],
    ['build imgae --from x --help', '"statectl build imgae"', 'did you mean `statectl build image`?'],
    ['statsu --help', '"statectl statsu"', 'did you mean `statectl status`?'],
    ['render print01 --help', '"statectl render"', 'did you mean `statectl node render`?'],
    ['list', '"statectl list"', 'did you mean `statectl initramfs list` or `statectl image list` or'],
    ['secret approve --help', '"statectl secret approve"', 'did you mean `statectl node approve`?'],
    ['node constructor --help', '"statectl node constructor"', 'there are list, show, render'],
  ])('is refused with what was meant: %s', (words, verb, hint) => {
    expect(() => refuseUnknownVerb(program(), words.split(' '))).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: `there is no verb ${verb}`,
        hint: expect.stringContaining(hint),
      }),
    );
  });

  it.each([
    '',
    '--help',
    'help',
    'help image',
    'config check --help',
    'config help check',
    'image list --jsno',
    'node run print01 -- slots --help',
    'licenses --help',
    'status --help',
    '--version',
  ])('is not what these words ask for: %s', (words) => {
    refuseUnknownVerb(program(), words.split(' ').filter(Boolean));
  });

  it.each([
    ['help config check', 'config check --help'],
    ['help', '--help'],
  ])('is none of these, and `%s` shows what `statectl %s` shows', async (words, same) => {
    const [first, second] = [
      await printedBy(async () => expect(await cli(words.split(' '))).toBe(0)),
      await printedBy(() => cli(same.split(' '))),
    ];
    expect(first).toBe(second);
    expect(first).toContain('Usage: statectl');
  });
});
