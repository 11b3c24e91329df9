import { dirname } from 'node:path';
import { type Document, isMap, isScalar, LineCounter, parseDocument, type YAMLParseError } from 'yaml';
import type { z } from 'zod';
import { reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { Config } from './config.ts';
import { CONFIG_FILES } from './files.ts';
import { nearest } from './suggest.ts';

interface Source {
  readonly file: string;
  readonly document: Document;
  readonly values: object;
  readonly lines: LineCounter;
}

/** One fault of config.d, where it is and what was expected. */
export interface ConfigFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const formatFault = (fault: ConfigFault): string => `${fault.file}:${fault.line}:${fault.column} ${fault.message}`;

/** Reads, merges and checks a config.d. Throws one `config-invalid` that lists every fault found. */
export async function loadConfig(host: Pick<Host, 'files'>, dir: string): Promise<Config> {
  const faults: ConfigFault[] = [...(await unknownFiles(host, dir))];
  const config: Record<string, unknown> = {};
  for (const [part, { path, override, schema }] of Object.entries(CONFIG_FILES)) {
    const sources: Source[] = [];
    for (const file of [path, override]) {
      const source = await readSource(host, dir, file, faults);
      if (source) sources.push(source);
    }
    const merged = Object.assign({}, ...sources.map(({ values }) => values));
    const result = (schema as z.ZodType).safeParse(merged);
    if (result.success) config[part] = result.data;
    else for (const issue of result.error.issues) faults.push(...locate(issue, sources, path));
  }
  if (faults.length > 0)
    throw new StatectlError('config-invalid', faults.map(formatFault).join('\n'), {
      hint: 'correct the lines above and build or boot again; nothing was changed',
    });
  return config as unknown as Config;
}

async function readSource(
  host: Pick<Host, 'files'>,
  dir: string,
  file: string,
  faults: ConfigFault[],
): Promise<Source | undefined> {
  const path = `${dir}/${file}`;
  if ((await host.files.stat(path)) === undefined) return undefined;
  const lines = new LineCounter();
  const document = parseDocument(await host.files.readText(path), {
    lineCounter: lines,
    version: '1.2',
    uniqueKeys: true,
  });
  for (const error of document.errors) {
    const { line, col } = lines.linePos(error.pos[0]);
    faults.push({ file, line, column: col, message: yamlMessage(error) });
  }
  if (document.errors.length > 0) return undefined;
  const isEmpty = document.contents === null || (isScalar(document.contents) && document.contents.value === null);
  if (!isEmpty && !isMap(document.contents)) {
    faults.push({ file, line: 1, column: 1, message: 'expected a mapping of keys to values' });
    return undefined;
  }
  try {
    return { file, document, values: document.toJS() ?? {}, lines };
  } catch (error) {
    // An alias of nothing, or one that grows without end.
    faults.push({ file, line: 1, column: 1, message: reasonOf(error) });
    return undefined;
  }
}

const yamlMessage = ({ code, message }: YAMLParseError): string =>
  code === 'MULTIPLE_DOCS'
    ? 'a second document begins here: one file holds one'
    : (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');

/** A file whose name is misspelt must not be ignored in silence. */
async function unknownFiles({ files }: Pick<Host, 'files'>, dir: string): Promise<readonly ConfigFault[]> {
  const known = Object.values(CONFIG_FILES).flatMap(({ path, override }) => [path, override]);
  const faults: ConfigFault[] = [];
  for (const folder of new Set(known.map((path) => dirname(path))))
    for (const name of await files.list(`${dir}/${folder}`).catch(() => [])) {
      const file = `${folder}/${name}`;
      const suggestion = nearest(file, known);
      if (name.endsWith('.conf') && !(known as readonly string[]).includes(file))
        faults.push({
          file,
          line: 1,
          column: 1,
          message: `unknown file${suggestion ? `: did you mean ${suggestion}?` : `; there are ${known.join(', ')}`}`,
        });
    }
  return faults;
}

/** Where in the files a schema's complaint belongs: the override when it has the key, else the file itself. */
function locate(issue: z.core.$ZodIssue, sources: readonly Source[], fallback: string): ConfigFault[] {
  const keys = issue.code === 'unrecognized_keys' ? issue.keys : [undefined];
  return keys.map((key) => {
    const path = key === undefined ? issue.path : [...issue.path, key];
    const source = sources.findLast(({ document }) => path.length > 0 && document.hasIn(path)) ?? sources.at(-1);
    const message = key === undefined ? issueMessage(issue) : unknownKey(key, issue.path, fallback);
    if (!source) return { file: fallback, line: 1, column: 1, message };
    const { line, col } = source.lines.linePos(offsetOf(source.document, path));
    return { file: source.file, line, column: col, message };
  });
}

const issueMessage = (issue: z.core.$ZodIssue): string =>
  `${issue.path.length > 0 ? `"${issue.path.join('.')}": ` : ''}${issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message}`;

function unknownKey(key: string, path: readonly PropertyKey[], file: string): string {
  const entry = Object.values(CONFIG_FILES).find((candidate) => candidate.path === file);
  const known = entry && path.length === 0 ? knownKeys(entry.schema) : ENTRY_KEYS;
  const suggestion = nearest(key, known);
  return `unknown key "${key}"${suggestion ? `: did you mean "${suggestion}"?` : ''}`;
}

const ENTRY_KEYS = ['source', 'type', 'options', 'missing', 'size', 'mode', 'kind', 'skeleton', 'upper', 'target'];

function knownKeys(schema: unknown): readonly string[] {
  const { def } = schema as { def: { in?: { def: { shape?: object } }; shape?: object } };
  return Object.keys(def.shape ?? def.in?.def.shape ?? {});
}

/** The offset of the deepest node on a path that is there: of the key where the path ends at a pair. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let offset = 0;
  for (let depth = 1; depth <= path.length; depth += 1) {
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    if (!isMap(parent)) break;
    const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(path[depth - 1]));
    const start = (pair?.key as { range?: readonly number[] } | undefined)?.range?.[0];
    if (start === undefined) break;
    offset = start;
  }
  return offset;
}
