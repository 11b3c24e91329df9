import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** What touches the machine. What is imported as a type touches nothing; `constants` of node:fs are numbers. */
const TOUCHES =
  /^import (?!type )(?!\{(?: type \w+,?| constants,?)* \} )[^;]* from '(?:node:(?:fs|fs\/promises|child_process|sqlite|dgram|dns|dns\/promises|http|https)|execa|undici)';$/m;

const touching = (text: string): boolean =>
  TOUCHES.test(text.replace(/import \{ STATUS_CODES \} from 'node:http';/, ''));

it('nothing but host/linux touches the machine, and what ARCHITECTURE.md names', () => {
  const [, list = ''] = readFileSync('ARCHITECTURE.md', 'utf8').split('Only `host/linux/` touches the machine');
  const named = (list.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('* '));
  const allowed = named.flatMap((line) => [...line.matchAll(/`([a-z/-]+\.ts)`: /g)].map(([, path]) => `src/${path}`));
  const found = globSync('src/**/*.ts').filter(
    (path) => !path.startsWith('src/host/linux/') && touching(readFileSync(path, 'utf8')),
  );
  expect(found.toSorted()).toEqual(allowed.toSorted());
});

it('types and numbers touch nothing, values do', () => {
  expect(touching("import type { ReadStream } from 'node:fs';")).toBe(false);
  expect(touching("import { constants } from 'node:fs';")).toBe(false);
  expect(touching("import { STATUS_CODES } from 'node:http';")).toBe(false);
  expect(touching("import { isIP } from 'node:net';")).toBe(false);
  expect(touching("import { type ReadStream, open } from 'node:fs';")).toBe(true);
  expect(touching("import {\n  open,\n} from 'node:fs/promises';")).toBe(true);
  expect(touching("import { execa } from 'execa';")).toBe(true);
});
