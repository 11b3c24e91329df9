import { defineConfig } from 'vitest/config';
import { HANG_MS } from './test/fixtures/hang.ts';

const level = (name: string, timeoutMs = HANG_MS, oneAtATime = false, more: object = {}) => ({
  test: {
    // By default vitest leaves a core to others.
    maxWorkers: 2,
    ...more,
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    expect: { poll: { timeout: HANG_MS } },
    ...(oneAtATime ? { fileParallelism: false, maxWorkers: 1 } : {}),
  },
});

/** The four levels of DESIGN: each proves something the one above cannot. */
export default defineConfig({
  test: {
    // By default vitest leaves a core to others.
    maxWorkers: 2,
    projects: [
      // Half of the time went into loading the same modules for every file again; Node strips the types itself.
      level('unit', undefined, false, { isolate: false, experimental: { viteModuleRunner: false } }),
      level('contract', undefined, true),
      level('fault'),
      // Each file has one machine at a time, so two at most run at once. A test waits for several events.
      level('boot', 4 * HANG_MS, false, {
        globalSetup: 'test/boot/global-setup.ts',
        setupFiles: 'test/boot/setup.ts',
      }),
    ],
  },
});
