import { execa } from 'execa';
import { startVitest } from 'vitest/node';
import { ClosingLine } from './closing-line.ts';

/**
 * `npm test`: format, lint, types and dead code, and every level of tests; `--fast` is the unit tests alone. The last line
 * stands alone: `N passed, N failed, N skipped`.
 */
const fast = process.argv.includes('--fast');
const patterns = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const closing = new ClosingLine();
const checking = execa('npm', ['run', '--silent', 'check'], { all: true, reject: false });

const projects = fast ? ['unit'] : ['unit', 'contract', 'fault', 'boot'];
const vitest = await startVitest('test', patterns, {
  project: projects,
  watch: false,
  reporters: ['default', closing],
});
await vitest.close();
const check = await checking;
process.stdout.write(`${check.all}\n`);
if (check.exitCode !== 0) closing.counts.failed += 1;
const { passed, failed, skipped } = closing.counts;
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
