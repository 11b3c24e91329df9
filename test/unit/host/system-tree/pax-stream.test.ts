import { expect, it } from 'vitest';
import { paxParser } from '../../../../src/host/system-tree/pax-stream.ts';
import { shownName } from '../../../../src/host/system-tree/tree-entry.ts';
import { writeTar } from '../../../../src/signed/plain-tar.ts';

const read = (tar: Uint8Array, pieceBytes = tar.length) => {
  const parser = paxParser();
  const entries = [];
  for (let at = 0; at < tar.length; at += pieceBytes) entries.push(...parser.feed(tar.subarray(at, at + pieceBytes)));
  parser.end();
  return entries;
};

/** A tar of files below `./`. */
const tarOf = (files: Readonly<Record<string, string>>): Buffer =>
  writeTar(new Map(Object.entries(files).map(([name, text]) => [`./${name}`, Buffer.from(text)])));

it('entries and their digests are the same, in whatever pieces the stream comes', () => {
  const tar = tarOf({ a: 'x', 'b/c': 'y'.repeat(1000), 'b/d': '', e: 'z'.repeat(512) });
  const whole = read(tar);
  expect(whole.map(({ path, sizeBytes }) => [path, sizeBytes])).toEqual([
    ['/a', 1],
    ['/b/c', 1000],
    ['/b/d', 0],
    ['/e', 512],
  ]);
  expect(whole[0]?.sha256).toBe('2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881');
  for (const pieceBytes of [1, 7, 511, 512, 513, 700]) expect(read(tar, pieceBytes)).toEqual(whole);
});

it('a stream that is cut at any place is told from a whole one', () => {
  const tar = tarOf({ a: 'x'.repeat(700), b: 'y' });
  for (let length = 0; length < tar.length - 1024; length += 100)
    expect(() => read(tar.subarray(0, length)), `${length} bytes`).toThrow('was cut');
});

it.each(['../up', 'a/../b', '/absolute/../x', 'a//b', 'a/./b'])('"%s" is no name below a tree', (name) => {
  const tar = tarOf({ ok: '' });
  tar.fill(0, 0, 100);
  tar.write(name.startsWith('/') ? name : `./${name}`, 0, 'latin1');
  expect(() => read(tar)).toThrow('is no name below the tree');
});

it('what is no stream of tar is told so, and a header that is too large is not waited for', () => {
  expect(() => read(Buffer.alloc(512, 'x'))).toThrow('it is no stream of tar');
  const kind = tarOf({ a: '' });
  kind.write('V', 156);
  expect(() => read(kind)).toThrow('something of the kind "V"');
  const large = tarOf({ a: '' });
  large.write('x', 156);
  large.write('77777777777\0', 124);
  expect(() => read(large)).toThrow('has 8589934591 bytes');
  const torn = tarOf({ a: 'no record' });
  torn.write('x', 156);
  expect(() => read(torn)).toThrow('an extended header of tar is damaged');
});

it('a name that is UTF-8 is shown as text, another byte by byte', () => {
  expect(shownName(Buffer.from('/grüße').toString('latin1'))).toBe('/grüße');
  expect(shownName('/a\xff\xfeb')).toBe('/a\\xff\\xfeb');
});
