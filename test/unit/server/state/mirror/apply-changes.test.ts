import { expect, it } from 'vitest';
import { applyToLine } from '../../../../../src/server/state/mirror/apply-changes.ts';
import { EMPTY_INDEX, type MirrorIndex } from '../../../../../src/server/state/mirror/mirror-index.ts';

const DAY_MS = 24 * 3_600_000;
const content = (n: number) => ({ sha256: n.toString(16).padStart(64, '0'), sizeBytes: 1, mtimeNs: '1' });

/** A line on which one file is written anew each time, at these moments. */
const written = (moments: readonly number[]): MirrorIndex =>
  moments.reduce<MirrorIndex>(
    (line, nowMs, at) =>
      applyToLine(line, [{ path: 'part.gcode', file: content(at), was: null }], {
        node: 'print01',
        nowMs,
        has: () => true,
      }).line,
    EMPTY_INDEX,
  );
const daysOf = ({ removed }: MirrorIndex) => removed.map(({ removedAtMs }) => removedAtMs / DAY_MS);

it('what was replaced stays for the last fourteen days that had any', () => {
  expect(daysOf(written(Array.from({ length: 21 }, (_, day) => day * DAY_MS)))).toEqual(
    Array.from({ length: 14 }, (_, at) => at + 7),
  );
});

it('a clock that jumps to 2106 and back takes nothing away', () => {
  expect(daysOf(written([100, 101, 49_800, 101, 102].map((day) => day * DAY_MS)))).toEqual([101, 49_800, 101, 102]);
});
