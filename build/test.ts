import { execa } from 'execa';
import { startVitest } from 'vitest/node';
import { ClosingLine } from './closing-line.ts';

/**
 * `npm test`: format, lint, types and dead code, then every level of tests; `--fast` leaves out the boots. The last line
 * stands alone: `N passed, N failed, N skipped`.
 */
const fast = process.argv.includes('--fast');
const patterns = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const closing = new ClosingLine();
const check = await execa('npm', ['run', '--silent', 'check'], { stdio: 'inherit', reject: false });
if (check.exitCode !== 0) closing.counts.failed += 1;

const projects = fast ? ['unit', 'contract', 'fault'] : ['unit', 'contract', 'fault', 'boot'];
const vitest = await startVitest('test', patterns, {
  project: projects,
  watch: false,
  reporters: ['default', closing],
});
await vitest.close();
const { passed, failed, skipped } = closing.counts;
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
