import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { lostAnswers, seenRequests } from '../../../../src/fuse/serve/lost-requests.ts';

const EINTR = -constants.errno.EINTR;
const heads = (answers: readonly Buffer[]) =>
  answers.map((said) => ({ unique: said.readBigUInt64LE(8), error: said.readInt32LE(4) }));

/** Processes that serve one after the other: each reads so many requests, in order, and is killed. */
function served(...reads: readonly number[]) {
  let [unique, noted, notes] = [0n, undefined as bigint | undefined, 0];
  for (const count of reads) {
    const { see } = seenRequests((to) => {
      noted = to;
      notes += 1;
    });
    for (let each = 0; each < count; each += 1) {
      unique += 2n;
      see(unique);
    }
  }
  return { unique, noted, notes };
}

describe('requests that nobody answered', () => {
  it.each([[[1]], [[5_000]], [[1_024]], [[1_025]], [[3, 2_047, 1, 10_000]], [[100_000]]])(
    'are ended, the last %j and what was read beside it, whoever served before',
    (reads) => {
      const { unique, noted } = served(...reads);
      const ended = heads(lostAnswers(noted, [])).filter(({ error }) => error === EINTR);
      const numbers = new Set(ended.map((each) => each.unique));
      for (let back = 0n; back < 60n && unique - 2n * back > 2n; back += 1n)
        expect(numbers).toContain(unique - 2n * back);
      // Read by the one that was killed before it saw them.
      for (const next of [2n, 4n, 6n]) expect(numbers).toContain(unique + next);
      expect(ended.length).toBeLessThan(1_200);
    },
  );

  it('are noted seldom: a print asks ten times a second, for days', () => {
    expect(served(100_000).notes).toBeLessThan(100);
  });

  it('are those that waited since long, too', () => {
    expect(heads(lostAnswers(1_000_000n, [42n]))).toContainEqual({ unique: 42n, error: EINTR });
  });

  it('may be the very first, which is answered: a file system whose INIT fails is none', () => {
    for (const noted of [undefined, 2_050n, 9_000_000n])
      expect(heads(lostAnswers(noted, [])).filter(({ unique }) => unique === 2n)).toEqual([{ unique: 2n, error: 0 }]);
  });

  it('are those of this mount, whatever was noted of another', () => {
    let noted = 0n;
    const { see } = seenRequests((to) => {
      noted = to;
    });
    see(500_000n);
    see(2n);
    expect(noted).toBeLessThan(5_000n);
  });
});
