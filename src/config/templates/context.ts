/** Plain data, as YAML and JSON have it. What is undefined is not there. */
export type Plain = string | number | boolean | null | undefined | readonly Plain[] | { readonly [key: string]: Plain };

/** What a template can see: `{{ node.name }}`, `{{ metadata.room }}`, `{{ config.boot.image }}`. Nothing else. */
export interface TemplateContext {
  readonly node: {
    // What nobody knows of it may be asked for, and is undefined.
    readonly name?: string | undefined;
    readonly mac?: Plain;
    readonly uuid?: string | undefined;
    readonly serial?: string | undefined;
    readonly arch?: string | undefined;
    readonly hostname?: string | undefined;
    readonly groups?: readonly string[];
    readonly [key: string]: Plain;
  };
  readonly metadata: { readonly [key: string]: Plain };
  /** The node's merged config. */
  readonly config: object;
  /** Wall clock, ms since 1970. Without it a template that asks for the time is at fault. */
  readonly now?: number;
}

export type Scope = Record<string, unknown>;

/** The context as templates get it: copied, without prototypes, so that nothing of the program is within reach. */
export function scopeOf({ node, metadata, config, now }: TemplateContext): Scope {
  const time = now === undefined ? undefined : new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
  return withoutPrototype({ node, metadata, config, now: time }, new Map()) as Scope;
}

function withoutPrototype(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new TypeError(`a template's context is plain data, not a ${typeof value}`);
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const copy: unknown[] | Scope = Array.isArray(value) ? [] : Object.create(null);
  seen.set(value, copy);
  if (Array.isArray(copy)) for (const item of value as unknown[]) copy.push(withoutPrototype(item ?? null, seen));
  else
    for (const [key, item] of Object.entries(value)) if (item !== undefined) copy[key] = withoutPrototype(item, seen);
  return copy;
}
