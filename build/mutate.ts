import { globSync } from 'node:fs';
import { Stryker } from '@stryker-mutator/core';
import { testsOf } from './mutate/tests.ts';

/**
 * `npm run mutate -- FILE…`: breaks the code of each file in small ways and says which breaks no test notices. Without a file,
 * of all that guards data and secrets. Bounded: ten seconds a mutant and, of one call, an hour.
 */
const words = process.argv.slice(2);
const files = words.flatMap((word) => globSync(word));
if (files.length === 0 || files.length < words.length) {
  process.stderr.write('mutate: names files or patterns of src/ that are there: npm run mutate -- "src/bundle/*.ts"\n');
  process.exit(2);
}
const LONGEST_MS = 3_600_000;
setTimeout(() => {
  process.stderr.write('mutate: an hour is over; call it for fewer files\n');
  process.exit(1);
}, LONGEST_MS).unref();

process.env.STATECTL_MUTATE_TESTS = testsOf(files).join(' ');
const mutants = await new Stryker({
  mutate: files,
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner', new URL('./mutate/ignore-sentences.ts', import.meta.url).pathname],
  ignorers: ['sentences'],
  vitest: { configFile: 'build/mutate/vitest.config.ts', related: false },
  coverageAnalysis: 'perTest',
  concurrency: Number(process.env.STATECTL_MUTATE_JOBS ?? 2),
  timeoutMS: 10_000,
  ignorePatterns: ['.cache', 'dist'],
  reporters: ['clear-text', 'progress-append-only', 'json'],
  clearTextReporter: { allowColor: false, reportTests: false },
  jsonReporter: { fileName: '.cache/mutation.json' },
  tempDirName: '.cache/stryker',
  // TypeScript 7 has no interface for programs, which Stryker would use to rewrite this file; Node strips the types.
  tsconfigFile: 'none',
}).runMutationTest();
const count = (...wanted: readonly string[]): number => mutants.filter(({ status }) => wanted.includes(status)).length;
process.stdout.write(`${count('Killed', 'Timeout')} killed, ${count('Survived', 'NoCoverage')} survived\n`);
