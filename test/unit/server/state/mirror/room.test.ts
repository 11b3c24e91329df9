import { expect, it } from 'vitest';
import { EMPTY_INDEX, type MirrorIndex } from '../../../../../src/server/state/mirror/mirror-index.ts';
import { bytesOf, contentsOf, makeRoom } from '../../../../../src/server/state/mirror/room.ts';

const file = (sha256: string, sizeBytes = 10) => ({ path: sha256, sizeBytes, mtimeNs: '0', sha256, node: 'print01' });
const index = (files: readonly string[], removed: Readonly<Record<string, number>> = {}, atMs = 0): MirrorIndex => ({
  ...EMPTY_INDEX,
  atMs,
  files: files.map((name) => file(name)),
  removed: Object.entries(removed).map(([name, removedAtMs]) => ({ ...file(name), removedAtMs })),
});
const namesOf = (indexes: ReturnType<typeof makeRoom>): string =>
  indexes ? [...contentsOf(indexes).keys()].toSorted().join(' ') : 'no room';

it('what several have counts once', () => {
  const branches = new Map([['b', index(['same', 'own'])]]);
  expect(bytesOf(contentsOf({ line: index(['same'], { gone: 1 }), branches }))).toBe(30);
});

it.each([
  [40, 'as it is', 'branch kept older removed'],
  [50, 'what was removed first goes first', 'branch kept removed'],
  [60, 'then what was removed later', 'branch kept'],
  [70, 'then what branches have', 'kept'],
  [80, 'and what the line has never', 'no room'],
])('for %s bytes: %s', (wantedBytes, _title, expected) => {
  const indexes = {
    line: index(['kept'], { removed: 2 }),
    branches: new Map([['b', index(['branch'], { older: 1 })]]),
  };
  expect(namesOf(makeRoom(indexes, wantedBytes, 80))).toBe(expected);
});

it('the oldest branch goes first', () => {
  const branches = new Map([
    ['new', index(['new'], {}, 9)],
    ['old', index(['old'], {}, 1)],
  ]);
  expect(namesOf(makeRoom({ line: index([]), branches }, 10, 20))).toBe('new');
});
