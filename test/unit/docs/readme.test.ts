import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { referencePages } from '../../../build/reference/reference.ts';

const documents = ['README.md', 'ARCHITECTURE.md', ...globSync('docs/**/*.md')];

it('has a README that is read in one go', () => {
  expect(readFileSync('README.md', 'utf8').split('\n').length).toBeLessThanOrEqual(150);
});

describe('the reference', () => {
  const pages = referencePages();
  const there = globSync('docs/reference/**/*.{md,json}');

  it('has a page for all that it tells of, and no other', () => {
    expect(there.toSorted()).toEqual([...pages.keys()].toSorted());
  });

  it.each(there)('says what the program, its schemas and its source say (else: npm run readme): %s', (path) => {
    expect(pages.get(path)).toBe(readFileSync(path, 'utf8'));
  });
});

/** As a reader of Markdown makes the name of a heading (GitHub's rule). */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

describe('a link', () => {
  it.each(documents)('leads to a document that is there, and to a heading in it: %s', (path) => {
    const text = readFileSync(path, 'utf8').replace(/^```[^]*?^```$/gm, '');
    for (const [link, to = '', , anchor] of text.matchAll(/\]\((?!https?:)([^)#]*)(#([^)]+))?\)/g)) {
      const target = to === '' ? path : join(dirname(path), to);
      expect(existsSync(target), link).toBe(true);
      const headings = anchor
        ? [...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title)
        : [];
      if (anchor) expect(headings.map(anchorOf), link).toContain(anchor);
    }
  });

  it.each(globSync('docs/{start,guide}/*.md'))('leads from the README to each guide: %s', (path) => {
    expect(readFileSync('README.md', 'utf8')).toContain(`](${path})`);
  });
});
