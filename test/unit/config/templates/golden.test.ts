import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FILTERS } from '../../../../src/config/templates/filters.ts';
import { FrontMatterSchema } from '../../../../src/config/templates/front-matter.ts';
import { checkGolden, goldenFiles, readGolden } from '../../../../src/config/templates/golden.ts';
import { renderTemplates } from '../../../../src/config/templates/render.ts';
import { readTemplateFolder, readTemplates } from '../../../../src/config/templates/template-set.ts';
import { linuxFiles } from '../../../../src/host/linux/files.ts';
import { memoryHost } from '../../../../src/host/memory.ts';

const CONFIG = join(import.meta.dirname, '../../../../config.d');
const EXAMPLES = `${CONFIG}/templates/examples`;
const README = `${CONFIG}/templates/README`;
const host = { files: linuxFiles() };
/** `UPDATE_TEMPLATES=1 npx vitest …` writes what is rendered now, to be read by a person in the diff. */
const UPDATE = process.env.UPDATE_TEMPLATES !== undefined;

describe('the shipped templates', () => {
  it('are only examples: a machine gets no file by them', async () => {
    expect(await readTemplates(host, CONFIG)).toEqual({ texts: {}, faults: [] });
  });

  it('render what lies beside them in golden/', async () => {
    const set = await readTemplateFolder(host, EXAMPLES);
    const cases = await readGolden(host, EXAMPLES);
    if (UPDATE)
      for (const { name, context, expected } of cases) {
        for (const file of Object.keys(expected)) rmSync(`${EXAMPLES}/golden/${name}/${file}`);
        for (const [file, text] of Object.entries(goldenFiles(renderTemplates(set, context.templates, context)))) {
          mkdirSync(dirname(`${EXAMPLES}/golden/${name}/${file}`), { recursive: true });
          writeFileSync(`${EXAMPLES}/golden/${name}/${file}`, text);
        }
      }
    expect(cases.map(({ name }) => name)).toEqual(['bare', 'print-01']);
    expect(checkGolden(set, await readGolden(host, EXAMPLES))).toEqual([]);
  });

  it('have a README with the tables of the program', () => {
    const text = readFileSync(README, 'utf8');
    const made = withTable(withTable(text, 'settings', settingsTable()), 'filters', filtersTable());
    if (UPDATE) writeFileSync(README, made);
    else expect(text).toBe(made);
  });
});

const withTable = (text: string, name: string, table: string): string =>
  text.replace(
    new RegExp(`(<!-- table: ${name} -->\n)[^]*?(<!-- end -->)`),
    (_, head, foot) => `${head}${table}\n${foot}`,
  );

const row = (...cells: readonly string[]) =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ⏎ ')).join(' | ')} |`;

const filtersTable = (): string =>
  [
    row('filter', 'what it does', 'example', 'gives'),
    row('---', '---', '---', '---'),
    ...Object.entries(FILTERS).map(
      ([
        name,
        {
          description,
          example: [template, result],
        },
      ]) => row(`\`${name}\``, description, `\`${template}\``, `\`${result}\``),
    ),
  ].join('\n');

const settingsTable = (): string =>
  [
    row('setting', 'meaning'),
    row('---', '---'),
    ...Object.entries(FrontMatterSchema.shape).map(([key, schema]) =>
      row(`\`${key}\``, schema.meta()?.description ?? ''),
    ),
  ].join('\n');

describe('golden cases', () => {
  const folder = (files: Record<string, string>) =>
    memoryHost({ files: Object.fromEntries(Object.entries(files).map(([name, text]) => [`/t/${name}`, text])) });
  const check = async (files: Record<string, string>) => {
    const machine = folder(files);
    const faults = checkGolden(await readTemplateFolder(machine, '/t'), await readGolden(machine, '/t'));
    return faults.map(({ file, line, message }) => `${file}:${line} ${message}`);
  };
  const context = JSON.stringify({ node: { name: 'n' }, metadata: {}, config: {} });

  it('are none where there is no folder', async () => {
    expect(await readGolden(folder({ motd: '' }), '/t')).toEqual([]);
  });

  it('differ at the first line that does, and in which files there are', async () => {
    expect(
      await check({
        motd: '---\npath: /etc/motd\n---\na\nb\n',
        env: '---\nkind: env\n---\nA=1\n',
        'golden/n/context.json': context,
        'golden/n/list': '0644 root:root - env env\n0644 root:root /etc/motd file motd\n',
        'golden/n/files/etc/motd': 'a\nc\n',
        'golden/n/files/etc/issue': 'x',
      }),
    ).toEqual([
      'templates/golden/n/files/etc/issue:1 is not rendered',
      'templates/golden/n/files/etc/motd:2 expected "c", rendered "b"',
      'templates/golden/n/served/env:1 is rendered, but not expected',
    ]);
  });

  it('have the faults of what they render', async () => {
    const faults = await check({
      motd: '---\npath: /m\n---\n{{ x }}',
      'golden/n/context.json': context,
      'golden/n/list': '',
    });
    expect(faults).toEqual(['templates/motd:4 unknown variable x']);
  });
});
