import { dirname, join } from 'node:path/posix';
import { Context, type Emitter, Liquid, Parser, type Template, Tokenizer, toValueSync, Value } from 'liquidjs';
import { entryOf } from '../../entry-of.ts';
import { nearest } from '../check/suggest.ts';
import type { Scope } from './context.ts';
import { checkExpressions, isWhole } from './expression.ts';
import { FILTERS } from './filters.ts';
import { bodyStart } from './front-matter-text.ts';
import { Budget, type Limits } from './limits.ts';
import { placed } from './liquid-fault.ts';

/** Tags that make HTML, and those that make a base template out of the one that uses it. */
const REMOVED_TAGS = ['tablerow', 'layout', 'block'];
/** Chance, HTML, the machine's clock and language, and a second way to say what another filter says. */
const REMOVED_FILTERS = [
  ...['sample', 'raw', 'inspect', 'jsonify', 'newline_to_br', 'strip_html'],
  ...['date_to_xmlschema', 'date_to_rfc822', 'date_to_string', 'date_to_long_string'],
];

/** A range of a template's text. Tokens made of it know their place in the file. */
export interface Part {
  readonly name: string;
  readonly input: string;
  readonly range: readonly [begin: number, end: number];
}

/** An expression of the settings. */
export interface Expression {
  readonly value: Value;
  readonly part: Part;
}

type Render = Liquid['renderer'];

/**
 * Liquid over one set of templates: strict, and with no way to a file, the environment, the clock or chance.
 * https://liquidjs.com; the language is https://shopify.github.io/liquid/.
 */
export class Engine extends Liquid {
  readonly #texts: Readonly<Record<string, string>>;
  readonly #parsed = new Map<string, readonly Template[]>();
  override readonly renderer = new BoundedRender();

  constructor(texts: Readonly<Record<string, string>>) {
    // Without `templates`, liquidjs would read partials from the working directory. We resolve them ourselves, below.
    super({ strictVariables: true, strictFilters: true, ownPropertyOnly: true, templates: Object.create(null) });
    this.#texts = texts;
    // They are looked up by what a template says: `{{ x | constructor }}`.
    for (const named of [this.tags, this.filters]) Object.setPrototypeOf(named, null);
    for (const name of REMOVED_TAGS) delete this.tags[name];
    for (const name of REMOVED_FILTERS) delete this.filters[name];
    for (const [name, { handler }] of Object.entries(FILTERS)) if (handler) this.registerFilter(name, handler);
  }

