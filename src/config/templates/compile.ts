import { type Template, TypeGuards, type Value } from 'liquidjs';
import { entryOf } from '../../entry-of.ts';
import { Engine, type Expression } from './engine.ts';
import { type FrontMatter, readFrontMatter } from './front-matter.ts';
import { TemplateError } from './template-error.ts';
import type { TemplateSet } from './template-set.ts';

/** A template that was read and parsed, ready for any node. */
export interface Compiled {
  readonly settings: FrontMatter;
  readonly body: readonly Template[];
  readonly path: readonly Template[] | undefined;
  readonly each: Expression | undefined;
  /** `before` is asked once, `item` for each item. */
  readonly when: { readonly condition: Expression | boolean; readonly asked: 'before' | 'item' };
}

interface Compiler {
  readonly engine: Engine;
  readonly compiled: Map<string, Compiled>;
}

/** What was parsed of a set: a server renders the same one for a thousand nodes. */
const compilers = new WeakMap<TemplateSet, Compiler>();

export function compilerOf(set: TemplateSet): Compiler {
  const known = compilers.get(set);
  if (known) return known;
  const compiler = { engine: new Engine(set.texts), compiled: new Map() };
  compilers.set(set, compiler);
  return compiler;
}

/** Throws TemplateError. The set must have the template, and it must be no partial. */
export function compile(set: TemplateSet, name: string): Compiled {
  const { engine, compiled } = compilerOf(set);
  const known = compiled.get(name);
  if (known) return known;
  const settings = readFrontMatter(name, entryOf(set.texts, name)!)!;
  const { kind, path, each, when } = settings;
  if (kind === 'file' && !path)
    throw new TemplateError([settings.faultAt('kind', 'needs a path, as every template of kind file')]);
  if (each && !path) throw new TemplateError([settings.faultAt('each', '"each": several files need a path')]);
  const condition = typeof when === 'object' ? engine.parseExpression(when) : (when ?? true);
  const made: Compiled = {
    settings,
    body: engine.body(name),
    path: path && engine.parsePart(path),
    each: each && engine.parseExpression(each),
    when: { condition, asked: typeof condition === 'object' && asksItem(condition.value) ? 'item' : 'before' },
  };
  compiled.set(name, made);
  return made;
}

/** Whether an expression names `item`, `key` or `index`. */
const asksItem = ({ initial, filters }: Value): boolean =>
  [...initial.postfix, ...filters.flatMap(({ args }) => args.flat())].some(
    (token) =>
      TypeGuards.isPropertyAccessToken(token) &&
      token.variable === undefined &&
      ['item', 'key', 'index'].includes(token.props[0]?.getText() ?? ''),
  );
