import { isMap, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { Config } from './config.ts';
import { CONFIG_FILES } from './files.ts';
import { nearest } from './suggest.ts';

interface Source {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

/** One fault of config.d, where it is and what was expected. */
export interface ConfigFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export const formatFault = (fault: ConfigFault): string => `${fault.file}:${fault.line}:${fault.column} ${fault.message}`;

/** Reads, merges and checks a config.d. Throws one `config-invalid` that lists every fault found. */
export async function loadConfig(host: Pick<Host, 'files'>, dir: string): Promise<Config> {
  const faults: ConfigFault[] = [];
  const config: Record<string, unknown> = {};
  for (const [part, { path, override, schema }] of Object.entries(CONFIG_FILES)) {
    const sources: Source[] = [];
    for (const file of [path, override]) {
      const source = await readSource(host, dir, file, faults);
      if (source) sources.push(source);
    }
    const merged = Object.assign({}, ...sources.map(({ document }) => document.toJS() ?? {}));
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

async function readSource(host: Pick<Host, 'files'>, dir: string, file: string, faults: ConfigFault[]): Promise<Source | undefined> {
  const path = `${dir}/${file}`;
  if ((await host.files.stat(path)) === undefined) return undefined;
  const lines = new LineCounter();
  const document = parseDocument(await host.files.readText(path), { lineCounter: lines, version: '1.2', uniqueKeys: true });
  for (const error of document.errors) {
    const { line, col } = lines.linePos(error.pos[0]);
    faults.push({ file, line, column: col, message: error.message.split('\n')[0] ?? 'not YAML' });
  }
  if (document.errors.length > 0) return undefined;
  if (document.contents !== null && !isMap(document.contents)) {
    faults.push({ file, line: 1, column: 1, message: 'expected a mapping of keys to values' });
    return undefined;
  }
  return { file, document, lines };
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
  `${issue.path.length > 0 ? `"${issue.path.join('.')}": ` : ''}${issue.message}`;

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
