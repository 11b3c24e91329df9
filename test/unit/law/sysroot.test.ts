import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('where the root is put together is said in one place: all others speak the paths of the machine', () => {
  const naming = globSync('src/**/*.ts').filter((path) => readFileSync(path, 'utf8').includes('/sysroot'));
  expect(naming).toEqual(['src/boot/roots.ts']);
});
