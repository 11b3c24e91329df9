import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { compareInTree, isWithin } from '../../../../src/host/system-tree/tree-entry.ts';
import { entryIn, lineOf } from '../../../../src/signed/file-list/entry-line.ts';
import { parseFileList, readFileList } from '../../../../src/signed/file-list/read-list.ts';
import { writeFileList } from '../../../../src/signed/file-list/write-list.ts';
import { listEntries, manyEntries } from '../../../fixtures/slots/tree-entries.ts';

const MANY = manyEntries(3000);
const LIST = writeFileList(MANY);
const damaged = expect.objectContaining({ code: 'file-list-invalid' });

/** All that is asked of a list. */
const useAll = (list: Buffer) => {
  const read = parseFileList(list);
  return [...read.entries(), read.find('/usr/share/000000/1'), ...read.below('/usr/share/000001')];
};

it('what comes out of a list is what went in, whatever bytes names, targets and xattrs are', () => {
  fc.assert(
    fc.property(listEntries, (entries) => {
      const list = writeFileList(entries);
      expect([...parseFileList(list).entries()]).toEqual(entries);
      expect(writeFileList(entries).equals(list)).toBe(true);
    }),
  );
});

it('a look-up finds what a search of all would', () => {
  fc.assert(
    fc.property(listEntries, fc.nat(), fc.string(), (entries, at, other) => {
      const list = parseFileList(writeFileList(entries));
      for (const path of [entries[at % Math.max(1, entries.length)]?.path ?? '/', `/${other}`, '/']) {
        expect(list.find(path)).toEqual(entries.find((entry) => entry.path === path));
        expect([...list.below(path)]).toEqual(entries.filter((entry) => isWithin(path, entry.path)));
      }
    }),
  );
});

it('each name of a list of many frames is found in its frame, and a part of it is that part', () => {
  const list = parseFileList(LIST);
  expect(list.count).toBe(MANY.length);
  for (const entry of MANY.filter((_, at) => at % 97 === 0)) expect(list.find(entry.path)).toEqual(entry);
  expect(list.find('/usr/share/000000/none')).toBeUndefined();
  expect([...list.below('/usr/share/000002')].length).toBe(64);
  for (const [from, to] of [
    [0, 1],
    [500, 1500],
    [2999, 3000],
    [3000, 3000],
    [0, 3000],
  ] as const)
    expect([...list.entries(from, to)]).toEqual(MANY.slice(from, to));
});

it('the order of a tree has all of a folder together, whatever is in the names beside it', () => {
  const paths = ['/', '/a', '/a/b', '/a/b/c', '/a/z', '/a\x01', '/a ', '/a-b', '/a.b', '/a0', '/b'];
  expect(paths.toReversed().toSorted(compareInTree)).toEqual(paths);
  expect(paths.filter((path) => isWithin('/a', path))).toEqual(['/a', '/a/b', '/a/b/c', '/a/z']);
});

it('entries in another order, or one name twice, are no list', () => {
  const [first, second] = MANY as [(typeof MANY)[0], (typeof MANY)[0]];
  expect(() => writeFileList([second, first])).toThrow('does not come after');
  expect(() => writeFileList([first, first])).toThrow('does not come after');
});

it('a list that is cut anywhere is refused', () => {
  for (let length = 0; length < LIST.length; length += length < 100 || LIST.length - length < 100 ? 1 : 997)
    expect(() => useAll(LIST.subarray(0, length)), `${length} bytes`).toThrow(damaged);
});

it('a list with altered bytes is refused, or is read as something else, and never ends in another error', () => {
  for (let at = 0; at < LIST.length; at += at < 64 || LIST.length - at < 400 ? 1 : 1009) {
    const altered = Buffer.from(LIST);
    altered[at] = (altered[at] ?? 0) ^ 0x5a;
    try {
      useAll(altered);
    } catch (error) {
      expect(error, `byte ${at}`).toEqual(damaged);
    }
  }
});

it('any bytes are refused, as is a list that would unpack to more than memory has', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(() => useAll(Buffer.from(bytes))).toThrow(damaged);
    }),
  );
  const huge = writeFileList([{ path: `/${'x'.repeat(5 << 20)}`, type: 'dir', mode: 0o755, uid: 0, gid: 0 }]);
  expect(() => useAll(huge)).toThrow(damaged);
});

it('a list of a later version is refused in words, and later words of a line are passed over', () => {
  const later = Buffer.from(LIST);
  later.writeUInt16LE(2, later.length - 16);
  expect(() => parseFileList(later)).toThrow('it is of version 2, and this statectl reads version 1');
  const [entry] = MANY as [(typeof MANY)[0]];
  expect(entryIn(`${lineOf(entry)} package=bash later`)).toEqual(entry);
  expect(lineOf({ path: '/a b', type: 'symlink', mode: 0o777, uid: 0, gid: 5, user: 'root', target: 'c\\d' })).toBe(
    '/a\\040b type=link mode=0777 uid=0 gid=5 uname=root link=c\\134d',
  );
});

it.each([
  '/a mode=0644 uid=0 gid=0',
  '/a type=dir mode=0999 uid=0 gid=0',
  '/a type=dir mode=0755 uid=-1 gid=0',
  '/a type=file mode=0644 uid=0 gid=0 size=1',
  '/a type=link mode=0777 uid=0 gid=0',
  '/a type=char mode=0600 uid=0 gid=0 device=linux,1',
  'a type=dir mode=0755 uid=0 gid=0',
  '',
])('"%s" is no line of a list', (line) => {
  expect(entryIn(line)).toBeUndefined();
});

it('the list beside an image is believed by its digest in the manifest alone', async () => {
  const { files } = memoryHost({ files: { '/image/files.zst': LIST.toString('latin1') } });
  await files.write('/image/files.zst', LIST);
  const sha256 = createHash('sha256').update(LIST).digest('hex');
  expect((await readFileList({ files }, '/image/files.zst', { sha256, sizeBytes: LIST.length })).count).toBe(3000);
  const other = { sha256: sha256.replace(/^./, (digit) => (digit === '0' ? '1' : '0')), sizeBytes: LIST.length };
  await expect(readFileList({ files }, '/image/files.zst', other)).rejects.toThrow('the signed manifest says');
  for (const sizeBytes of [LIST.length - 1, 2 ** 40])
    await expect(readFileList({ files }, '/image/files.zst', { sha256, sizeBytes })).rejects.toMatchObject(damaged);
  await expect(readFileList({ files }, '/image/none', { sha256, sizeBytes: 1 })).rejects.toMatchObject(damaged);
});
