import { describe, expect, it } from 'vitest';
import type { PlainFile } from '../../../../../src/host/plain-tree.ts';
import type { NotedFile } from '../../../../../src/machine/state/mirror/mirror-note.ts';
import { type OutsideFile, viewOf } from '../../../../../src/machine/state/mirror/mirror-view.ts';
import { type MirrorPlan, planMirror } from '../../../../../src/machine/state/mirror/plan-mirror.ts';
import type { MirrorFile } from '../../../../../src/protocol/state/mirror.ts';

const sha = (letter: string): string => letter.repeat(64);
const onLine = (path: string, version: string, more: Partial<MirrorFile> = {}): MirrorFile => ({
  ...{ path, sizeBytes: 10, mtimeNs: '1000000000', sha256: sha(version) },
  ...more,
});
const here = (path: string, stamp: string, more: Partial<PlainFile> = {}): PlainFile => ({
  ...{ path, sizeBytes: 10, mtimeNs: '1000000000', stamp },
  ...more,
});
const noted = (
  path: string,
  version: string | null,
  line: string | null,
  more: Partial<NotedFile> = {},
): NotedFile => ({
  path,
  version: version && sha(version),
  line: line && sha(line),
  ...more,
});

interface Case {
  readonly line?: readonly MirrorFile[];
  readonly source?: readonly MirrorFile[];
  readonly hidden?: readonly { path: string; over: string }[];
  readonly outside?: readonly OutsideFile[];
  readonly files?: readonly PlainFile[];
  readonly note?: readonly NotedFile[];
  readonly known?: Readonly<Record<string, string>>;
  readonly pinned?: readonly string[];
  readonly limitBytes?: number;
}

function planOf({
  line = [],
  source = [],
  hidden = [],
  files = [],
  note = [],
  known = {},
  pinned = [],
  ...of
}: Case): MirrorPlan {
  const view = viewOf({ id: null, files: [...line], hidden: [...hidden], source: [...source] }, of.outside);
  const scan = { files, left: [], folders: [''], isCut: false };
  const digests = new Map(Object.entries(known).map(([stamp, version]) => [stamp, sha(version)]));
  return planMirror({ view, scan, note, known: digests, pinned: new Set(pinned), limitBytes: of.limitBytes ?? 1_000 });
}

/** What is done, in words. */
function shown(of: Case): readonly string[] {
  const { unknown, pushes, takes, removes, evicts } = planOf(of);
  return [
    ...unknown.map(({ path }) => `read ${path}`),
    ...pushes.map(
      ({ change: { path, file, was, over } }) =>
        `push ${path} ${file?.sha256[0] ?? 'gone'} was ${was?.[0] ?? 'nothing'}${over === undefined ? '' : ` over ${over[0]}`}`,
    ),
    ...takes.map(
      ({ file, over }) => `take ${file.path} ${file.version[0]}${over === undefined ? '' : ` over ${over}`}`,
    ),
    ...removes.map(({ path }) => `remove ${path}`),
    ...evicts.map(({ path }) => `evict ${path}`),
  ];
}

const STEP = noted('a', '1', '1', { stamp: 's1' });

describe('a file, by what the line has, what is here, and what was when they were compared', () => {
  it.each<[string, Case, readonly string[]]>([
    ['all the same', { line: [onLine('a', '1')], files: [here('a', 's1')], note: [STEP] }, []],
    ['new on the line', { line: [onLine('a', '1')] }, ['take a 1']],
    ['new here, unread', { files: [here('a', 's1')] }, ['read a']],
    ['new here', { files: [here('a', 's1')], known: { s1: '1' } }, ['push a 1 was nothing']],
    ['new on both, the same', { line: [onLine('a', '1')], files: [here('a', 's1')], known: { s1: '1' } }, []],
    [
      'new on both, others',
      { line: [onLine('a', '2')], files: [here('a', 's1')], known: { s1: '1' } },
      ['push a 1 was 2'],
    ],
    ['changed there', { line: [onLine('a', '2')], files: [here('a', 's1')], note: [STEP] }, ['take a 2 over s1']],
    [
      'changed here',
      { line: [onLine('a', '1')], files: [here('a', 's2')], note: [STEP], known: { s2: '2' } },
      ['push a 2 was 1'],
    ],
    ['touched here', { line: [onLine('a', '1')], files: [here('a', 's2')], note: [STEP], known: { s2: '1' } }, []],
    [
      'changed on both',
      { line: [onLine('a', '3')], files: [here('a', 's2')], note: [STEP], known: { s2: '2' } },
      ['push a 2 was 3'],
    ],
    ['deleted there', { files: [here('a', 's1')], note: [STEP] }, ['remove a']],
    ['deleted here', { line: [onLine('a', '1')], note: [STEP] }, ['push a gone was 1']],
    ['deleted on both', { note: [STEP] }, []],
    [
      'deleted here, as soon as it was sent',
      { line: [onLine('a', '1')], note: [noted('a', '1', null, { stamp: 's1' })] },
      ['push a gone was 1'],
    ],
    ['deleted here, changed there', { line: [onLine('a', '2')], note: [STEP] }, ['take a 2']],
    [
      'deleted there, changed here',
      { files: [here('a', 's2')], note: [STEP], known: { s2: '2' } },
      ['push a 2 was nothing'],
    ],
    ['not here on purpose', { line: [onLine('a', '1')], note: [noted('a', '1', '1')], limitBytes: 5 }, []],
    ['not here on purpose, and deleted there', { note: [noted('a', '1', '1')] }, []],
    [
      'sent, beside the line',
      {
        line: [onLine('a', '1')],
        files: [here('a', 's2')],
        note: [noted('a', '2', '1', { stamp: 's2', isSent: true })],
      },
      [],
    ],
    [
      'sent as deleted, beside the line',
      { line: [onLine('a', '1')], note: [noted('a', null, '1', { isSent: true })] },
      [],
    ],
    [
      'sent, and the line went on',
      {
        line: [onLine('a', '3')],
        files: [here('a', 's2')],
        note: [noted('a', '2', '1', { stamp: 's2', isSent: true })],
      },
      ['push a 2 was 3'],
    ],
    ['deleted there, and open', { files: [here('a', 's1')], note: [STEP], pinned: ['a'] }, []],
    [
      'changed there, and open',
      { line: [onLine('a', '2')], files: [here('a', 's1')], note: [STEP], pinned: ['a'] },
      [],
    ],
  ])('%s', (_title, of, expected) => {
    expect(shown(of)).toEqual(expected);
  });

  it('that is open is compared again with what it was: what happened there is not forgotten', () => {
    const { note } = planOf({ line: [onLine('a', '2')], files: [here('a', 's1')], note: [STEP], pinned: ['a'] });
    expect(note).toEqual([STEP]);
  });
});

