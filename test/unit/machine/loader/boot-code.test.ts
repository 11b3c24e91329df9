import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  codeDigest,
  coreDigest,
  coreSectorOf,
  freeHalf,
  placedCore,
  withBootCode,
} from '../../../../src/machine/loader/boot-code.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((all) => Buffer.from(all));

it('a first sector keeps what belongs to the table, and is known by the digest of the manifest wherever core.img lies', () => {
  fc.assert(
    fc.property(bytes(512), bytes(440), fc.nat({ max: 2 ** 40 }), (sector, random, at) => {
      const code = random.fill(0, 0x5c, 0x64);
      const changed = withBootCode(sector, code, at);
      expect(changed.subarray(440)).toEqual(sector.subarray(440));
      expect(coreSectorOf(changed)).toBe(at);
      expect(codeDigest(changed)).toBe(sha256(code));
    }),
  );
});

it('a core.img is known where it was made for, and nowhere else', () => {
  fc.assert(
    fc.property(bytes(1024), fc.nat({ max: 2 ** 30 }), fc.nat({ max: 2 ** 30 }), (random, at, other) => {
      const core = random.fill(0, 0x1f4, 0x200);
      const placed = placedCore(core, at);
      expect(placed.readBigUInt64LE(0x1f4)).toBe(BigInt(at + 1));
      expect(coreDigest(placed, at)).toBe(sha256(core));
      if (other !== at) expect(coreDigest(placed, other)).toBeUndefined();
    }),
  );
});

it('a new core.img never takes the place of the one that is booted', () => {
  expect(freeHalf(2048, 400, undefined)).toBe(0);
  expect(freeHalf(2048, 400, 0)).toBe(1024);
  expect(freeHalf(2048, 400, 700)).toBe(1024);
  expect(freeHalf(2048, 400, 1024)).toBe(0);
  expect(freeHalf(2048, 400, -5)).toBe(0);
  expect(freeHalf(2048, 1025, undefined)).toBeUndefined();
});
