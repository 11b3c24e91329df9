import { globSync, readFileSync } from 'node:fs';
import { page, table } from './markdown.ts';

interface Field {
  readonly name: string;
  readonly type: string;
  readonly meaning: string;
}

/** The interfaces of a source by name, each with its fields and what their comments say. */
function interfacesIn(
  text: string,
): ReadonlyMap<string, { readonly meaning: string; readonly fields: readonly Field[] }> {
  const found = text.matchAll(
    /(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\n)?^export interface (\w+)(?: extends \w+)? \{\n([^]*?)^\}/gm,
  );
  return new Map(
    [...found].map(([, comment = '', name = '', body = '']) => [
      name,
      { meaning: commentText(comment), fields: fieldsIn(body) },
    ]),
  );
}

const FIELD = /^ {2}(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\n {2})?readonly (\w+)(\??): ([^]*?);$(?=\n {2}\S|\n*$(?![^]))/gm;

const fieldsIn = (body: string): readonly Field[] =>
  [...body.matchAll(FIELD)].map(([, comment = '', name = '', optional = '', type = '']) => ({
    name: `${name}${optional}`,
    type: type
      .replace(/\/\*\*[^]*?\*\//g, '')
      .replace(/\breadonly /g, '')
      .replace(/\s+/g, ' '),
    meaning: commentText(comment),
  }));

const commentText = (comment: string): string =>
  comment
    .replace(/^\s*\* ?/gm, '')
    .replace(/\s+/g, ' ')
    .trim();

/** docs/reference/facts.md: what a boot knows, from the types that hold it. */
export function factsPage(): string {
  const known = new Map(
    globSync('src/{machine,fetch,config/command-line}/**/*.ts').flatMap((path) => [
      ...interfacesIn(readFileSync(path, 'utf8')),
    ]),
  );
  const names: string[] = ['Facts'];
  // Those that are found are looked through, too.
  for (const name of names)
    for (const { type } of known.get(name)?.fields ?? [])
      names.push(...(type.match(/\b[A-Z]\w+/g) ?? []).filter((word) => known.has(word) && !names.includes(word)));
  return page(
    'Facts',
    `What a boot found out, as it lies in \`/run/statectl/facts.json\`: \`statectl boot --plan --facts FILE\` makes the plan of any machine out of
it: what ran, look by look. Where you edit a fact at the top of the file, the plan is that of a boot that knew it from the start, and
stderr says so. It is one line: \`jq . facts.json\` lays it out. \`config\` has the [settings](settings.md) in force. A name with \`?\` may be absent.`,
    ...names.map((name) => {
      const { meaning = '', fields = [] } = known.get(name) ?? {};
      return [
        `## ${name}`,
        ...(name !== 'Facts' && meaning !== '' ? [meaning, ''] : []),
        table(
          ['fact', 'type', 'meaning'],
          fields.map((field) => [`\`${field.name}\``, `\`${field.type}\``, field.meaning]),
        ),
      ].join('\n');
    }),
  );
}
