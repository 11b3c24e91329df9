import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { faultOfKind } from '../../../../src/config/templates/kinds.ts';
import { anyLetters } from '../../../fixtures/any-letters.ts';
import { sized } from '../../../fixtures/effort.ts';
import { body } from './sample.ts';
import { readEnvironmentFile } from './systemd-environment-file.ts';

const NASTY = [
  "'",
  '"',
  '\\',
  '$',
  '`',
  '\n',
  ' ',
  '\t',
  '$(id)',
  '$' + '{x}',
  ';',
  '#',
  '!',
  '*',
  '~',
  '=',
  '|',
  'é',
  '😀',
  '- ',
  ': ',
];
const nasty = fc.oneof(
  fc.array(fc.constantFrom(...NASTY, 'a', '0'), { maxLength: 12 }).map((parts) => parts.join('')),
  anyLetters(),
  fc.constantFrom(
    'yes',
    'no',
    'on',
    'null',
    '~',
    '0o17',
    '017',
    '1e3',
    '1:30',
    '.5',
    '-',
    '---',
    '<<',
    '=',
    '',
    ' ',
    'true',
    '\u2028',
  ),
);
const inShell = nasty.map((text) => text.replaceAll('\0', ''));
/** What systemd takes in an environment file. */
const inEnvironment = nasty.map((text) => text.replaceAll(/[^\P{Cc}\t\n]|\p{Noncharacter_Code_Point}/gu, ''));
const values = (text: fc.Arbitrary<string>) => fc.array(text, { minLength: 1, maxLength: 40 });

/** What a shell gets as its words, one line of `printf '%s\0'`. */
const words = (shell: string, script: string): readonly string[] =>
  execFileSync(shell, shell === 'busybox' ? ['sh', '-c', script] : ['-c', script], {
    // Not a socket: bash would take itself for a remote shell and read ~/.bashrc.
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  })
    .split('\0')
    .slice(0, -1);

const template = (text: string, v: unknown) => body(text, { metadata: { v: v as never } }, { memory: 1e9 });

describe('what a filter quotes is read back as it was', () => {
  it.each(['dash', 'bash', 'busybox'])('by %s: shell', (shell) => {
    fc.assert(
      fc.property(values(inShell), (list) => {
        expect(words(shell, `printf '%s\\0' ${template('{{ metadata.v | shell }}', list)}`)).toEqual(list);
      }),
      { numRuns: sized(8, 200) },
    );
  });

  it.each(['dash', 'bash', 'busybox'])('by %s: env', (shell) => {
    fc.assert(
      fc.property(values(inEnvironment), (list) => {
        const file = template('{{ metadata.v | env: "K" }}', Object.fromEntries(list.entries()));
        const names = list.map((_, index) => `"$K${index}"`);
        expect(words(shell, `${file}\nprintf '%s\\0' ${names.join(' ')}`)).toEqual(list);
      }),
      { numRuns: sized(8, 200) },
    );
  });

  it('by systemd: env', () => {
    fc.assert(
      fc.property(values(inEnvironment), (list) => {
        const file = template('{{ metadata.v | env: "K" }}', Object.fromEntries(list.entries()));
        expect(readEnvironmentFile(file)).toEqual(new Map(list.map((text, index) => [`K${index}`, text])));
        expect(faultOfKind('env', file)).toBeUndefined();
      }),
      { numRuns: sized(100, 5_000) },
    );
  });

  it('by YAML 1.1 and 1.2: yaml', () => {
    const plain = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        nasty,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.oneof(nasty, fc.string()), tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).value;
    fc.assert(
      fc.property(plain, (value) => {
        const text = template('{{ metadata.v | yaml }}', value);
        expect(parse(text, { version: '1.2' })).toEqual(value);
        expect(parse(text, { version: '1.1', merge: false })).toEqual(value);
        const nested = template('a:\n  - b:\n      {{ metadata.v | yaml | indent: 6 }}', value);
        expect(parse(nested)).toEqual({ a: [{ b: value }] });
      }),
      { numRuns: sized(100, 5_000) },
    );
  });

  it('by JSON, Base64 and what follows {{ in a line: json, b64, yaml', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        expect(JSON.parse(template('{{ metadata.v | json }}', text))).toBe(text);
        expect(Buffer.from(template('{{ metadata.v | b64 }}', text), 'base64').toString()).toBe(text);
        expect(parse(`[a, {{}}, b]`.replace('{{}}', () => template('{{ metadata.v | yaml }}', text)))).toEqual([
          'a',
          text,
          'b',
        ]);
      }),
      { numRuns: sized(100, 5_000) },
    );
  });
});
