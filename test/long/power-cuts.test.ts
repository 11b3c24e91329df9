import { expect, it } from 'vitest';
import { replay } from '../fixtures/replay/phase.ts';
import { growing, partitioning, restoring } from '../fixtures/replay/phases/partitioning.ts';

/** Another seed makes other states; a message names it. */
const SEED = Number(process.env.STATECTL_TEST_SEED ?? 1);
const SOME = 100;
const LONGEST_MS = 2 * 60 * 60_000;

it.each([partitioning, growing, restoring])(
  'while $name, no power cut makes the next boot decide wrongly',
  async (phase) => {
    const { states, wrong } = await replay(phase, { seed: SEED, some: SOME });
    console.log(
      `${phase.name}: ${states} different states of the disk, ${wrong.length} wrong decisions (seed ${SEED})`,
    );
    expect(wrong).toEqual([]);
  },
  LONGEST_MS,
);
