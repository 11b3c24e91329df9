import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { journalText } from '../../src/boot/record/journal-text.ts';
import { failureText } from '../../src/boot/record/report.ts';
import { program } from '../../src/cli.ts';
import { asciiTable } from '../../src/commands/ascii-table.ts';
import { flatSettings, rescueOverview } from '../../src/commands/machine/rescue-text.ts';
import { errorText } from '../../src/commands/print.ts';
import { faultAt, formatFault } from '../../src/config/check/fault.ts';
import { StatectlError } from '../../src/error.ts';
import { fileError } from '../../src/host/file-error.ts';
import { formatListing } from '../../src/image/initramfs/initramfs-listing.ts';
import { redactedJson } from '../../src/machine/logs/redact.ts';
import { printable, printableJson, printableLine } from '../../src/printable.ts';
import { anyLetters } from '../fixtures/any-letters.ts';

/** Of each kind of what moves a cursor, ends a line, turns a text round or is not seen. */
const HOSTILE = [
  ...['\x1b[2J', '\x1b]0;title\x07', '\x9b31m', '\x9d', '\x85', '\r', '\n', '\v', '\f', '\b', '\x00', '\x7f', '\t'],
  ...['\u2028', '\u2029', '\u202e', '\u2066', '\u2069', '\u200e', '\u061c', '\u200b', '\u200d', '\u2060', '\ufeff'],
  ...['\u00ad', '\u180e', '\u3164', '\u{e0041}', '\ud800', '\udc00x', '\ufff9'],
];
/** Written in ranges and not by properties, so that it is no copy of what it looks at. */
const OBEYED =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/u;
const text = fc
  .array(fc.oneof(fc.constantFrom(...HOSTILE), anyLetters(), fc.constantFrom('print01', ' ', 'é', '漢', '😀')))
  .map((parts) => parts.join(''));
const isHarmless = (shown: string) => !OBEYED.test(shown);

it.each(HOSTILE)('shows %j as what it is, in its place', (one) => {
  const shown = printableLine(`a${one}b`);
  expect(shown).toMatch(/^a\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|u\{[0-9a-f]{5}\}).*b$/);
  expect(isHarmless(shown)).toBe(true);
});

it('leaves what people write as it is', () => {
  for (const one of ['print01', 'Büro 漢字 😀', 'a\\x1b', '→ …']) expect(printableLine(one)).toBe(one);
});

