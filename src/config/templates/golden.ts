import { entryOf } from '../../entry-of.ts';
import type { Host } from '../../host/host.ts';
import type { TemplateContext } from './context.ts';
import { type Rendered, renderTemplates } from './render.ts';
import { type TemplateFault, templateFile } from './template-error.ts';
import type { TemplateSet } from './template-set.ts';

/** A folder golden/CASE/: what templates see, and what they must render. */
export interface GoldenCase {
  readonly name: string;
  /** context.json; `templates` in it names what is rendered, by default everything. */
  readonly context: TemplateContext & { readonly templates?: readonly string[] };
  /** The other files by name: `list`, `files/etc/motd`, `served/metadata.env`. */
  readonly expected: Readonly<Record<string, string>>;
}

/** The cases in golden/ of a folder of templates. Throws when a context.json is missing or no JSON. */
export async function readGolden({ files }: Pick<Host, 'files'>, folder: string): Promise<readonly GoldenCase[]> {
  const golden = `${folder}/golden`;
  if ((await files.stat(golden)) === undefined) return [];
  const read = async (path: string): Promise<readonly (readonly [string, string])[]> => {
    if ((await files.stat(path))?.type !== 'dir') return [[path, await files.readText(path)]];
    return (await Promise.all((await files.list(path)).map((entry) => read(`${path}/${entry}`)))).flat();
  };
  return Promise.all(
    (await files.list(golden)).map(async (name): Promise<GoldenCase> => {
      const prefix = `${golden}/${name}/`;
      const found = Object.fromEntries(
        (await read(prefix.slice(0, -1))).map(([path, text]) => [path.slice(prefix.length), text]),
      );
      const { 'context.json': context, ...expected } = found;
      return { name, context: JSON.parse(context ?? ''), expected };
    }),
  );
}

/** A rendering as the files of a golden case. */
export const goldenFiles = ({ files }: Rendered): Readonly<Record<string, string>> => ({
  list: files
    .map(({ mode, owner, group, path, kind, template, public: isPublic }) =>
      [
        mode.toString(8).padStart(4, '0'),
        `${owner}:${group}`,
        path ?? '-',
        kind,
        template,
        ...(isPublic ? ['public'] : []),
      ]
        .join(' ')
        .concat('\n'),
    )
    .join(''),
  ...Object.fromEntries(
    files.map(({ path, template, content }) => [path === undefined ? `served/${template}` : `files${path}`, content]),
  ),
});

/** What differs from the golden cases, each where its first differing line is. */
export function checkGolden(set: TemplateSet, cases: readonly GoldenCase[]): readonly TemplateFault[] {
  return cases.flatMap(({ name, context, expected }) => {
    const rendered = renderTemplates(set, context.templates, context);
    const actual = goldenFiles(rendered);
    const names = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    const differences = [...names].flatMap((file) => {
      const difference = firstDifference(entryOf(expected, file), entryOf(actual, file));
      return difference ? [{ file: templateFile(`golden/${name}/${file}`), column: 1, ...difference }] : [];
    });
    return [...rendered.faults, ...differences];
  });
}

function firstDifference(expected: string | undefined, actual: string | undefined) {
  if (expected === actual) return undefined;
  if (actual === undefined) return { line: 1, message: 'is not rendered' };
  if (expected === undefined) return { line: 1, message: 'is rendered, but not expected' };
  const [left, right] = [expected.split('\n'), actual.split('\n')];
  const index = left.findIndex((line, at) => line !== right[at]);
  const at = index < 0 ? left.length : index;
  const show = (line: string | undefined) => (line === undefined ? 'the end' : JSON.stringify(line));
  return { line: at + 1, message: `expected ${show(left[at])}, rendered ${show(right[at])}` };
}
