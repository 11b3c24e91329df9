import { execa } from 'execa';
import { startVitest } from 'vitest/node';
import { ClosingLine } from './closing-line.ts';
import { PassedBefore, treeDigest } from './passed-before.ts';

/**
 * `npm test`: format, lint, types and dead code, and every level of tests but what takes longest; `--fast`: the unit tests alone;
 * `--long`: everything, a line for each test, without the files that passed on this very tree before. Words are parts of paths
 * of test files. The last line stands alone: `N passed, N failed, N skipped`.
 */
const LEVELS = {
  usual: ['unit', 'contract', 'fault', 'boot'],
  '--fast': ['unit'],
  '--long': ['thorough', 'contract', 'fault', 'boot', 'long'],
} as const;
const words = process.argv.slice(2);
const patterns = words.filter((word) => !word.startsWith('--'));
const which = (['--fast', '--long'] as const).find((word) => words.includes(word)) ?? 'usual';
const before =
  which === '--long'
    ? new PassedBefore('.cache/long-run.json', await treeDigest('.'))
    : new PassedBefore('', undefined);
const earlier = [...before.files].filter(
  ([file]) => patterns.length === 0 || patterns.some((word) => file.includes(word)),
);
if (earlier.length > 0)
  process.stdout.write(`${earlier.length} files passed on this tree before (.cache/long-run.json)\n`);

const closing = new ClosingLine();
const checking = execa('npm', ['run', '--silent', 'check'], { all: true, reject: false });
const vitest = await startVitest('test', patterns, {
  project: [...LEVELS[which]],
  watch: false,
  passWithNoTests: earlier.length > 0,
  cliExclude: earlier.map(([file]) => file),
  reporters: [which === '--long' ? 'verbose' : 'default', closing, before],
});
await vitest.close();
const check = await checking;
process.stdout.write(`${check.all}\n`);
const { counts } = closing;
if (check.exitCode !== 0) counts.failed += 1;
for (const [, { passed, skipped }] of earlier) {
  counts.passed += passed;
  counts.skipped += skipped;
}
const { passed, failed, skipped } = counts;
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
