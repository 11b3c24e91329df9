/** The text exposition format of Prometheus, as node_exporter's textfile collector reads it. Pure. */

/** In a label's value a backslash, a quote and a line's end are escaped. */
const label = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

export const labels = (pairs: Readonly<Record<string, string>>): string =>
  Object.entries(pairs)
    .map(([name, value]) => `${name}="${label(value)}"`)
    .join(',');

/** A gauge; each sample begins after the name: `{phase="mount"} 0.2`, ` 1`. */
export const metric = (name: string, help: string, samples: readonly string[]): string =>
  [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...samples.map((sample) => name + sample), ''].join('\n');
