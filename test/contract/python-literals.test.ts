import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readVariables } from '../../src/protocol/variables/variables-file.ts';
import { sized } from '../fixtures/effort.ts';

/** What Klipper's save_variables does with a file: each value, or that the printer stops. */
const KLIPPER = `
import ast, configparser, json, sys
def read(text):
    try:
        file = configparser.ConfigParser()
        file.read_string(text.replace('\\r\\n', '\\n').replace('\\r', '\\n'))
        if not file.has_section('Variables'): return {}
        for name, value in file.items('Variables'): ast.literal_eval(value)
        return {name: value for name, value in file.items('Variables', raw=True)}
    except Exception:
        return None
json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout)
`;
/** What SAVE_VARIABLE makes of a value. */
const REPR = `
import ast, json, sys
def shown(text):
    try: return repr(ast.literal_eval(text))
    except Exception: return None
json.dump([shown(text) for text in json.load(sys.stdin)], sys.stdout)
`;
const hasPython = spawnSync('python3', ['--version']).status === 0;

function python<T>(program: string, texts: readonly string[]): readonly (T | null)[] {
  const { stdout, stderr, status } = spawnSync('python3', ['-W', 'ignore', '-c', program], {
    input: JSON.stringify(texts),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, PYTHONIOENCODING: 'utf-8' },
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as readonly (T | null)[];
}

const ours = (text: string) => {
  try {
    return readVariables(Buffer.from(text), 'variables.cfg');
  } catch {
    return undefined;
  }
};

const PIECES =
  "1|0|007|1_0|_|.5|1.|1e5|E|0x1F|0b1|0o7|j|-|+|'|\"|'''|b'|r'|u'|rb\"|f'|\\|\\x41|\\x4|\\u0041|\\U0010ffff|\\N{BULLET}|\\777|é|a|[|]|{|}|(|)|,|, |:|: |None|True|False|inf|nan|set()|set|...|Ellipsis|print|#|%|%%|%(x)s| |\t|\f|\u00a0|*|and|if|lambda|=|=="
    .split('|')
    .concat('|', '\n', '\n ', '\n# x\n', '\\\n');
const LINES = [
  '[Variables]\n',
  '\n',
  'x = ',
  'y=',
  'Z : ',
  ' ',
  '[',
  ']',
  '#c\n',
  '; c\n',
  '\r',
  '\t',
  '[DEFAULT]\n',
  '=',
  '\ufeff',
  '1',
  "'a'",
];

const textOf = (pieces: readonly string[], maxLength: number) =>
  fc.array(fc.constantFrom(...pieces), { maxLength }).map((all) => all.join(''));

/** Literals as people and macros write them. */
const LITERAL = fc.letrec<{ one: string }>((tie) => ({
  one: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.integer().map(String),
    fc.double().map((number) => String(number).replace('Infinity', '1e999').replace('NaN', '0.5')),
    fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text.replaceAll('%', ''))),
    fc.constantFrom(
      'None',
      'True',
      'False',
      "b'a\\xff'",
      '1+2j',
      '-0.0-1j',
      'set()',
      "r'\\d'",
      '0x1F',
      "'a' 'b'",
      "'%%'",
    ),
    fc.array(tie('one'), { maxLength: 4 }).map((all) => `[${all.join(', ')}]`),
    fc.array(tie('one'), { maxLength: 4 }).map((all) => `(${all.map((part) => `${part},`).join(' ')})`),
    fc
      .array(fc.tuple(tie('one'), tie('one')), { maxLength: 4 })
      .map((all) => `{${all.map(([key, value]) => `${key}: ${value}`).join(', ')}}`),
    fc.array(tie('one'), { minLength: 1, maxLength: 4 }).map((all) => `{${all.join(', ')}}`),
  ),
})).one;

function compare(texts: readonly string[]): number {
  let good = 0;
  for (const [at, theirs] of python<Record<string, string>>(KLIPPER, texts).entries()) {
    const text = texts[at] ?? '';
    const read = ours(text);
    // What repr() prints and nobody reads is kept, and told.
    const isRead = read !== undefined && read.unreadable.length === 0;
    expect([text, isRead], text).toEqual([text, theirs !== null]);
    if (!isRead || !theirs) continue;
    good += 1;
    expect(Object.fromEntries(read.literals)).toEqual(theirs);
  }
  return good;
}

it.skipIf(!hasPython)(
  'reads of a file what Python reads of it, and refuses what Python refuses',
  { timeout: 120_000 },
  () => {
    const seed = 11;
    const numRuns = sized(3_000, 60_000);
    const values = fc.sample(textOf(PIECES, 8), { seed, numRuns }).map((value) => `[Variables]\nx = ${value}\n`);
    const files = fc.sample(textOf(LINES, 12), { seed, numRuns });
    const literals = fc.sample(LITERAL, { seed, numRuns });
    // A number of lines that mean the same to Klipper as one.
    const broken = literals.map((literal) => literal.replaceAll(', ', ',\n  '));
    const written = [...literals, ...broken].map((literal) => `[Variables]\nx = ${literal}\n`);
    expect(compare(values)).toBeGreaterThan(numRuns / 50);
    expect(compare(files)).toBeGreaterThan(0);
    expect(compare(written)).toBeGreaterThan(numRuns / 4);
  },
);

it.skipIf(!hasPython)('takes whatever SAVE_VARIABLE writes, also what Klipper itself cannot read again', () => {
  const literals = fc.sample(LITERAL, { seed: 12, numRuns: sized(2_000, 50_000) });
  const odd = [
    '1e999',
    '-1e999',
    '(1e999, 1)',
    '{1e999: 2}',
    '...',
    '1e999j',
    '-1e999j',
    '1+1e999j',
    '[1e999-1e999j]',
    '{1e999}',
  ];
  let unreadable = 0;
  for (const repr of python<string>(REPR, [...literals, ...odd])) {
    if (repr === null || repr.includes('%')) continue;
    const read = ours(`[Variables]\nx = ${repr}\n`);
    expect(read?.literals.get('x'), repr).toBe(repr);
    unreadable += read?.unreadable.length ?? 0;
  }
  expect(unreadable).toBeGreaterThanOrEqual(odd.length);
});
