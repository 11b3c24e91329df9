import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { formatFault } from '../../../../src/config/check/fault.ts';
import { readConfigDir } from '../../../../src/config/config-dir.ts';
import { effectiveOf } from '../../../../src/config/effective.ts';
import { GroupFile, NodeFile } from '../../../../src/config/schema/node.ts';
import { CONFIG_FILES } from '../../../../src/config/settings/files.ts';
import { IN_WORDS, parseInWords } from '../../../../src/config/settings/schema-words.ts';
import { settingSchema } from '../../../../src/config/settings/setting-schema.ts';
import { configHost } from '../../../fixtures/config.ts';
import { sized } from '../../../fixtures/effort.ts';

/** How the library speaks. */
const RAW =
  /Invalid |Too (?:small|big)|Unrecognized|expected (?:string|array|object|record|int|boolean|nonoptional)\b|received|Must be|multiple of NaN/;
const WRONG = [
  '',
  '-1',
  '1.5',
  '99999999999',
  'true',
  '[]',
  '{}',
  '[[]]',
  '{ a: { b: 1 } }',
  '[{ }]',
  'xyz',
  `"${'x'.repeat(300)}"`,
  '""',
  '[""]',
  '{ "": 1 }',
  '{ x: }',
  '[1, 1]',
];

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: Shape | boolean;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
}

/** A mapping in YAML for every place of a schema, with a wrong value in it. */
function places(shape: Shape, depth = 0): readonly ((value: string) => string)[] {
  const own = (value: string) => value;
  if (depth > 6) return [own];
  const below = [
    ...Object.entries(shape.properties ?? {}).flatMap(([key, inner]) =>
      places(inner, depth + 1).map((write) => (value: string) => `{ ${JSON.stringify(key)}: ${write(value)} }`),
    ),
    ...(typeof shape.additionalProperties === 'object'
      ? places(shape.additionalProperties, depth + 1).flatMap((write) =>
          ['x', '/x', ''].map((key) => (value: string) => `{ ${JSON.stringify(key)}: ${write(value)} }`),
        )
      : []),
    ...(shape.items ? places(shape.items, depth + 1).map((write) => (value: string) => `[${write(value)}]`) : []),
    ...[...(shape.anyOf ?? []), ...(shape.oneOf ?? [])].flatMap((inner) => places(inner, depth + 1)),
  ];
  return [own, ...below];
}

describe('a fault is told in words of ours', () => {
  it.each([
    ...Object.values(CONFIG_FILES).map(({ path, schema }) => [path, schema] as const),
    ['nodes/n.conf', NodeFile] as const,
    ['nodes/g.conf', GroupFile] as const,
  ])('whatever stands wherever in %s', async (path, schema) => {
    const prefix = path === 'nodes/g.conf' ? 'group: g\n' : '';
    let count = 0;
    // In every place some wrong values, and every wrong value in some places; in the long run each in each.
    const step = sized(8, 1);
    for (const [place, write] of places(settingSchema(schema as z.ZodType) as Shape).entries())
      for (const value of WRONG.filter((_, at) => (at + place) % step === 0)) {
        const text = prefix === '' ? write(value) : write(value).replace(/^\{/, '{ group: g, ');
        const dir = await readConfigDir(configHost({ [path]: text }), '/config.d');
        const faults = [...dir.faults, ...effectiveOf(dir, dir.nodes.nodes.get('n')).faults].map(formatFault);
        count += faults.length;
        for (const fault of faults) if (RAW.test(fault)) expect.fail(`${text}: ${fault}`);
      }
    expect(count).toBeGreaterThan(0);
  });

  it.each([
    [z.string(), 7, 'expected a text, found 7'],
    [z.string().min(1), '', 'expected a text that is not empty'],
    [z.string().min(3), 'a', 'expected a text of at least 3 letters'],
    [z.array(z.string()).max(1), ['a', 'b'], 'expected a list of at most 1 item'],
    [z.number().max(3), 4, 'expected 3 or less, found 4'],
    [z.int(), 1.5, 'expected a whole number, found 1.5'],
    [z.int().multipleOf(4), 3, 'expected a multiple of 4, found 3'],
    [z.boolean(), null, 'expected true or false, found nothing'],
    [z.enum(['a', 'b']), 'c', 'expected one of a, b, found "c"'],
    [z.literal('a'), 'c', 'expected a, found "c"'],
    [z.strictObject({}), { a: 1 }, 'unknown key "a"'],
    [z.union([z.string(), z.number()]), true, 'it cannot be true'],
    [z.record(z.string().regex(/^a$/), z.string()), { b: 'c' }, 'it has a key that cannot be one here'],
    [z.url(), 'x', 'it cannot be "x"'],
    [z.string().refine(() => false), 'x', 'it cannot be "x"'],
  ] as const)('of every kind that the library knows: %#', (schema, value, words) => {
    const parsed = (schema as z.ZodType).safeParse(value, IN_WORDS);
    expect(parsed.error?.issues[0]?.message).toBe(words);
  });

  it('with every place, where it is of one sentence', () => {
    const schema = z.object({ a: z.string(), b: z.array(z.int()) });
    expect(parseInWords(schema, { a: 'x', b: [1] })).toEqual({ a: 'x', b: [1] });
    expect(() => parseInWords(schema, { b: [1, 'x'] })).toThrow(
      'a: expected a text, found nothing; b.1: expected a number, found "x"',
    );
    expect(() => parseInWords(schema, 7)).toThrow(/^expected a mapping of keys to values, found 7$/);
  });
});
