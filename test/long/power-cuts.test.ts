import { expect, it } from 'vitest';
import { replay } from '../fixtures/replay/phase.ts';
import { cloning } from '../fixtures/replay/phases/cloning.ts';
import { growing, partitioning, restoring } from '../fixtures/replay/phases/partitioning.ts';

/** Another seed makes other states; a message names it. */
const SEED = Number(process.env.STATECTL_TEST_SEED ?? 1);
/** Recoveries are cut too, and recoveries from these. */
const EFFORT = { seed: SEED, some: 100, again: 2, depth: 3 };
const LONGEST_MS = 2 * 60 * 60_000;

it.each([partitioning, growing, restoring, cloning])(
  'while $name, no power cut makes the next boot decide wrongly',
  async (phase) => {
    const { states, wrong } = await replay(phase, EFFORT);
    console.log(
      `${phase.name}: ${states} different states of the disk, ${wrong.length} wrong decisions (seed ${SEED})`,
    );
    expect(wrong).toEqual([]);
  },
  LONGEST_MS,
);
