import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { CHECKPOINT_BYTES, type Checkpoint, copyImage } from '../../../../src/slots/copy/copy-image.ts';
import { type MemoryRaw, memoryRaw, memoryRaws, noise } from '../../../fixtures/slots/memory-raw.ts';

const MIB = 1 << 20;
/** Two checkpoints, and an end that is no multiple of anything. */
const IMAGE = noise(9 * MIB + 1234);
const sha256 = createHash('sha256').update(IMAGE).digest('hex');
const NEW = { sha256, sizeBytes: IMAGE.length };

function lab({ a = memoryRaw(IMAGE), b = memoryRaw(Buffer.alloc(10 * MIB)) }: { a?: MemoryRaw; b?: MemoryRaw } = {}) {
  const raws = memoryRaws({ '/dev/a': a, '/dev/b': b });
  const kept: Checkpoint[] = [];
  const phases = new Set<string>();
  const signal = new AbortController();
  let ms = 0;
  return {
    a,
    b,
    kept,
    phases,
    signal,
    copy: (checkpoint?: Checkpoint, more: Partial<typeof NEW> = {}, target = '/dev/b') =>
      copyImage(
        { openRaw: raws.openRaw, clock: { uptimeMs: () => (ms += 100) } },
        { source: { path: '/dev/a', ...NEW, ...more }, target, checkpoint },
        {
          signal: signal.signal,
          keep: async (each) => void kept.push(each),
          progress: (phase) => phases.add(phase),
        },
      ),
  };
}
const rejection = (copying: Promise<unknown>) =>
  copying.then(
    () => undefined,
    (error: unknown) => error as Error & { code?: string },
  );

it('a copy is the image, noted every 4 MiB, and what is after it on the partition stays', async () => {
  const { copy, b, kept, phases } = lab({ b: memoryRaw(noise(10 * MIB, 7)) });
  expect(await copy()).toEqual({ fromBytes: 0, tookMs: 100 });
  expect(b.bytes.subarray(0, IMAGE.length).equals(IMAGE)).toBe(true);
  expect(b.bytes.subarray(IMAGE.length).equals(noise(10 * MIB, 7).subarray(IMAGE.length))).toBe(true);
  expect(kept).toEqual([4, 8].map((mib) => ({ ...NEW, doneBytes: mib * MIB })));
  expect([...phases]).toEqual(['verify', 'copy', 'read back']);
});

it('a file becomes as long as the image, whether it was shorter or longer', async () => {
  for (const before of [0, 12 * MIB]) {
    const { copy, b } = lab({ b: memoryRaw(Buffer.alloc(before), 'file') });
    await copy();
    expect(b.bytes.equals(IMAGE)).toBe(true);
  }
});

it('nothing is written from a source that is another one, shorter, or cannot be read', async () => {
  const altered = Buffer.from(IMAGE);
  altered[5 * MIB] = (altered[5 * MIB] ?? 0) ^ 1;
  for (const [a, code] of [
    [memoryRaw(altered), 'image-altered'],
    [memoryRaw(IMAGE.subarray(0, 9 * MIB)), 'image-altered'],
    [{ ...memoryRaw(IMAGE), badReads: new Set([4097]) }, 'disk-failed'],
  ] as const) {
    const { copy, b, kept } = lab({ a });
    expect(await rejection(copy())).toMatchObject({ code });
    expect([b.writes, kept.length]).toEqual([0, 0]);
  }
  const { copy, b } = lab();
  expect(await rejection(copy(undefined, { sha256: sha256.replace(/^./, 'x') }))).toMatchObject({
    code: 'image-altered',
  });
  expect(b.writes).toBe(0);
});

it('it goes on at its checkpoint, and not at one of another image or one that nobody noted', async () => {
  const half = Buffer.concat([IMAGE.subarray(0, CHECKPOINT_BYTES), Buffer.alloc(6 * MIB)]);
  const good = { ...NEW, doneBytes: CHECKPOINT_BYTES };
  const goesOn = lab({ b: memoryRaw(half) });
  expect(await goesOn.copy(good)).toMatchObject({ fromBytes: CHECKPOINT_BYTES });
  expect(goesOn.b.bytes.subarray(0, IMAGE.length).equals(IMAGE)).toBe(true);
  expect(goesOn.b.writes).toBe(6);
  for (const other of [
    { ...good, sha256: sha256.replace(/^./, 'x') },
    { ...good, sizeBytes: 8 * MIB },
    { ...good, doneBytes: -CHECKPOINT_BYTES },
    { ...good, doneBytes: CHECKPOINT_BYTES + 512 },
    { ...good, doneBytes: 16 * MIB },
    { ...good, doneBytes: Number.NaN },
  ])
    expect(await lab().copy(other)).toMatchObject({ fromBytes: 0 });
});