/** Each place that makes text of what others wrote: what it says, as the lines that are ours. */
const PLACES: Readonly<Record<string, (foreign: string) => { readonly shown: string; readonly ours?: RegExp }>> = {
  'a table': (foreign) => ({
    shown: asciiTable([
      ['NODE', 'STATE'],
      [foreign, 'x'],
    ]),
  }),
  'an error': (foreign) => ({
    shown: errorText(new StatectlError('x', `a ${foreign}`, { hint: `b ${foreign}` })),
    ours: /^(?:statectl: a |→ b | {2})/,
  }),
  'an error of a file': (foreign) => {
    const error = Object.assign(new Error('x'), { code: 'ENOENT', syscall: 'open', path: `/${foreign}` });
    return { shown: errorText(fileError(error) as StatectlError), ours: /^(?:statectl: \/|→ )/ };
  },
  'a fault of config.d': (foreign) => ({
    shown: formatFault(faultAt({ file: `nodes/${foreign}.conf`, line: 1, column: 1 }, foreign)),
    ours: /^nodes\//,
  }),
  'the journal': (foreign) => ({
    shown: journalText([
      { atMs: 1, event: 'said', level: 'warning', phase: 'network', text: foreign },
      { atMs: 2, event: 'step', phase: 'mount', step: foreign, command: '', tookMs: 1 },
      { atMs: 3, event: 'failed', phase: 'mount', code: 'x', text: foreign, hint: foreign },
    ]),
    ours: /^(?: {4}0\.00\d s {2}| {13})/,
  }),
  'the rescue prompt': (foreign) => ({
    shown: rescueOverview({ kind: 'failed', phase: 'mount', code: 'x', text: foreign, hint: foreign, atMs: 1 }, true),
    ours: /^(?:the boot failed|→ | {2})/,
  }),
  'settings in the rescue prompt': (foreign) => ({ shown: flatSettings({ a: { b: foreign } }), ours: /^a\.b: / }),
  'the report of a boot': (foreign) => ({
    shown: failureText({ phase: 'mount', error: new StatectlError('x', foreign, { hint: foreign }), facts: {} }),
    ours: /^(?:statectl: |→ | {2})/,
  }),
  'the list of an initramfs': (foreign) => {
    const member = {
      ...{ name: foreign, target: foreign, type: 'symlink', mode: 0o777, uid: 0, gid: 0, nlink: 1, mtimeSeconds: 0 },
      sizeBytes: 1,
    } as const;
    const segment = { compression: 'none', sizeBytes: 1, offset: 0, hasTrailer: true, members: [member] } as const;
    return { shown: formatListing({ segments: [segment] } as never).join('\n'), ours: /^(?:# segment 1|l)/ };
  },
};

describe.each(Object.entries(PLACES))('%s', (_, write) => {
  it('has nothing that a terminal obeys, and no line that another wrote', () => {
    const usual = write('usual').shown.split('\n').length;
    fc.assert(
      fc.property(text, (foreign) => {
        const { shown, ours } = write(foreign);
        expect(isHarmless(shown)).toBe(true);
        const lines = shown.split('\n').filter((line) => line !== '');
        if (ours) expect(lines.filter((line) => !ours.test(line))).toEqual([]);
        else expect(shown.split('\n')).toHaveLength(usual);
      }),
    );
  });
});

it.each([['config', 'show'], ['serve', '--listen'], ['completion'], ['image', 'use', 'lab'], ['--']])(
  'has nothing of wrong words after %j that a terminal obeys, and no line of them',
  async (...before) => {
    await fc.assert(
      fc.asyncProperty(text, async (foreign) => {
        const said: string[] = [];
        const statectl = program();
        const listen = (command: Command): void => {
          command.configureOutput({ writeErr: (one) => void said.push(one) });
          command.commands.forEach(listen);
        };
        listen(statectl);
        await expect(statectl.parseAsync([...before, `-${foreign}`, foreign], { from: 'user' })).rejects.toThrow();
        const shown = said.join('');
        expect(isHarmless(shown)).toBe(true);
        expect(
          shown
            .split('\n')
            .filter((line) => !/^(?:statectl: |→ `statectl [a-z -]*--help` shows what there is$| {2}|$)/.test(line)),
        ).toEqual([]);
      }),
      { numRuns: 30 },
    );
  },
);

it('writes JSON that reads the same, in lines of its own', () => {
  fc.assert(
    fc.property(fc.dictionary(text, fc.array(text)), (value) => {
      for (const shown of [printableJson(value), redactedJson(value), printableJson(value, 2)])
        expect(isHarmless(shown)).toBe(true);
      expect(JSON.parse(printableJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      expect(printableJson(value)).not.toContain('\n');
    }),
  );
});

it('indents the lines after the first, so that none passes for another', () => {
  expect(printable('one\nstatectl: two\n\nthree\n', '  ')).toBe('one\n  statectl: two\n\n  three\n');
});

/* The law: what is printed goes through one place, so no new verb can forget it. */
describe('no source', () => {
  const root = join(import.meta.dirname, '../../src');
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const holding = (pattern: RegExp) => sources.filter((name) => pattern.test(readFileSync(join(root, name), 'utf8')));

  it('writes to a terminal but print.ts, main.ts for errors, and the console', () => {
    expect(
      holding(/process\.std(?:out|err)\.write|writeSync\([12],|\bconsole\.(?:log|error|warn|info)\(/).toSorted(),
      // What check-apart starts answers it through a pipe.
    ).toEqual(['commands/print.ts', 'main.ts', 'server/state/snapshot/check-apart.ts']);
    expect(readFileSync(join(root, 'main.ts'), 'utf8').match(/process\.std\w+\.write\(.*/g)).toEqual([
      expect.stringMatching(/^process\.stderr\.write\(errorText\(/),
    ]);
  });

  it('lays out columns but ascii-table.ts and what has words of ours alone', () => {
    expect(holding(/\.padEnd\(/).toSorted()).toEqual([
      'commands/ascii-table.ts',
      'commands/build/build-keys.ts',
      'commands/initramfs/build.ts',
      'image/initramfs/initramfs-listing.ts',
    ]);
  });
});
