import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commandsOf, commandWith } from '../../fixtures/reader/guide.ts';
import { TYPED } from '../../fixtures/reader/typed-commands.ts';

const pages = ['README.md', ...globSync('docs/start/*.md')];
const claimsOf = (page: string): readonly (readonly [string, string])[] =>
  Object.entries(TYPED[page] ?? {}).flatMap(([file, starts]) => starts.map((start) => [file, start] as const));

/** Commands of a text that no test types, and beginnings that mean none or several. */
function strangers(text: string, starts: readonly string[]): readonly string[] {
  const commands = commandsOf(text);
  const meant = starts.map((start) => commandWith(commands, start));
  return [
    ...commands.filter((command) => !meant.includes(command)).map((command) => `no test types: ${command}`),
    ...starts.filter((_, index) => meant[index] === undefined).map((start) => `not one command: ${start}`),
  ];
}

describe('a command that a first-time user types', () => {
  it.each(pages)('runs in a test (else: test/fixtures/reader/typed-commands.ts says in which): %s', (page) => {
    expect(
      strangers(
        readFileSync(page, 'utf8'),
        claimsOf(page).map(([, start]) => start),
      ),
    ).toEqual([]);
  });

  it('is typed as the page has it, and the test that forgets one fails', () => {
    expect(Object.keys(TYPED).toSorted()).toEqual(pages.toSorted());
    for (const page of pages)
      for (const [file] of claimsOf(page)) {
        const [, name] = new RegExp(`const (\\w+) = new Guide\\('${page}', import\\.meta\\.url\\)`).exec(
          readFileSync(file, 'utf8'),
        ) ?? [undefined, undefined];
        expect(name, `${file} reads ${page}`).toBeDefined();
        expect(readFileSync(file, 'utf8')).toContain(`${name}.untyped`);
      }
  });

  it('would be found out in a block, a picture of a terminal, a list, a table and a sentence', () => {
    const text = [
      '```\nsudo one <<END\nnpm run inside\nEND\n# why\nlong \\\n  line   # because\n```',
      '- ```sh\n  indented\n  ```',
      '```\n$ shown\nwhat it says\n```',
      '| `npm run two` | says `two` |\n\nand `sudo\nthree`, where `sudo one` and `long.conf` only speak of things.',
    ].join('\n\n');
    expect(strangers(text, ['sudo', 'shown', 'four'])).toEqual([
      'no test types: sudo one <<END\nnpm run inside\nEND',
      'no test types: long \\\n  line',
      'no test types: indented',
      'no test types: npm run two',
      'no test types: sudo three',
      'not one command: sudo',
      'not one command: four',
    ]);
    expect(commandsOf(text)).toHaveLength(6);
  });
});
