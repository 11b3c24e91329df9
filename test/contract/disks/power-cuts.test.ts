import { expect, it } from 'vitest';
import { sized } from '../../fixtures/effort.ts';
import { HANG_MS } from '../../fixtures/hang.ts';
import { type Phase, replay } from '../../fixtures/replay/phase.ts';
import { correcting, recovering } from '../../fixtures/replay/phases/checking.ts';
import { cloning } from '../../fixtures/replay/phases/cloning.ts';
import { flagging, switching } from '../../fixtures/replay/phases/cycles.ts';
import { loading } from '../../fixtures/replay/phases/loading.ts';
import { growing, partitioning, restoring } from '../../fixtures/replay/phases/partitioning.ts';
import { mending, planting } from '../../fixtures/replay/phases/trees.ts';

/** Another seed makes other states; a message names it. */
const SEED = Number(process.env.STATECTL_TEST_SEED ?? 1);
/** With `npm run test:long` each phase goes on until nothing is left, or for so long. */
const LIMIT_MS = Number(process.env.STATECTL_TEST_MINUTES ?? 60) * 60_000;
const LONGEST_MS = sized(HANG_MS, LIMIT_MS + 30 * 60_000);
/** `few`: every so manieth state without `npm run test:long`. `some`: with it, states between two flushes. */
const PHASES: readonly { readonly phase: Phase; readonly few: number; readonly some?: number }[] = [
  { phase: partitioning, few: 4 },
  { phase: growing, few: 4 },
  { phase: restoring, few: 1 },
  { phase: cloning, few: 2 },
  { phase: flagging, few: 1, some: 400 },
  { phase: switching, few: 4, some: 400 },
  { phase: recovering, few: 1, some: 1000 },
  { phase: correcting, few: 1, some: 1000 },
  { phase: loading, few: 12 },
  { phase: planting, few: 3 },
  { phase: mending, few: 3 },
];

// `npm run test:long` replays many thousands: recoveries are cut there, too, and recoveries from these.
it.each(PHASES)(
  'while $phase.name, no power cut makes the next boot decide wrongly',
  async ({ phase, few, some = 100 }) => {
    const effort = {
      some: sized(1, some),
      every: sized(few, 1),
      later: sized(1, 4),
      again: sized(0, 2),
      depth: sized(1, 3),
      limitMs: LIMIT_MS,
    };
    const { states, wrong } = await replay(phase, { seed: SEED, ...effort });
    console.log(
      `${phase.name}: ${states} different states of the disk, ${wrong.length} wrong decisions (seed ${SEED})`,
    );
    expect(wrong).toEqual([]);
    expect(states).toBeGreaterThanOrEqual(3);
  },
  LONGEST_MS,
);
