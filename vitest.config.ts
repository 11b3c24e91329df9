import { defineConfig } from 'vitest/config';
import { HANG_MS } from './test/fixtures/hang.ts';

const level = (name: string, more: object = {}) => ({
  test: {
    // By default vitest leaves a core to others.
    maxWorkers: 2,
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: HANG_MS,
    hookTimeout: HANG_MS,
    expect: { poll: { timeout: HANG_MS } },
    ...more,
  },
});

// Half of the time went into loading the same modules for every file again; Node strips the types itself.
const unit = { isolate: false, experimental: { viteModuleRunner: false } };
// Each file has one machine at a time, so two at most run at once. A test waits for several events.
const guests = {
  testTimeout: 4 * HANG_MS,
  hookTimeout: 4 * HANG_MS,
  globalSetup: 'test/boot/global-setup.ts',
  setupFiles: 'test/boot/setup.ts',
};

/** The levels: each proves something the one above cannot. Which of them a command runs says build/test.ts. */
export default defineConfig({
  test: {
    // By default vitest leaves a core to others.
    maxWorkers: 2,
    projects: [
      level('unit', unit),
      level('contract'),
      level('fault'),
      level('boot', guests),
      // Boots that prove a detail of one distribution or one fault.
      level('long', guests),
      // These once more, with the large inputs and many runs of fixtures/effort.ts.
      level('thorough', {
        ...unit,
        include: ['test/unit/**/*.test.ts', 'test/contract/**/power-cuts.test.ts'],
        provide: { effort: 'long' },
      }),
    ],
  },
});
