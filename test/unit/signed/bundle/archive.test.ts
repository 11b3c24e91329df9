import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LARGEST_BUNDLE_BYTES, packMembers, readTar, unpackMembers } from '../../../../src/signed/bundle/archive.ts';
import { writeTar } from '../../../../src/signed/plain-tar.ts';

const name = fc.oneof(
  fc.constantFrom('manifest.json', 'manifest.json.sig', 'config.json', 'settings.json', 'bundle.cert.json'),
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: 64, maxLength: 64 })
    .map((digits) => `files/${digits.join('')}`),
);
const members = fc
  .array(fc.tuple(name, fc.uint8Array({ maxLength: 2000 })), { maxLength: 20 })
  .map((list) => new Map(list));
const asBytes = (map: ReadonlyMap<string, Uint8Array>) =>
  [...map].map(([key, data]) => [key, Buffer.from(data).toString('base64')]).sort();

describe('the archive', () => {
  it('gives back any members', () => {
    fc.assert(
      fc.property(members, (given) => {
        expect(asBytes(unpackMembers(packMembers(given)))).toEqual(asBytes(given));
      }),
    );
  });

  it('is the same bytes whatever the order', () => {
    fc.assert(
      fc.property(members, (given) => {
        expect(writeTar(new Map([...given].reverse()))).toEqual(writeTar(given));
      }),
    );
  });

  it('is what tar(1) takes for a tar', () => {
    const tar = writeTar(
      new Map([
        ['manifest.json', Buffer.from('{}')],
        [`files/${'a'.repeat(64)}`, Buffer.alloc(600, 'x')],
      ]),
    );
    const listed = execFileSync('tar', ['-tvf', '-'], {
      input: tar,
      encoding: 'utf8',
      env: { TZ: 'UTC', LC_ALL: 'C' },
    });
    expect(listed).toMatch(
      /^-rw-r--r-- 0\/0 +600 1970-01-01 00:00 files\/a{64}\n-rw-r--r-- 0\/0 +2 1970-01-01 00:00 manifest.json\n$/,
    );
    expect(execFileSync('tar', ['-xOf', '-', 'manifest.json'], { input: tar, encoding: 'utf8' })).toBe('{}');
  });

  it('has the bytes that it always had: machines with another version of statectl take no others', () => {
    const tar = writeTar(new Map([['config.json', Buffer.from('{}')]]));
    expect(createHash('sha256').update(tar).digest('hex')).toBe(
      '31f77440169630629543a8cc812fa0e60f6248c5421f13f36f3abd3690e99b12',
    );
  });

  it('is made and read up to the largest that a bundle may be', () => {
    const most = LARGEST_BUNDLE_BYTES - 3 * 512;
    const of = (sizeBytes: number) => new Map([['config.json', Buffer.alloc(sizeBytes)]]);
    expect(unpackMembers(packMembers(of(most))).get('config.json')).toHaveLength(most);
    expect(() => packMembers(of(most + 1))).toThrow(expect.objectContaining({ code: 'bundle-too-large' }));
  });
});

describe('nothing but the one archive of its members is read', () => {
  const tar = writeTar(
    new Map([
      ['config.json', Buffer.from('{}')],
      ['manifest.json', Buffer.from('[]')],
    ]),
  );

  it('whichever byte is another', () => {
    for (let at = 0; at < tar.length; at += 1) {
      const altered = Buffer.from(tar);
      altered[at]! ^= 1;
      // Another byte in a member's content is for its digest to notice.
      const isContent = (at >= 512 && at < 514) || (at >= 1536 && at < 1538);
      if (isContent) continue;
      expect(() => readTar(altered), `byte ${at}`).toThrow(/bundle is damaged/);
    }
  });

  const renamed = (bad: string) => {
    const block = Buffer.from(tar);
    block.fill(0, 0, 100).write(bad, 0, 'latin1');
    block.fill(' ', 148, 156);
    const sum = block.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return block;
  };

  it.each(['/etc/passwd', '../x', 'files/../../x', `files/${'A'.repeat(64)}`, 'files/', '.', 'manifest.json'])(
    'with a member named %s',
    (bad) => {
      expect(() => readTar(renamed(bad))).toThrow(/bundle is damaged/);
    },
  );

  it.each([
    ['a hard link', '1'],
    ['a symbolic link', '2'],
    ['a device', '3'],
    ['a folder', '5'],
    ['a fifo', '6'],
    ['a pax header', 'x'],
    ['a GNU long name', 'L'],
  ])('with %s in it', (_title, type) => {
    const block = Buffer.from(tar);
    const sum = Number.parseInt(block.toString('latin1', 148, 154), 8) - '0'.charCodeAt(0) + type.charCodeAt(0);
    block.write(type, 156, 'latin1');
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    expect(() => readTar(block)).toThrow(/bundle is damaged/);
  });

  it.each([
    ['the end is missing', tar.subarray(0, -1)],
    ['half is missing', tar.subarray(0, tar.length / 2)],
    ['something follows', Buffer.concat([tar, Buffer.alloc(512)])],
    ['a second archive follows', Buffer.concat([tar, tar])],
    ['it is empty', Buffer.alloc(0)],
  ])('when %s', (_title, bytes) => {
    expect(() => readTar(bytes)).toThrow(/bundle is damaged/);
  });

  it('when it unpacks to more than a bundle may have', () => {
    // Nothing else is wrong with it: unpacked, it would be read.
    const bombOf = (...sizes: readonly number[]) => {
      const tar = writeTar(new Map(sizes.map((size, at) => [`files/${String(at).repeat(64)}`, Buffer.alloc(size)])));
      expect(readTar(tar).size).toBe(sizes.length);
      return zstdCompressSync(tar);
    };
    const half = LARGEST_BUNDLE_BYTES / 2;
    for (const bomb of [bombOf(LARGEST_BUNDLE_BYTES), bombOf(half, half)]) {
      expect(bomb.length).toBeLessThan(10_000);
      expect(() => unpackMembers(bomb)).toThrow(/bundle is damaged: .*larger than 16777216 bytes/);
    }
    expect(unpackMembers(bombOf(half)).size).toBe(1);
  });

  it('when it is no zstd', () => {
    const refused = expect.objectContaining({ code: 'bundle-damaged' });
    expect(() => unpackMembers(Buffer.from('<html>login here</html>'))).toThrow(refused);
    expect(() => readTar(Buffer.from('<html>login here</html>'))).toThrow(refused);
  });

  it('and one that is too large is not made', () => {
    const large = new Map([['config.json', Buffer.alloc(LARGEST_BUNDLE_BYTES)]]);
    expect(() => packMembers(large)).toThrow(/a bundle at most 16777216/);
  });
});
