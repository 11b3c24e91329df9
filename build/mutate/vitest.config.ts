import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: (process.env.STATECTL_MUTATE_TESTS ?? '').split(' ').map((path) => path.replace(/\*\*$/, '**/*.test.ts')),
    isolate: false,
    testTimeout: 30_000,
  },
});
