import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type BenchName, FIGURES, markersOf, withFigures } from '../../../build/bench/figures.ts';

const RUN = { date: '2026-11-30', commit: 'abc1234', machine: '2 × a processor' };
const page = (inside: string): string =>
  `Before.\n\n${markersOf('bench')[0]}\n${inside}${markersOf('bench')[1]}\n\nAfter.\n`;

describe('the page of figures', () => {
  it('gets what a bench found in its place, and of what run it is; what people wrote stays', () => {
    const once = withFigures(page(''), 'bench', '\n          measured\na table   1\n', RUN);
    expect(once).toMatchInlineSnapshot(`
      "Before.

      <!-- made by \`npm run bench -- --write\` -->
      On 2026-11-30, at abc1234: 2 × a processor.

      \`\`\`
                measured
      a table   1
      \`\`\`
      <!-- end of bench -->

      After.
      "
    `);
    // The next run takes the place of this one.
    expect(withFigures(once, 'bench', '\n          measured\na table   1\n', RUN)).toBe(once);
    expect(withFigures(once, 'bench', 'new', RUN)).not.toContain('a table');
    expect(withFigures(once, 'bench', "$& and $' and \\1", RUN)).toContain("\n$& and $' and \\1\n");
  });

  it.each([
    ['none', 'Nothing here.\n'],
    ['one without an end', `${markersOf('bench')[0]}\n`],
    ['two', page('') + page('')],
    ['that of another', page('').replaceAll('bench', 'bench:config')],
  ])('is not written where the place of the bench is not one: %s', (_, text) => {
    expect(() => withFigures(text, 'bench', 'x', RUN)).toThrow(
      'has not one <!-- made by `npm run bench -- --write` -->',
    );
  });

  const benches = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).scripts).filter((name) =>
    name.startsWith('bench'),
  ) as BenchName[];
  it.each(benches)('has a place for each bench, which publishes what it finds: %s', (name) => {
    expect(withFigures(readFileSync(FIGURES, 'utf8'), name, 'found', RUN)).toContain('\nfound\n');
    expect(readFileSync(`build/${name.replace(':', '-')}.ts`, 'utf8')).toContain(`publish('${name}', `);
  });

  it('names no place and no machine', () => {
    const made = benches.map((name) => {
      const [begin, end] = markersOf(name);
      return readFileSync(FIGURES, 'utf8').split(begin)[1]?.split(end)[0];
    });
    expect(made.join('')).not.toMatch(/\/(?:home|work|tmp|root)\/|\.cache/);
  });
});