describe('a source below the line', () => {
  const source = [onLine('a', '1')];
  it.each<[string, Case, readonly string[]]>([
    ['is taken', { source }, ['take a 1']],
    [
      'is changed here: that lies over it',
      { source, files: [here('a', 's2')], note: [STEP], known: { s2: '2' } },
      ['push a 2 was nothing over 1'],
    ],
    ['is deleted here: that hides it', { source, note: [STEP] }, ['push a gone was nothing over 1']],
    ['was changed here', { source, line: [onLine('a', '2', { over: sha('1') })] }, ['take a 2']],
    [
      'was changed here, and is another by now',
      { source: [onLine('a', '3')], line: [onLine('a', '2', { over: sha('1') })] },
      ['take a 3'],
    ],
    ['was hidden', { source, hidden: [{ path: 'a', over: sha('1') }] }, []],
    [
      'was hidden, and is another by now',
      { source: [onLine('a', '3')], hidden: [{ path: 'a', over: sha('1') }] },
      ['take a 3'],
    ],
    ['has a name that was uploaded here', { source, line: [onLine('a', '2')] }, ['take a 2']],
  ])('%s', (_title, of, expected) => {
    expect(shown(of)).toEqual(expected);
  });

  it('that says no digest is known by size and time: what was copied is not sent back', () => {
    const outside = [{ path: 'a', sizeBytes: 10, mtimeNs: '1000000000', version: 'nfs-10-1' }];
    expect(shown({ outside, files: [here('a', 's1')] })).toEqual([]);
    expect(shown({ outside, files: [here('a', 's1', { mtimeNs: '2' })] })).toEqual(['read a']);
  });
});

describe('the limit', () => {
  const old = onLine('old', '1', { sizeBytes: 600, mtimeNs: '1' });
  const young = onLine('young', '2', { sizeBytes: 600, mtimeNs: '2000000000' });
  const both = [here('old', 's1', { sizeBytes: 600 }), here('young', 's2', { sizeBytes: 600 })];
  const note = [noted('old', '1', '1', { stamp: 's1' }), noted('young', '2', '2', { stamp: 's2' })];

  it('takes the newest first, and what does not fit is passed over for what does', () => {
    const small = onLine('small', '3', { sizeBytes: 100, mtimeNs: '0' });
    expect(shown({ line: [old, small, young] })).toEqual(['take young 2', 'take small 3']);
  });

  it('puts out the oldest that the line has, and notes before that it is not here on purpose', () => {
    const of = { line: [old, young], files: both, note };
    expect(shown(of)).toEqual(['evict old']);
    expect(planOf(of).note).toContainEqual(noted('old', '1', '1'));
  });

  it('puts out what was last printed last', () => {
    const printed = [{ ...note[0], usedMs: 5_000 } as NotedFile, note[1] as NotedFile];
    expect(shown({ line: [old, young], files: both, note: printed })).toEqual(['evict young']);
  });

  it.each([
    ['open', { pinned: ['old', 'young'] }],
    ['known to no server', { line: [], known: { s1: '1', s2: '2' }, note: [] }],
  ])('puts out nothing that is %s', (_title, more) => {
    const { evicts, removes } = planOf({ line: [old, young], files: both, note, ...more });
    expect([evicts, removes]).toEqual([[], []]);
  });

  it('takes what is queued before all else', () => {
    expect(shown({ line: [old, young], pinned: ['old'] })).toEqual(['take old 1']);
  });
});