  /** A template's body, parsed once. Throws TemplateError. */
  body(name: string): readonly Template[] {
    const known = this.#parsed.get(name);
    if (known) return known;
    const input = entryOf(this.#texts, name) ?? '';
    const templates = this.parsePart({ name, input, range: [bodyStart(input), input.length] });
    this.#parsed.set(name, templates);
    return templates;
  }

  parsePart({ name, input, range }: Part): readonly Template[] {
    return placed(this, { name, input, begin: range[0] }, () => {
      const tokenizer = new Tokenizer(input, this.options.operators, name, [...range]);
      const templates = new Parser(this).parseTokens(tokenizer.readTopLevelTokens(this.options));
      checkExpressions(templates);
      return templates;
    });
  }

  parseExpression(part: Part): Expression {
    const { name, input, range } = part;
    return placed(this, { name, input, begin: range[0] }, () => {
      const tokenizer = new Tokenizer(input, this.options.operators, name, [...range]);
      const value = new Value(tokenizer.readFilteredValue(), this);
      if (!tokenizer.end() || !isWhole(value))
        throw tokenizer.error('an expression that cannot be understood', range[0]);
      return { value, part };
    });
  }

  /** What tags of liquidjs call for `{% render %}` and `{% include %}`. */
  // biome-ignore lint/correctness/useYield: liquidjs wants a generator.
  override *_parsePartialFile(file: string, _sync?: boolean, current?: string): Generator<unknown, Template[]> {
    const name = /^\.{1,2}\//.test(file) ? join(dirname(current ?? ''), file) : file;
    if (Object.hasOwn(this.#texts, name)) return [...this.body(name)];
    const suggestion = nearest(name, Object.keys(this.#texts));
    throw new Error(`no partial "${file}" in templates/${suggestion ? `: did you mean "${suggestion}"?` : ''}`);
  }

  /** Begins a rendering. `globals` is what partials see too. */
  rendering(globals: Scope, limits: Limits): Rendering {
    return new Rendering(this, globals, limits);
  }
}

/** The rendering of one template, with all its items: it ends when its limits are used up. */
class Rendering {
  readonly #engine: Engine;
  readonly #globals: Scope;
  readonly #limits: Limits;
  readonly #budget: Budget;

  constructor(engine: Engine, globals: Scope, limits: Limits) {
    this.#engine = engine;
    this.#globals = globals;
    this.#limits = limits;
    this.#budget = new Budget(limits);
  }

  text(templates: readonly Template[], locals: Scope): string {
    const { renderer } = this.#engine;
    renderer.budget = this.#budget;
    this.#budget.beginFile();
    const output = textEmitter((text) => this.#budget.output(text));
    return toValueSync(renderer.renderTemplates([...templates], this.#context(locals), output)) as string;
  }

  /** An expression's value; a variable that is not there is null where `lenient`, else a fault. */
  value({ value, part }: Expression, locals: Scope, unknown: 'lenient' | 'strict'): unknown {
    this.#engine.renderer.budget = this.#budget;
    const context = this.#context(locals);
    return placed(
      this.#engine,
      { name: part.name, input: part.input, begin: part.range[0], scope: () => context.getAll() },
      () => toValueSync(value.value(context, unknown === 'lenient') as never),
    );
  }

  #context(locals: Scope): Context {
    // Lenient in `if` and for `default`, but not in `assign`, which asks the engine's own options.
    const options = { ...this.#engine.options, lenientIf: true };
    const { memory } = this.#limits;
    const rendering = { sync: true, globals: this.#globals, memoryLimit: memory };
    return new TemplateScope(Object.assign(Object.create(null), locals), options, rendering, { liquid: this.#engine });
  }
}

/** `where`, `find`, `has` and the like look into items, which need not all have the key and see nothing but themselves. */
class TemplateScope extends Context {
  override spawn(item?: object): Context {
    const { sync, opts, ownPropertyOnly, memoryLimit, renderLimit, liquid } = this;
    const strictVariables = item === undefined && this.strictVariables;
    const globals = item === undefined ? this.globals : Object.create(null);
    const rendering = { sync, globals, strictVariables, ownPropertyOnly };
    return new TemplateScope(item ?? Object.create(null), opts, rendering, { memoryLimit, renderLimit, liquid });
  }
}

/** As liquidjs' Render, with limits, and with every error at its line and column. */
class BoundedRender {
  budget: Budget | undefined;

  *renderTemplates(templates: Template[], context: Context, emitter?: Emitter): IterableIterator<unknown> {
    const budget = this.budget!;
    using _depth = budget.enter();
    const output = emitter ?? textEmitter((text) => context.memoryLimit.use(text.length));
    for (const template of templates) {
      const { token } = template;
      const place = { name: token.file ?? '', input: token.input, begin: token.begin, scope: () => context.getAll() };
      try {
        budget.step();
        const text = yield template.render(context, output);
        if (text) output.write(text);
      } catch (error) {
        placed(context.liquid as Engine, place, () => {
          throw error;
        });
      }
      if (context.breakCalled || context.continueCalled) break;
    }
    return output.buffer;
  }

  renderTemplatesToNodeStream: Render['renderTemplatesToNodeStream'] = () => {
    throw new Error('templates are rendered at once');
  };
}

/** Takes text, numbers, true and false. A list or a map has no one way to be written. */
const textEmitter = (account: (text: string) => void): Emitter => ({
  buffer: '',
  write(value: unknown) {
    if (typeof value === 'object' && value !== null)
      throw new Error(
        Array.isArray(value)
          ? 'is a list: say how it is written, with join, shell, json or yaml'
          : 'is a map: say how it is written, with env, json or yaml, or name one of its keys',
      );
    const text = value === undefined || value === null ? '' : String(value);
    account(text);
    this.buffer += text;
  },
});
