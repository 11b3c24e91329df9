import { expect, it } from 'vitest';
import { compareVersions } from '../../../src/print/klipper-version.ts';

const HOST = 'v0.12.0-316-g1a2b3c4d';

it.each([
  [HOST, HOST, 'same'],
  [HOST, 'v0.12.0-316-g1a2b3c4d-dirty-20260807_150141-build01', 'same'],
  [`${HOST}-dirty`, HOST, 'same'],
  // Each repository shortens a commit as far as it needs.
  [HOST, 'v0.12.0-316-g1a2b3c4d5e6f', 'same'],
  ['1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d', HOST, 'same'],
  ['84104bb', '84104bb-dirty-20260807_150141-build01', 'same'],
  // A tag alone, as a package may have it.
  ['v0.12.0', 'v0.12.0-20260807_150141-build01', 'same'],
  [HOST, 'v0.12.0-317-g1a2b3c4e', 'differs'],
  ['v0.12.0', 'v0.11.0', 'differs'],
  ['v0.12.0-0-g1a2b3c4d', 'v0.12.0', 'differs'],
  ['84104bb', '84104bc', 'differs'],
  ['?', HOST, 'unknown'],
  [HOST, '?-20260807_150141-build01', 'unknown'],
  ['', HOST, 'unknown'],
])('Klipper %s and a firmware %s: %s', (klipper, firmware, comparison) => {
  expect(compareVersions(klipper, firmware)).toBe(comparison);
});
