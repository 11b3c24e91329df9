import { describe, expect, it } from 'vitest';
import { listUnion, look, type RealStat } from '../../../../src/fuse/union/look.ts';
import { shownIndex } from '../../../../src/fuse/union/shown-index.ts';

const NS = 1_764_493_200_123_456_789n;
const real = (files: Readonly<Record<string, Partial<RealStat>>>) => ({
  stat: (path: string): RealStat | undefined =>
    Object.hasOwn(files, path)
      ? {
          ...{ type: 'file', sizeBytes: 5, mode: 0o644, uid: 1, gid: 1, links: 1, inode: 9n },
          ...{ accessedNs: 0n, modifiedNs: NS, changedNs: 0n },
          ...files[path],
        }
      : undefined,
  list: () => Object.keys(files).map((name) => ({ name, type: 'file' as const })),
});
const index = (...paths: readonly string[]) =>
  shownIndex({ files: paths.map((path) => ({ path, sizeBytes: 5, mtimeNs: String(NS), version: 'v1' })) }, []);
const NONE: ReadonlySet<string> = new Set();

describe('a path of the union', () => {
  it('is here where it is what the server has, but for what a clock of seconds loses, and shows the server’s time', () => {
    const state = { index: index('a'), changed: NONE, real: real({ a: { modifiedNs: NS - 201n } }) };
    expect(look(state, 'a')).toMatchObject({ kind: 'here', stat: { modifiedNs: NS } });
  });

  it.each([
    ['shorter', { sizeBytes: 4 }],
    ['longer', { sizeBytes: 6 }],
    ['older', { modifiedNs: NS - 1_000n }],
    ['newer', { modifiedNs: NS + 1_000n }],
  ])('is away where it is %s, unless it was written here', (_, stat) => {
    const state = { index: index('a'), real: real({ a: stat }) };
    expect(look({ ...state, changed: NONE }, 'a')).toMatchObject({ kind: 'away', file: { sizeBytes: 5 } });
    expect(look({ ...state, changed: new Set(['a']) }, 'a')).toMatchObject({ kind: 'here', stat });
  });

  it('is what is here where the server knows nothing of it, and a folder where files of the server lie below', () => {
    const state = { index: index('farm/a'), changed: NONE, real: real({ b: {} }) };
    expect([look(state, 'b')?.kind, look(state, 'farm')?.kind, look(state, 'c')]).toEqual([
      'here',
      'folder',
      undefined,
    ]);
  });

  it('is nothing where it is ours', () => {
    const state = { index: index(), changed: NONE, real: real({ '.statectl-tmp': {} }) };
    expect([look(state, '.statectl-tmp'), listUnion(state, '')]).toEqual([undefined, []]);
  });
});

describe('what the server has', () => {
  it('is listed with what is here, each name once, in one order', () => {
    const state = { index: index('b', 'farm/x'), changed: NONE, real: real({ c: {}, b: {}, a: {} }) };
    expect(listUnion(state, '').map(({ name }) => name)).toEqual(['a', 'b', 'c', 'farm']);
  });

  it('is not shown where it was deleted here, as long as it is that', () => {
    const files = [{ path: 'farm/a', sizeBytes: 5, mtimeNs: '0', version: 'v2' }];
    const shown = (version: string) => shownIndex({ files }, [{ path: 'farm/a', version }]);
    expect([shown('v2').isFolder('farm'), shown('v1').isFolder('farm')]).toEqual([false, true]);
    const now = shown('v1');
    now.hide('farm/a');
    expect([now.file('farm/a'), now.isFolder('farm'), [...now.names('')]]).toEqual([undefined, false, []]);
  });

  it('has names of any letters, a character a byte', () => {
    const shown = shownIndex({ files: [{ path: 'würfel', sizeBytes: 1, mtimeNs: '0', version: 'v' }] }, []);
    expect([...shown.names('').keys()]).toEqual([Buffer.from('würfel').toString('latin1')]);
  });
});
