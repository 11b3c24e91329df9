import { toValue } from 'liquidjs';
import { reasonOf } from '../../error.ts';
import { chooseTemplates } from './choose.ts';
import { withoutClashes } from './clashes.ts';
import { compile, compilerOf } from './compile.ts';
import { type Scope, scopeOf, type TemplateContext } from './context.ts';
import { faultOfKind } from './kinds.ts';
import { LIMITS, type Limits } from './limits.ts';
import type { RenderedFile } from './rendered-file.ts';
import { targetPath } from './target-path.ts';
import { TemplateError, type TemplateFault } from './template-error.ts';
import type { TemplateSet } from './template-set.ts';

export interface Rendered {
  readonly files: readonly RenderedFile[];
  readonly faults: readonly TemplateFault[];
}

/** Renders one template: no file where `when` says so, several with `each`. Throws TemplateError. */
export function renderTemplate(
  set: TemplateSet,
  name: string,
  context: TemplateContext,
  limits: Partial<Limits> = {},
): readonly RenderedFile[] {
  const { files, faults } = renderTemplates(set, [name], context, limits);
  if (faults.length > 0) throw new TemplateError(faults);
  return files;
}

/**
 * Renders the templates of these names or globs (`klipper/*`), by default all but partials. A broken template gives faults
 * and no file, and stops no other.
 */
export function renderTemplates(
  set: TemplateSet,
  patterns: readonly string[] | undefined,
  context: TemplateContext,
  limits: Partial<Limits> = {},
): Rendered {
  const { names, faults } = chooseTemplates(set, patterns);
  const globals = scopeOf(context);
  const found = [...faults];
  const files = names.flatMap((name) =>
    collecting(found, () => renderFiles(set, name, globals, { ...LIMITS, ...limits })),
  );
  const { kept, clashes } = withoutClashes(files);
  const { name: node } = context.node;
  const all = [...found, ...clashes];
  return { files: kept, faults: node === undefined ? all : all.map((fault) => ({ ...fault, node })) };
}

/** Every fault that shows without a node: of reading, of settings and of syntax, in partials too. */
export function checkTemplates(set: TemplateSet): readonly TemplateFault[] {
  const { names, faults } = chooseTemplates(set, undefined);
  const found = [...faults];
  const { engine } = compilerOf(set);
  for (const name of Object.keys(set.texts))
    collecting(found, () => {
      if (names.includes(name)) compile(set, name);
      else engine.body(name);
      return [];
    });
  return found;
}

/** A fault of where a file of this template, which was rendered, is to go. */
export const pathFaultOf = (set: TemplateSet, name: string, message: string): TemplateFault =>
  compile(set, name).settings.faultAt('path', message);

function collecting<T>(faults: TemplateFault[], task: () => readonly T[]): readonly T[] {
  try {
    return task();
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    faults.push(...error.faults);
    return [];
  }
}

function renderFiles(set: TemplateSet, name: string, globals: Scope, limits: Limits): readonly RenderedFile[] {
  const { settings, body, path, each, when } = compile(set, name);
  const rendering = compilerOf(set).engine.rendering(globals, limits);
  const fail = (key: Parameters<typeof settings.faultAt>[0], message: string) =>
    new TemplateError([settings.faultAt(key, message)]);
  const holds = (locals: Scope): boolean => {
    if (typeof when.condition === 'boolean') return when.condition;
    const verdict = rendering.value(when.condition, locals, 'lenient');
    return verdict !== false && verdict !== undefined && verdict !== null;
  };
  if (when.asked === 'before' && !holds({})) return [];
  const items = each ? itemsOf(rendering.value(each, {}, 'strict')) : [{}];
  if (!items) throw fail('each', '"each" must give a list or a map');
  if (items.length > limits.files) throw fail('each', `"each" gives ${items.length} files, more than ${limits.files}`);

  return items
    .filter((locals) => when.asked === 'before' || holds(locals))
    .map((locals) => {
      const content = rendering.text(body, locals);
      const wrong = faultOfKind(settings.kind, content);
      if (wrong) throw fail('kind', `is no ${settings.kind}: ${wrong}`);
      const { kind, mode, owner, group, public: isPublic } = settings;
      const target = path && checked(rendering.text(path, locals), (reason) => fail('path', reason));
      return { template: name, kind, path: target, content, mode, owner, group, public: isPublic };
    });
}

function checked(path: string, fail: (reason: string) => TemplateError): string {
  try {
    return targetPath(path);
  } catch (error) {
    throw fail(reasonOf(error));
  }
}

/** What the template sees for each item; none for null, undefined for what is neither list nor map. */
function itemsOf(given: unknown): readonly Scope[] | undefined {
  const value = toValue(given);
  if (value === null) return [];
  if (Array.isArray(value)) return value.map((item, index) => ({ item, key: index, index }));
  if (typeof value !== 'object') return undefined;
  return Object.entries(value as object).map(([key, item], index) => ({ item, key, index }));
}
