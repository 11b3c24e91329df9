import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { type Checkpoint, copyImage } from '../../src/slots/copy/copy-image.ts';
import { Stopped } from '../fixtures/hosts/failing.ts';
import { cutPower, type MemoryRaw, memoryRaw, memoryRaws, noise } from '../fixtures/slots/memory-raw.ts';

const MIB = 1 << 20;
const IMAGE = noise(5 * MIB + 777);
const NEW = { sha256: createHash('sha256').update(IMAGE).digest('hex'), sizeBytes: IMAGE.length };

/** The journal of the machine: what it has is there after a cut. */
interface Journal {
  checkpoint?: Checkpoint;
}

/** One try; gives its effects, and whether the power was cut in it. */
async function tryOnce(a: MemoryRaw, b: MemoryRaw, journal: Journal, stopAt?: number) {
  const raws = memoryRaws({ '/a': a, '/b': b }, stopAt);
  const copying = copyImage(
    { openRaw: raws.openRaw, clock: { uptimeMs: () => 0 } },
    { source: { path: '/a', ...NEW }, target: '/b', checkpoint: journal.checkpoint },
    {
      signal: new AbortController().signal,
      keep: async (checkpoint) => {
        raws.effect();
        journal.checkpoint = checkpoint;
      },
    },
  );
  const error = await copying.then(
    () => undefined,
    (each: unknown) => each,
  );
  if (error !== undefined && !(error instanceof Stopped)) throw error;
  return { effects: raws.effects, cut: error !== undefined };
}

/** The same for each seed. */
function chanceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

it.each(['partition', 'file'] as const)(
  'F2: a copy to a %s that is cut at any effect, and at any of the next try, ends equal, and the source was never touched',
  async (kind) => {
    const chance = chanceOf(42);
    const fresh = () => memoryRaw(noise(kind === 'file' ? 3 * MIB : 6 * MIB, 9), kind);
    const a = memoryRaw(IMAGE);
    const { effects } = await tryOnce(a, fresh(), {});
    expect(effects).toBeGreaterThan(8);
    for (let at = 1; at <= effects; at += 1)
      for (const second of [1, 4, undefined]) {
        const b = fresh();
        const journal: Journal = {};
        for (const stopAt of [at, second, undefined])
          if ((await tryOnce(a, b, journal, stopAt)).cut) cutPower(b, chance);
        expect(b.bytes.subarray(0, IMAGE.length).equals(IMAGE), `${at}, then ${second}`).toBe(true);
        if (kind === 'file') expect(b.bytes.length).toBe(IMAGE.length);
        expect([a.writes, a.bytes.equals(IMAGE)]).toEqual([0, true]);
      }
  },
);

it('F7: on a disk that says it has what it has not, a copy that was cut still ends equal', async () => {
  const chance = chanceOf(7);
  for (let at = 2; at <= 9; at += 2) {
    const b = memoryRaw(noise(6 * MIB, 9));
    const journal: Journal = {};
    const before = Buffer.from(b.bytes);
    if ((await tryOnce(memoryRaw(IMAGE), b, journal, at)).cut) {
      // Nothing that was flushed is there.
      b.bytes = before;
      b.cache = Buffer.from(before);
      cutPower(b, chance);
    }
    await tryOnce(memoryRaw(IMAGE), b, journal);
    expect(b.bytes.subarray(0, IMAGE.length).equals(IMAGE), `cut at ${at}`).toBe(true);
  }
});

it('F11: a source with any bit of it flipped is never copied, also where the copy has begun', async () => {
  for (const at of [0, 4 * MIB - 1, 4 * MIB, 5 * MIB + 5, IMAGE.length - 1]) {
    const altered = Buffer.from(IMAGE);
    altered[at] = (altered[at] ?? 0) ^ 0x10;
    const b = memoryRaw(noise(6 * MIB, 9));
    const journal: Journal = { checkpoint: { ...NEW, doneBytes: 4 * MIB } };
    await expect(tryOnce(memoryRaw(altered), b, journal)).rejects.toMatchObject({ code: 'image-altered' });
    expect(b.writes).toBe(0);
  }
});
