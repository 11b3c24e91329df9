import { expect, it } from 'vitest';
import { replay } from '../../fixtures/replay/phase.ts';
import { cloning } from '../../fixtures/replay/phases/cloning.ts';
import { growing, partitioning, restoring } from '../../fixtures/replay/phases/partitioning.ts';

// test/long/power-cuts.test.ts replays many more states of each.
it.each([
  { phase: partitioning, every: 4 },
  { phase: growing, every: 4 },
  { phase: restoring, every: 1 },
  { phase: cloning, every: 2 },
])('while $phase.name, no power cut makes the next boot decide wrongly', async ({ phase, every }) => {
  const { states, wrong } = await replay(phase, { seed: 1, some: 1, every });
  expect(wrong).toEqual([]);
  expect(states).toBeGreaterThanOrEqual(3);
});
