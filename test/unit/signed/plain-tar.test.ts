import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { hasTarName, readPlainTar, writeTar } from '../../../src/signed/plain-tar.ts';

const folder = (bytes: number): string => 'd'.repeat(bytes);
const NAMES = [
  'a',
  'ä/ö.txt',
  'f'.repeat(100),
  `${folder(20)}/${'f'.repeat(100)}`,
  `${folder(155)}/${'f'.repeat(100)}`,
  `${folder(60)}/${folder(60)}/${folder(60)}/f`,
  `${folder(99)}/é`,
];
const TOO_LONG = ['', 'f'.repeat(101), `${folder(156)}/${'f'.repeat(100)}`, `${folder(155)}/${'f'.repeat(101)}`];

describe('a tar of plain files', () => {
  it.each(NAMES)('has the name %s, and gives it back', (name) => {
    expect(hasTarName(name)).toBe(true);
    const tar = writeTar(new Map([[name, Buffer.from('x')]]));
    expect([...readPlainTar(tar, () => true).keys()]).toEqual([name]);
  });

  it('is one to the tar of every system', () => {
    const tar = writeTar(new Map(NAMES.map((name) => [name, Buffer.from(name)])));
    const listed = execFileSync('tar', ['-tf', '-', '--quoting-style=literal'], { input: tar }).toString();
    expect(listed.trimEnd().split('\n').toSorted()).toEqual(NAMES.toSorted());
  });

  it.each(TOO_LONG)('has no room for a name such as "%s"', (name) => {
    expect(hasTarName(name)).toBe(false);
  });
});