it('a checkpoint that was not true costs one more copy, never a wrong one', async () => {
  const { copy, b } = lab();
  expect(await copy({ ...NEW, doneBytes: 8 * MIB })).toMatchObject({ fromBytes: 0 });
  expect(b.bytes.subarray(0, IMAGE.length).equals(IMAGE)).toBe(true);
});

it('a disk that loses what it took is found by what is read from it, though the cache has it, and the sector is named', async () => {
  const b = { ...memoryRaw(Buffer.alloc(10 * MIB)), lost: new Set([5000]) };
  const { copy } = lab({ b });
  const error = await rejection(copy());
  expect(error).toMatchObject({ code: 'copy-altered' });
  expect(error?.message).toContain('only when it is read from the disk');
});

it('F8: a sector that cannot be read or written is named', async () => {
  const unreadable = { ...memoryRaw(Buffer.alloc(10 * MIB)), badReads: new Set([3 * 2048 + 16]) };
  expect((await rejection(lab({ b: unreadable }).copy()))?.message).toBe(
    '/dev/b cannot be read at sector 6160 (byte 3153920): the disk answers with an error',
  );
  const source = { ...memoryRaw(IMAGE), badReads: new Set([8]) };
  expect((await rejection(lab({ a: source }).copy()))?.message).toContain(
    '/dev/a cannot be read at sector 8 (byte 4096)',
  );
  const { copy, kept } = lab({ b: { ...memoryRaw(Buffer.alloc(10 * MIB)), badWrites: new Set([6 * 2048]) } });
  expect((await rejection(copy()))?.message).toContain('/dev/b cannot be written at sector 12288');
  expect(kept.map(({ doneBytes }) => doneBytes)).toEqual([CHECKPOINT_BYTES]);
});

it('F9: a target without room is refused before a byte is written, and one that fills up meanwhile goes on where it was', async () => {
  for (const b of [memoryRaw(Buffer.alloc(9 * MIB)), { ...memoryRaw(Buffer.alloc(0), 'file'), freeBytes: 9 * MIB }]) {
    const { copy } = lab({ b });
    expect(await rejection(copy())).toMatchObject({
      code: 'copy-unfit',
      message: expect.stringContaining('9437184 bytes'),
    });
    expect(b.writes).toBe(0);
  }
  const b: MemoryRaw = memoryRaw(Buffer.alloc(0), 'file');
  const { copy, kept } = lab({ b });
  b.freeBytes = 1 << 30;
  const filling = copy(undefined);
  // Somebody else takes the room when the first checkpoint is there.
  const push = kept.push.bind(kept);
  kept.push = (...each) => {
    kept.push = push;
    b.freeBytes = 0;
    return push(...each);
  };
  expect(await rejection(filling)).toMatchObject({ code: 'disk-full' });
  b.freeBytes = 1 << 30;
  expect(await copy(kept.at(-1))).toMatchObject({ fromBytes: CHECKPOINT_BYTES });
  expect(b.bytes.equals(IMAGE)).toBe(true);
});

it('a target that is the source itself, or is not there, is refused', async () => {
  const { copy, a } = lab();
  expect(await rejection(copy(undefined, {}, '/dev/a'))).toMatchObject({ code: 'copy-unfit' });
  expect(await rejection(copy(undefined, {}, '/dev/none'))).toMatchObject({ code: 'disk-failed' });
  expect([a.writes, a.bytes.equals(IMAGE)]).toEqual([0, true]);
});

it('who ends it is heard between two pieces', async () => {
  const { copy, signal, kept, b } = lab();
  const copying = copy();
  const push = kept.push.bind(kept);
  kept.push = (...each) => {
    signal.abort(new Error('not now'));
    return push(...each);
  };
  expect((await rejection(copying))?.message).toBe('not now');
  expect(b.writes).toBe(4);
});
