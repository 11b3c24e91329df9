import { defineConfig } from 'vitest/config';

const level = (name: string, timeoutMs: number, oneAtATime = false, more: object = {}) => ({
  test: {
    // By default vitest leaves a core to others.
    maxWorkers: 2,
    ...more,
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    ...(oneAtATime ? { fileParallelism: false, maxWorkers: 1 } : {}),
  },
});

/** The four levels of DESIGN: each proves something the one above cannot. */
export default defineConfig({
  test: {
    // By default vitest leaves a core to others.
    maxWorkers: 2,
    projects: [
      // Half of the time went into loading the same modules for every file again.
      level('unit', 20_000, false, { isolate: false }),
      level('contract', 30_000, true),
      level('fault', 60_000),
      // Each file has one machine at a time, so two at most run at once.
      level('boot', 600_000, false, {
        globalSetup: 'test/boot/global-setup.ts',
        setupFiles: 'test/boot/setup.ts',
      }),
    ],
  },
});
