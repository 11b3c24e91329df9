import { execFileSync, spawnSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type CpioEntry, cpioChunks, writeCpio } from '../../../src/image/initramfs/cpio/cpio.ts';
import { type CpioMember, readCpio } from '../../../src/image/initramfs/cpio/cpio-read.ts';

const scratch = mkdtempSync(join(tmpdir(), 'statectl-cpio-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const freshDir = () => mkdtempSync(join(scratch, 'd-'));

const file = (name: string, text = '', mode = 0o644): CpioEntry => ({
  type: 'file',
  name,
  mode,
  data: Buffer.from(text),
});
const dir = (name: string, mode = 0o755): CpioEntry => ({ type: 'dir', name, mode });

const tree: readonly CpioEntry[] = [
  file('init', '#!/bin/sh\n', 0o755),
  dir('usr', 0o711),
  file('usr/bin/busybox', 'x'.repeat(1021), 0o4755),
  { type: 'symlink', name: 'bin', target: 'usr/bin' },
  file('etc/Főtanúsítvány.crt', 'é'),
  file('usr/bin/empty'),
];
const devices: readonly CpioEntry[] = [
  { type: 'char', name: 'dev/console', mode: 0o600, rdev: { major: 5, minor: 1 } },
  { type: 'block', name: 'dev/loop0', mode: 0o660, rdev: { major: 7, minor: 0 } },
];

const withoutHeader = ({ header: _, ...entry }: CpioMember) => entry;
const gnuCpio = (args: readonly string[], input: Buffer, cwd = scratch) =>
  execFileSync('cpio', args, {
    input,
    cwd,
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });

const component = fc.oneof(
  fc.constantFrom('a', 'b', 'a-b', 'lib', 'usr', '\u00e9', '..a', '\u{1f600}'),
  fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }).filter((text) => !/[/\0]|^\.\.?$/.test(text)),
);
const anyEntry: fc.Arbitrary<CpioEntry> = fc
  .tuple(
    fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
    fc.integer({ min: 0, max: 0o7777 }),
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom('file', 'dir', 'symlink', 'char', 'block'),
    fc.record({ major: fc.nat(4095), minor: fc.nat(0xfffff) }),
  )
  .map(([name, mode, bytes, type, rdev]): CpioEntry => {
    if (type === 'file') return { type, name, mode, data: Buffer.from(bytes) };
    if (type === 'dir') return { type, name, mode };
    if (type === 'symlink') return { type, name, target: `/${name}` };
    return { type, name, mode, rdev };
  });
/** Without those below something that is no directory. */
const anyTree = fc
  .uniqueArray(anyEntry, { selector: (entry) => entry.name, maxLength: 12 })
  .map((entries) =>
    entries.filter(({ name }) => !entries.some((other) => other.type !== 'dir' && name.startsWith(`${other.name}/`))),
  );

