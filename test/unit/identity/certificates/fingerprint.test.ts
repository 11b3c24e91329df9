import { createPublicKey } from 'node:crypto';
import { expect, it } from 'vitest';
import { fingerprintOf, keyDigest, parseFingerprint } from '../../../../src/identity/certificates/fingerprint.ts';
import { newKey } from '../../../fixtures/identity/certificates.ts';

// Each five bits are a letter, from the first on: 00000 is `a`, 11111 is `7`.
it.each([
  ['0'.repeat(64), 'aaaa-aaaa-aaaa-aaaa-aaaa'],
  ['f'.repeat(64), '7777-7777-7777-7777-7777'],
  [`08421${'0'.repeat(20)}${'f'.repeat(39)}`, 'bbbb-aaaa-aaaa-aaaa-aaaa'],
  [`${'0'.repeat(24)}1${'f'.repeat(39)}`, 'aaaa-aaaa-aaaa-aaaa-aaab'],
])('the fingerprint of %s is %s', (digest, fingerprint) => {
  expect(fingerprintOf(digest)).toBe(fingerprint);
});

it('both halves of a key have the same digest, and another key has another', () => {
  const key = newKey();
  expect(keyDigest(key)).toMatch(/^[0-9a-f]{64}$/);
  expect(keyDigest(createPublicKey(key))).toBe(keyDigest(key));
  expect(keyDigest(newKey())).not.toBe(keyDigest(key));
});

it.each([
  ['k7fj-2m4q-aaxz-7ddo-q3ba', 'k7fj-2m4q-aaxz-7ddo-q3ba'],
  [' K7FJ 2M4Q\taaxz--7ddoq3ba\n', 'k7fj-2m4q-aaxz-7ddo-q3ba'],
  ['k7fj-2m4q-aaxz-7ddo-q3b', undefined],
  ['k7fj-2m4q-aaxz-7ddo-q3baa', undefined],
  // Neither is a letter of the alphabet: what looks like `o` and `l` might be meant as another.
  ['k7fj-2m4q-aaxz-7dd0-q3ba', undefined],
  ['k7fj-2m4q-aaxz-7dd1-q3ba', undefined],
  // `ſ` is a capital of nothing, though toLowerCase() of some letters is one of ASCII.
  ['\u212a7fj-2m4q-aaxz-7ddo-q3ba', undefined],
  ['', undefined],
])('people write %j for %j', (written, fingerprint) => {
  expect(parseFingerprint(written)).toBe(fingerprint);
});
