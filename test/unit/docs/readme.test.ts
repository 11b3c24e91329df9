import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { withTables } from '../../../build/readme-tables.ts';

it('has tables in the README that say what the program and its schemas say (else: npm run readme)', () => {
  const text = readFileSync('README.md', 'utf8');
  expect(withTables(text)).toBe(text);
});