describe('writing a cpio archive', () => {
  it('is undone by reading it, for any tree', () => {
    fc.assert(
      fc.property(anyTree, (entries) => {
        const { members, hasTrailer, endOffset } = readCpio(writeCpio(entries));
        const given = new Map(entries.map((entry) => [entry.name, entry]));
        for (const member of members) expect(withoutHeader(member)).toEqual(given.get(member.name) ?? dir(member.name));
        expect(members.length).toBeGreaterThanOrEqual(given.size);
        expect(members.map(({ name }) => name)).toEqual(expect.arrayContaining([...given.keys()]));
        expect({ hasTrailer, aligned: endOffset % 4 }).toEqual({ hasTrailer: true, aligned: 0 });
      }),
      { numRuns: 150 },
    );
  });

  it('gives the same bytes twice and for any order of the entries', () => {
    fc.assert(
      fc.property(
        anyTree.chain((entries) =>
          fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
        ),
        ([entries, shuffled]) => writeCpio(shuffled).equals(writeCpio(entries)),
      ),
      { numRuns: 60 },
    );
  });

  it('sorts names by bytes, adds missing parents and counts inodes', () => {
    const { members } = readCpio(writeCpio([file('z'), file('a-b'), file('a/b/c'), file('é')]));
    expect(members.map(({ name, header }) => `${header.ino} ${name}`)).toEqual([
      '1 a',
      '2 a-b',
      '3 a/b',
      '4 a/b/c',
      '5 z',
      '6 é',
    ]);
    expect(members[0]).toMatchObject({
      type: 'dir',
      mode: 0o755,
      header: { nlink: 2, uid: 0, gid: 0, mtimeSeconds: 0 },
    });
    expect(members[1]).toMatchObject({ header: { nlink: 1 } });
  });

  it('ends on a block of 512 bytes and masks odd mode bits', () => {
    const archive = writeCpio([file('a', 'x', 0o100644)]);
    expect(archive.length % 512).toBe(0);
    expect(readCpio(archive).members[0]).toMatchObject({ mode: 0o644 });
  });

  it('passes the data of a big file on without copying it', () => {
    const data = Buffer.alloc(5_000_000, 7);
    const pieces = [...cpioChunks([{ type: 'file', name: 'runtime.squashfs', mode: 0o644, data }])];
    expect(pieces.filter((piece) => piece === data)).toHaveLength(1);
  });

  it.each([
    ['/etc/passwd', 'plain and relative'],
    ['../x', 'plain and relative'],
    ['a/../x', 'plain and relative'],
    ['./a', 'plain and relative'],
    ['a//b', 'plain and relative'],
    ['', 'plain and relative'],
    ['TRAILER!!!', 'marks the end'],
    ['a\0b', 'NUL'],
    [`${'n'.repeat(256)}`, '255 bytes'],
    [`${'d/'.repeat(2048)}x`, '4095 bytes'],
  ])('refuses the name %j', (name, why) => {
    expect(() => writeCpio([file(name)])).toThrow(
      expect.objectContaining({ code: 'cpio-entry', message: expect.stringContaining(why) }),
    );
  });

  it.each([
    ['a NUL', 'a\0b', 'NUL'],
    ['half a letter', 'a\ud800b', 'unpaired surrogate'],
    ['more than a path holds', 't'.repeat(4096), '4095 bytes'],
  ])('refuses a link target with %s', (_, target, why) => {
    expect(() => writeCpio([{ type: 'symlink', name: 'l', target }])).toThrow(why);
  });

  it('takes names and targets of as many bytes as a path may have, and not one more', () => {
    const longest = `${'d/'.repeat(2047)}x`;
    expect(Buffer.byteLength(longest)).toBe(4095);
    expect(readCpio(writeCpio([file(longest)])).members.at(-1)?.name).toBe(longest);
    expect(() => writeCpio([file(`${'d/'.repeat(2046)}xxxx`)])).toThrow('4095 bytes');
    // Counted in bytes and not in letters.
    expect(() => writeCpio([{ type: 'symlink', name: 'l', target: 'é'.repeat(2048) }])).toThrow('4095 bytes');
    expect(() => writeCpio([{ type: 'symlink', name: 'l', target: 'é'.repeat(2047) }])).not.toThrow();
    expect(() => writeCpio([file('a\ud800b')])).toThrow('unpaired surrogate');
  });

  it('refuses what the kernel would drop or the format cannot hold', () => {
    expect(() => writeCpio([file('a'), file('a')])).toThrow('twice');
    expect(() => writeCpio([{ type: 'symlink', name: 'lib', target: 'usr/lib' }, file('lib/x')])).toThrow(
      '"lib" is a symlink',
    );
    expect(() => writeCpio([file('a'), file('a/b/c')])).toThrow('"a" is a file');
    expect(() => writeCpio([{ type: 'symlink', name: 'a', target: '' }])).toThrow('target');
    const data = Buffer.allocUnsafeSlow(2 ** 32); // never touched, so it takes no memory
    expect(() => writeCpio([{ type: 'file', name: 'big', mode: 0o644, data }])).toThrow('4 GiB');
  });
});

