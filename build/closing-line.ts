import type { Reporter, TestModule } from 'vitest/node';

/** Counts the tests of a run; the line itself is printed last of all, by build/test.ts. */
export class ClosingLine implements Reporter {
  readonly counts = { passed: 0, failed: 0, skipped: 0 };

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    for (const module of modules) {
      // A file that cannot be loaded has no tests to count, and yet has failed.
      if (module.state() === 'failed' && module.errors().length > 0) this.counts.failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        this.counts[state === 'pending' ? 'skipped' : state] += 1;
      }
    }
    this.counts.failed += errors.length;
  }
}
