import { type Liquid, LiquidError, type Token } from 'liquidjs';
import { reasonOf } from '../../error.ts';
import { nearest } from '../check/suggest.ts';
import type { Scope } from './context.ts';
import { BrokenExpression } from './expression.ts';
import { MEMORY_LIMIT } from './limits.ts';
import { positionAt, TemplateError, templateFile } from './template-error.ts';

/** Where something runs: errors that do not know their own place are put here. */
interface Place {
  readonly name: string;
  readonly input: string;
  readonly begin: number;
  /** The variables there are, for suggestions. */
  readonly scope?: () => Scope;
}

/** What there is, for a suggestion. */
type Known = Pick<Liquid, 'tags' | 'filters'>;

/** Runs the task; whatever it throws becomes a TemplateError with one fault, at its line and column. */
export function placed<T>(engine: Known, place: Place, task: () => T): T {
  try {
    return task();
  } catch (error) {
    if (error instanceof TemplateError) throw error;
    const token = tokenOf(error);
    // A token of another text, such as the expression of where_exp, says nothing of the place in the file.
    const { name, input, begin } =
      token && (token.file || token.input === place.input) ? { ...token, name: token.file ?? place.name } : place;
    const at = positionAt(input, begin + columnsToFilter(error, token));
    const fault = { file: templateFile(name), ...at, message: sentence(error, engine, place.scope?.()) };
    throw new TemplateError([fault], error);
  }
}

const tokenOf = (error: unknown): Token | undefined =>
  LiquidError.is(error) || error instanceof BrokenExpression ? error.token : undefined;

/** liquidjs' own words, without the place that it appends. */
const wordsOf = (error: unknown): string => {
  const original = LiquidError.is(error) ? error.originalError : undefined;
  return reasonOf(original ?? error).replace(/(?:, file:(?:(?!, file:)[^\n])*)?, line:\d+, col:\d+$/, '');
};

/** Each of liquidjs' messages that an admin meets, said so that it helps. */
function sentence(error: unknown, engine: Known, scope: Scope | undefined): string {
  const words = wordsOf(error);
  const [, filter] = /^undefined filter: (.*)$/s.exec(words) ?? [];
  if (filter !== undefined) return `unknown filter ${filter}${suggest(filter, Object.keys(engine.filters))}`;
  const [, tag] = /^tag "(.*)" not found$/s.exec(words) ?? [];
  if (tag !== undefined) return unknownTag(tag, engine);
  const [, variable] = /^undefined variable: (.*)$/s.exec(words) ?? [];
  if (variable !== undefined) return unknownVariable(variable, scope);
  if (words === 'Maximum call stack size exceeded') return 'nested too deep';
  if (words === MEMORY_LIMIT) return 'makes too much on the way: a loop or a text without end?';
  return words;
}

const unknownTag = (tag: string, { tags }: Known): string =>
  /^(end.*|else|elsif|when)$/.test(tag)
    ? `{% ${tag} %} without its beginning`
    : `unknown tag ${tag}${suggest(tag, Object.keys(tags))}`;

function unknownVariable(variable: string, scope: Scope | undefined): string {
  if (variable === 'now') return 'there is no clock here: `now` is known only where a time was given';
  const path = variable.split('.');
  const last = path.pop()!;
  const parent = path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? value[key as never] : undefined,
    scope,
  );
  const known = typeof parent === 'object' && parent !== null ? Object.keys(parent) : [];
  return `unknown variable ${variable}${suggest(last, known)}`;
}

function suggest(word: string, known: readonly string[]): string {
  const suggestion = nearest(word, known);
  return suggestion === undefined ? '' : `: did you mean "${suggestion}"?`;
}

/** An unknown filter is found by liquidjs when the whole output is; we look where in it. */
function columnsToFilter(error: unknown, token: Token | undefined): number {
  const [, filter] = /^undefined filter: (.*)$/s.exec(wordsOf(error)) ?? [];
  if (filter === undefined || !token) return 0;
  const text = token.getText();
  for (const { 0: bar, index } of text.matchAll(/\|\s*/g))
    if (text.startsWith(filter, index + bar.length)) return index + bar.length;
  return 0;
}