describe('GNU cpio', () => {
  it('lists our archive with the same names, modes, sizes and device numbers', () => {
    const archive = writeCpio([...tree, ...devices]);
    const names = readCpio(archive).members.map(({ name }) => name);
    expect(gnuCpio(['-it', '--quiet'], archive).toString('utf8').trimEnd().split('\n')).toEqual(names);
    const rows = gnuCpio(['-itvn', '--quiet'], archive).toString('latin1');
    expect(rows).toMatch(/^drwx--x--x +2 0 +0 +0 Jan +1 +1970 usr$/m);
    expect(rows).toMatch(/^-rwsr-xr-x +1 0 +0 +1021 Jan +1 +1970 usr\/bin\/busybox$/m);
    expect(rows).toMatch(/^crw------- +1 0 +0 +5, +1 Jan +1 +1970 dev\/console$/m);
    expect(rows).toMatch(/^lrwxrwxrwx .* bin -> usr\/bin$/m);
  });

  it('unpacks our archive without a word', () => {
    const target = freshDir();
    const { stderr, status } = spawnSync('cpio', ['-idm', '--quiet'], { input: writeCpio(tree), cwd: target });
    expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(join(target, 'usr/bin/busybox'), 'utf8')).toBe('x'.repeat(1021));
    expect(readlinkSync(join(target, 'bin'))).toBe('usr/bin');
    expect(readFileSync(join(target, 'etc/Főtanúsítvány.crt'), 'utf8')).toBe('é');
    expect(statSync(join(target, 'init')).mode & 0o7777).toBe(0o755);
  });

  it.each(['newc', 'crc'])('writes %s archives that we read, hard links included', (format) => {
    const source = freshDir();
    mkdirSync(join(source, 'bin'));
    writeFileSync(join(source, 'bin/busybox'), 'applets');
    linkSync(join(source, 'bin/busybox'), join(source, 'bin/sh'));
    symlinkSync('sh', join(source, 'bin/ash'));
    const archive = gnuCpio(
      ['-o', '-H', format, '--quiet'],
      Buffer.from('.\nbin\nbin/busybox\nbin/sh\nbin/ash\n'),
      source,
    );
    const { members, hasTrailer } = readCpio(archive);
    expect(members.map(({ name }) => name).sort()).toEqual(['.', 'bin', 'bin/ash', 'bin/busybox', 'bin/sh']);
    const [first, second] = members.filter(({ type }) => type === 'file');
    expect(first).toMatchObject({ data: Buffer.from('applets') });
    expect(second).toMatchObject({ data: Buffer.from('applets'), linkTo: first?.name });
    expect(hasTrailer).toBe(true);
  });
});

describe('reading a cpio archive', () => {
  const archive = writeCpio([file('a', 'hello'), file('b', 'world')]);
  const firstBytes = 110 + 2 + 8;
  const changed = (offset: number, text: string) => {
    const copy = Buffer.from(archive);
    copy.write(text, offset, 'latin1');
    return copy;
  };

  it('starts at any offset and says where the archive ends', () => {
    const { members, endOffset } = readCpio(Buffer.concat([Buffer.from('junk!'), archive]), 5);
    expect(members.map(({ name, header }) => [name, header.offset])).toEqual([
      ['a', 5],
      ['b', 5 + firstBytes],
    ]);
    expect(endOffset).toBe(5 + 2 * firstBytes + 124);
  });

  it('accepts an archive without a trailer, as the kernel does, and says so', () => {
    expect(readCpio(archive.subarray(0, 2 * firstBytes))).toMatchObject({
      hasTrailer: false,
      endOffset: 2 * firstBytes,
    });
  });

  it.each([
    ['a cut in a header', archive.subarray(0, firstBytes + 50), 'byte 120: it ends inside a header, after 50 of 110'],
    ['a cut in a name', archive.subarray(0, firstBytes + 111), 'byte 120: it ends inside a name'],
    ['a cut in the data', archive.subarray(0, firstBytes + 114), 'byte 120: "b" has 5 bytes, the last 3 are missing'],
    ['another magic', changed(firstBytes + 5, '9'), 'byte 120: no header here ("070709")'],
    ['the old format', changed(0, '070707'), 'cpio -o -H newc'],
    ['a number that is none', changed(firstBytes + 20, 'x'), 'byte 120: a number'],
    ['a name without NUL', changed(firstBytes + 111, 'x'), 'byte 120: a name without its closing NUL'],
    ['an unknown type', changed(14, '00000000'), 'byte 0: "a" is of no known type'],
    ['a wrong checksum', changed(5, '2'), 'byte 0: the checksum of "a" does not match'],
    ['a directory with data', changed(14, '000041ED'), 'byte 0: "a" is a dir with data'],
    ['nothing at all', Buffer.alloc(0), 'byte 0'],
  ])('names the byte of the damage: %s', (_, bytes, message) => {
    expect(() => readCpio(bytes)).toThrow(
      expect.objectContaining({ code: 'cpio-damaged', message: expect.stringContaining(message) }),
    );
  });

  it('never fails otherwise than with its own error, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.nat(archive.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, bytes) => {
        const copy = Buffer.from(archive);
        copy.set(bytes.slice(0, copy.length - at), at);
        try {
          readCpio(copy);
        } catch (error) {
          expect(error).toMatchObject({ code: 'cpio-damaged' });
        }
      }),
      { numRuns: 300 },
    );
  });
});
