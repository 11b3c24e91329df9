import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTarStream, type TarMember } from '../../../../../src/server/admin/adopt/tar-stream.ts';

let folder: string;
const LONG = `${'long-'.repeat(30)}name/${'x'.repeat(120)}.gcode`;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'statectl-tar-'));
  mkdirSync(join(folder, LONG, '..'), { recursive: true });
  for (const [name, text] of [
    ['a', 'one'],
    ['empty', ''],
    [LONG, 'long'],
    ['Ü\nx', 'y'.repeat(1500)],
  ] as const)
    writeFileSync(join(folder, name), text);
  symlinkSync('/etc/passwd', join(folder, 'link'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const tar = (...words: readonly string[]): Buffer => execFileSync('tar', ['-C', folder, '-cf', '-', ...words]);

async function* inPieces(bytes: Buffer, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, { size = 700, most = 1 << 20 } = {}) {
  const found: (TarMember & { readonly text: string })[] = [];
  await readTarStream(inPieces(bytes, size), most, async (member, body) => {
    // One of them is not read by who takes it.
    const parts: Uint8Array[] = [];
    if (member.name !== 'a') for await (const part of body) parts.push(part);
    found.push({ ...member, text: Buffer.concat(parts).toString() });
  });
  return found;
}

describe('an archive as it comes', () => {
  it.each(['posix', 'gnu', 'ustar'])('of the format %s, in pieces of any size', async (format) => {
    const long = format === 'ustar' ? [] : [LONG];
    for (const size of [1, 511, 512, 10_000])
      expect(await read(tar(`--format=${format}`, 'a', 'empty', ...long, 'Ü\nx', 'link'), { size })).toEqual([
        { name: 'a', type: 'file', sizeBytes: 3, text: '' },
        { name: 'empty', type: 'file', sizeBytes: 0, text: '' },
        ...long.map((name) => ({ name, type: 'file', sizeBytes: 4, text: 'long' })),
        { name: 'Ü\nx', type: 'file', sizeBytes: 1500, text: 'y'.repeat(1500) },
        { name: 'link', type: 'other', sizeBytes: 0, text: '' },
      ]);
  });

  it.each([
    ['cut in a header', (all: Buffer) => all.subarray(0, 600), 'ends in the middle'],
    ['cut in a member', (all: Buffer) => all.subarray(0, 3000), 'ends in the middle'],
    ['empty', () => Buffer.alloc(0), 'ends in the middle'],
    ['of noise', () => Buffer.alloc(4096, 7), 'another sum'],
    ['that never ends', () => Buffer.alloc(2 << 20), 'more than the'],
    ['with a byte changed', (all: Buffer) => Buffer.from(all).fill(0x39, 0, 1), 'another sum'],
  ])('one that is %s is none', async (_title, change, why) => {
    await expect(read(change(tar('--format=gnu', 'a', 'Ü\nx')))).rejects.toMatchObject({
      code: 'adopt-archive',
      message: expect.stringContaining(why),
    });
  });

  it('names are given as they stand, and nothing is made of them', async () => {
    const all = tar('-P', '--format=posix', '--transform', 's,^a$,../../etc/a,', 'a');
    expect(await read(all)).toMatchObject([{ name: '../../etc/a' }]);
  });
});
