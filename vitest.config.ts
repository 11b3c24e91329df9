import { defineConfig } from 'vitest/config';

const level = (name: string, timeoutMs: number, oneAtATime = false, more: object = {}) => ({
  test: {
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
    projects: [
      level('unit', 20_000),
      level('contract', 30_000, true),
      level('fault', 60_000),
      level('boot', 600_000, true, {
        globalSetup: 'test/boot/global-setup.ts',
        setupFiles: 'test/boot/setup.ts',
        maxConcurrency: 2,
      }),
    ],
  },
});
