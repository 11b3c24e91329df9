import { expect, it } from 'vitest';
import { indexNoted, indexOf, withLineFiles } from '../../../../../src/machine/state/mirror/cache-index.ts';
import { viewOf } from '../../../../../src/machine/state/mirror/mirror-view.ts';
import { planMirror } from '../../../../../src/machine/state/mirror/plan-mirror.ts';

const sha = (letter: string): string => letter.repeat(64);
const onLine = (path: string, letter: string) => ({ path, sizeBytes: 5, mtimeNs: '7', sha256: sha(letter) });
const here = (path: string, stamp: string) => ({ path, stamp, sizeBytes: 5, mtimeNs: '7' });

it('the index has what the line has, here or not, but for what was changed or deleted here', () => {
  const line = ['same', 'away', 'new', 'changed', 'deleted', 'unread', 'full'].map((path) => onLine(path, 'a'));
  const view = viewOf({ id: '1', files: line, hidden: [], source: [] });
  const note = [
    ...['same', 'changed', 'deleted', 'unread'].map((path) => ({
      path,
      stamp: `s-${path}`,
      version: sha('a'),
      line: sha('a'),
    })),
    { path: 'away', version: sha('a'), line: sha('a') },
  ];
  const files = [here('same', 's-same'), here('changed', 'other'), here('unread', 'unknown'), here('mine', 'm')];
  const plan = planMirror({
    ...{ view, note, scan: { files, left: [], folders: [''], isCut: false }, pinned: new Set() },
    known: new Map([
      ['other', sha('b')],
      ['m', sha('c')],
    ]),
    limitBytes: 25,
  });
  expect(indexOf(view, plan).files.map(({ path }) => path)).toEqual(['same', 'away', 'new', 'full']);
  expect(indexOf(view, plan).files[0]).toEqual({ path: 'same', sizeBytes: 5, mtimeNs: '7', version: sha('a') });
});

it('without a server it has what was noted, but for what changed since', () => {
  const view = viewOf({
    id: '1',
    files: ['same', 'away', 'changed', 'gone'].map((path) => onLine(path, 'a')),
    hidden: [],
    source: [],
  });
  const note = withLineFiles(
    [
      ...['same', 'changed', 'gone'].map((path) => ({ path, stamp: `s-${path}`, version: sha('a'), line: sha('a') })),
      { path: 'away', version: sha('a'), line: sha('a') },
      { path: 'mine', stamp: 'm', version: sha('b'), line: null },
    ],
    view,
  );
  const index = indexNoted(note, [here('same', 's-same'), here('changed', 'another'), here('mine', 'm')]);
  expect(index.files.map(({ path }) => path)).toEqual(['same', 'away']);
  expect(index.files[1]).toEqual({ path: 'away', sizeBytes: 5, mtimeNs: '7', version: sha('a') });
});
