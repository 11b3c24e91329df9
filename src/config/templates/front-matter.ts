import { isMap, isScalar, type Node } from 'yaml';
import { z } from 'zod';
import { reasonOf } from '../../error.ts';
import { nearest } from '../check/suggest.ts';
import { Mode } from '../settings/scalars.ts';
import { IN_WORDS } from '../settings/schema-words.ts';
import { parseYaml, repeatedKey } from '../tree/yaml-document.ts';
import type { Part } from './engine.ts';
import { frontMatterRange } from './front-matter-text.ts';
import { positionAt, TemplateError, type TemplateFault, templateFile } from './template-error.ts';

const KINDS = ['file', 'env', 'ipxe', 'cloud-config', 'text'] as const;
export type TemplateKind = (typeof KINDS)[number];

const OWNER = /^((?:[a-z_][a-z0-9_-]*|\d{1,10})):((?:[a-z_][a-z0-9_-]*|\d{1,10}))$/;
const Text = (expected: string) => z.string({ error: `expected ${expected}` }).min(1, `expected ${expected}`);

/** What may stand between the `---` lines. */
export const FrontMatterSchema = z.strictObject({
  kind: z
    .enum(KINDS, { error: `expected one of ${KINDS.join(', ')}` })
    .default('file')
    .meta({
      description:
        '`file` (default) of the machine; or `env`, `ipxe`, `cloud-config`, `text`: the server gives it by name',
    }),
  path: Text('an absolute path such as /etc/motd')
    .optional()
    .meta({ description: 'where the file goes; itself a template. Only `kind: file` must have one' }),
  each: Text('an expression such as metadata.printers')
    .optional()
    .meta({ description: 'a list or map: one file for each, which sees `item`, `key` and `index` (from 0)' }),
  when: z
    .union([z.boolean(), Text('a condition')], { error: 'expected a condition such as metadata.room == "lab"' })
    .optional()
    .meta({ description: 'a condition; where it does not hold there is no file' }),
  mode: Mode.prefault('0644').meta({ description: 'permissions, in quotes; default "0644"' }),
  owner: z
    .string({ error: 'expected user:group, such as root:root' })
    .regex(OWNER, 'expected user:group, such as root:root or 1000:1000')
    .default('root:root')
    .meta({ description: 'user:group, names or numbers; default root:root' }),
  public: z
    .boolean({ error: 'expected true or false' })
    .default(false)
    .meta({ description: '`true`: may be given to anyone who asks, not to its machine only' }),
});

export interface FrontMatter {
  readonly kind: TemplateKind;
  readonly path?: Part;
  readonly each?: Part;
  readonly when?: Part | boolean;
  readonly mode: number;
  readonly owner: string;
  readonly group: string;
  readonly public: boolean;
  /** A fault at a key, or at the first line where it is not written. */
  faultAt(key: keyof z.infer<typeof FrontMatterSchema>, message: string): TemplateFault;
}

/** A template's settings; undefined for a partial, which has none. Throws TemplateError with every fault. */
export function readFrontMatter(name: string, text: string): FrontMatter | undefined {
  const file = templateFile(name);
  const fail = (message: string, at: number): TemplateFault => ({ file, ...positionAt(text, at), message });
  const range = frontMatterRange(text);
  if (range === undefined) return undefined;
  if (range === 'open') throw new TemplateError([fail('the settings that begin here have no closing ---', 0)]);
  const [begin, end] = range;

  const document = attempt(
    () => parseYaml(text.slice(begin, end), { logLevel: 'error' }),
    (reason) => new TemplateError([fail(reason, begin)]),
  );
  if (document.errors.length > 0)
    throw new TemplateError(
      document.errors.slice(0, MOST_FAULTS).map((error) => fail(yamlMessage(error.message), begin + error.pos[0])),
    );
  const twice = repeatedKey(document);
  if (twice) throw new TemplateError([fail(yamlMessage('Map keys must be unique'), begin + twice.offset)]);
  const { contents } = document;
  const isEmpty = contents === null || (isScalar(contents) && contents.value === null);
  if (!isEmpty && !isMap(contents)) throw new TemplateError([fail('expected a mapping of keys to values', begin)]);

  const pairs = isMap(contents) ? contents.items : [];
  const nodeOf = (key: PropertyKey | undefined, side: 'key' | 'value'): Node | undefined =>
    (pairs.find((pair) => isScalar(pair.key) && pair.key.value === key)?.[side] as Node | null) ?? undefined;
  const offsetOf = (key: PropertyKey | undefined): number => begin + (nodeOf(key, 'key')?.range?.[0] ?? -begin);
  const hintFor = (key: PropertyKey | undefined): string => (isMap(nodeOf(key, 'value')) ? `: ${QUOTE_IT}` : '');

  const parsed = FrontMatterSchema.safeParse(
    attempt(
      () => document.toJS() ?? {},
      (reason) => new TemplateError([fail(reason, begin)]),
    ),
    IN_WORDS,
  );
  if (!parsed.success)
    throw new TemplateError(
      parsed.error.issues.flatMap((issue) =>
        issue.code === 'unrecognized_keys'
          ? issue.keys.slice(0, MOST_FAULTS).map((key) => fail(unknownKey(key), offsetOf(key)))
          : [fail(`"${issue.path.join('.')}": ${issue.message}${hintFor(issue.path[0])}`, offsetOf(issue.path[0]))],
      ),
    );

  const { kind, path, each, when, mode, owner, public: isPublic } = parsed.data;
  const partOf = (key: string, value: string): Part => {
    const [from, to] = nodeOf(key, 'value')?.range ?? [0, 0];
    return located(name, text, begin + from, begin + to, value);
  };
  const [, user = '', group = ''] = OWNER.exec(owner) ?? [];
  return {
    kind,
    ...(path !== undefined && { path: partOf('path', path) }),
    ...(each !== undefined && { each: partOf('each', each) }),
    ...(when !== undefined && { when: typeof when === 'string' ? partOf('when', when) : when }),
    mode,
    owner: user,
    group,
    public: isPublic,
    faultAt: (key, message) => fail(message, offsetOf(key)),
  };
}

/** A value where it stands in the file; when YAML's quoting changed it, as if it stood there. */
function located(name: string, text: string, from: number, to: number, value: string): Part {
  const verbatim = text.slice(from, to).indexOf(value);
  if (verbatim >= 0) return { name, input: text, range: [from + verbatim, from + verbatim + value.length] };
  return { name, input: text.slice(0, from) + value, range: [from, from + value.length] };
}

function attempt<T>(task: () => T, fail: (reason: string) => TemplateError): T {
  try {
    return task();
  } catch (error) {
    throw fail(reasonOf(error));
  }
}

function unknownKey(key: string): string {
  const known = Object.keys(FrontMatterSchema.shape);
  const suggestion = nearest(key, known);
  return `unknown key "${key}"${suggestion ? `: did you mean "${suggestion}"?` : `; known are ${known.join(', ')}`}`;
}

/** The first few tell; finding the place of each costs the length of the text. */
const MOST_FAULTS = 5;
/** Liquid's `{{` begins a mapping in YAML, and `: ` makes one. */
const QUOTE_IT = "put the value between ' and '";

const yamlMessage = (message: string): string => {
  const line = (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
  return /mapping|flow|scalar/i.test(line) ? `${line}: ${QUOTE_IT}` : line;
};
