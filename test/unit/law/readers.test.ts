import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** What another side said goes through the one, what this program wrote through the other; each other place has its reason. */
const PLACES: Readonly<Record<string, string>> = {
  'src/protocol/read-answer.ts': 'the reader of what another side said',
  'src/host/record.ts': 'the reader of what this program wrote',
  'src/config/tree/tree.ts': 'a key in quotes',
  'src/config/explain.ts': 'a default that a schema of ours has just been asked for',
  'src/config/templates/golden.ts': 'a context that an admin wrote, any plain data',
  'src/image/elf/elf.ts': 'a note of a stranger’s program, of which each member is looked at',
  'src/server/images/image-record.ts': 'goes into its schema at once',
  'src/server/images/uses.ts': 'goes into its schema at once',
  'src/server/reports/reports.ts': 'goes into its schema at once',
};

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ file: `src/${name}`, text: readFileSync(`src/${name}`, 'utf8') }));

/** From each `JSON.parse(` on, the call, and what is made of it. */
const calls = (text: string): readonly string[] =>
  [...text.matchAll(/JSON\.parse\(/g)].map(({ index }) => {
    let depth = 0;
    let at = text.indexOf('(', index);
    do {
      if (text[at] === '(') depth += 1;
      if (text[at] === ')') depth -= 1;
      at += 1;
    } while (depth > 0 && at < text.length);
    return text.slice(index, at + 40);
  });

it('reads JSON by the two readers, and where its reason stands', () => {
  expect(
    sources
      .filter(({ text }) => calls(text).length > 0)
      .map(({ file }) => file)
      .toSorted(),
  ).toEqual(Object.keys(PLACES).toSorted());
});

it('casts no JSON: what it is was looked at', () => {
  expect(
    sources
      .flatMap(({ file, text }) => calls(text).map((call) => `${file}: ${call}`))
      .filter((call) => /\)+ as /.test(call)),
  ).toEqual([]);
  expect(calls('const a = (JSON.parse(f("(x)")) as Facts);').filter((call) => /\)+ as /.test(call))).toHaveLength(1);
});

it('parses the kernel command line once a boot, into its facts; the verbs of an admin have texts of their own', () => {
  expect(
    sources
      .filter(({ text }) => /(?<!function )\b(?:parseCommandLine|kernelWords)\(/.test(text))
      .map(({ file }) => file)
      .toSorted(),
  ).toEqual([
    'src/boot/phases/cmdline.ts',
    'src/commands/config/config-source.ts',
    'src/config/command-line/command-line.ts',
  ]);
});

it('takes no answer of fetch for what it says it is', () => {
  expect(sources.filter(({ text }) => /\.json\(\)(?!\s*satisfies)/.test(text)).map(({ file }) => file)).toEqual([]);
});
