import { execFileSync, spawnSync } from 'node:child_process';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Decompress } from '../../../src/image/decompress.ts';
import { decompressWithPrograms } from '../../../src/image/decompress-programs.ts';
import { type CpioEntry, writeCpio } from '../../../src/image/initramfs/cpio/cpio.ts';
import { appendSegment, joinSegments } from '../../../src/image/initramfs/segments/join-segments.ts';
import { findBootconfig, readSegments } from '../../../src/image/initramfs/segments/segments.ts';

const file = (name: string, text: string): CpioEntry => ({ type: 'file', name, mode: 0o644, data: Buffer.from(text) });
/** Poorly compressible, so that streams have several blocks and chunks. */
function noise(sizeBytes: number, seed = 1): Buffer {
  const data = Buffer.alloc(sizeBytes);
  for (let at = 0, state = seed; at < sizeBytes; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    data[at] = state >>> 24;
  }
  return data;
}
const early = writeCpio([file('kernel/x86/microcode/GenuineIntel.bin', 'microcode')]);
const big: CpioEntry = { type: 'file', name: 'usr/lib/big', mode: 0o644, data: noise(300_000) };
const main = writeCpio([file('init', '#!/bin/sh\n'), file('conf/initramfs.conf', 'MODULES=most\n'), big]);
const last = writeCpio([file('etc/statectl.env', 'CRASH=rescue\n')]);

const run = (argv: readonly [string, ...string[]], input: Buffer) =>
  execFileSync(argv[0], argv.slice(1), { input, stdio: ['pipe', 'pipe', 'ignore'], maxBuffer: 2 ** 26 });
const packers = {
  gzip: (data: Buffer) => run(['gzip', '-9n'], data),
  zstd: (data: Buffer) => run(['zstd', '-q', '-c', '--check'], data),
  xz: (data: Buffer) => run(['xz', '-c', '--check=crc32'], data),
  'xz in several blocks': (data: Buffer) => run(['xz', '-c', '--block-size=100000', '-T2', '--check=sha256'], data),
  'xz with the x86 filter': (data: Buffer) => run(['xz', '-c', '--x86', '--lzma2=preset=6', '--check=none'], data),
  lz4: (data: Buffer) => run(['lz4', '-l', '-c'], data),
  ...(spawnSync('lzop', ['--version']).error === undefined && {
    lzo: (data: Buffer) => run(['lzop', '-c'], data),
    'lzo with checksums of both kinds': (data: Buffer) => run(['lzop', '-c', '--crc32', '-9'], data),
  }),
} as const;
const rests = {
  bzip2: (data: Buffer) => run(['bzip2', '-c'], data),
  lzma: (data: Buffer) => run(['xz', '--format=lzma', '-c'], data),
} as const;

function withBootconfig(image: Buffer, text: string): Buffer {
  const data = Buffer.from(`${text}\0`);
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32LE(data.length, 0);
  numbers.writeUInt32LE(
    data.reduce((sum, byte) => sum + byte, 0),
    4,
  );
  return Buffer.concat([image, data, numbers, Buffer.from('#BOOTCONFIG\n')]);
}
const shape = async (image: Buffer) => {
  const { segments, bootconfig } = await readSegments(image);
  const parts = segments.map(({ compression, offset, entries }) => [compression, offset, entries.at(-1)?.name]);
  return bootconfig
    ? [...parts, ['bootconfig', bootconfig.offset, bootconfig.data.toString().replace(/\0+$/, '')]]
    : parts;
};
const nameOfEarly = 'kernel/x86/microcode/GenuineIntel.bin';
const refusal = async (image: Buffer) =>
  readSegments(image).then(
    () => 'no error',
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  );

describe('an initramfs', () => {
  it('of Debian has early microcode as it is, then one zstd archive', async () => {
    const image = Buffer.concat([early, packers.zstd(main)]);
    expect(await shape(image)).toEqual([
      ['none', 0, nameOfEarly],
      ['zstd', early.length, 'usr/lib/big'],
    ]);
    const { segments } = await readSegments(image);
    expect(segments[1]).toMatchObject({ unpackedBytes: main.length, hasTrailer: true });
    expect(segments[1]?.entries.at(-1)).toMatchObject({ data: noise(300_000) });
  });

  it('of dracut has an early archive for skipcpio, then one gzip archive', async () => {
    const image = Buffer.concat([writeCpio([file('early_cpio', '1\n')]), packers.gzip(main)]);
    expect(await shape(image)).toEqual([
      ['none', 0, 'early_cpio'],
      ['gzip', 512, 'usr/lib/big'],
    ]);
  });

  it.each(Object.entries(packers))('may go on after a compressed segment: %s', async (name, pack) => {
    const packed = pack(main);
    const kind = name.split(' ')[0];
    // Four zero bytes end an lz4 chain; the others may be followed directly, where the alignment allows it.
    const gap = Buffer.alloc(4 + ((4 - (packed.length % 4)) % 4));
    const image = Buffer.concat([packed, gap, last, packed, gap, early]);
    const { segments } = await readSegments(image);
    expect(segments.map(({ compression }) => compression)).toEqual([kind, 'none', kind, 'none']);
    expect(segments.map(({ offset, sizeBytes }) => [offset, sizeBytes]).slice(0, 2)).toEqual([
      [0, packed.length],
      [packed.length + gap.length, last.length - paddingOf(last)],
    ]);
    expect(segments[2]?.entries.at(-1)).toMatchObject({ name: 'usr/lib/big', data: noise(300_000) });
  });

  it.each(Object.entries(rests))('may end with a segment that does not tell its length: %s', async (kind, pack) => {
    const image = withBootconfig(joinSegments([early, pack(main)]), 'kernel.quiet\n');
    const { segments, bootconfig } = await readSegments(image);
    expect(segments.map(({ compression }) => compression)).toEqual(['none', kind]);
    expect(segments[1]?.entries.at(-1)).toMatchObject({ data: noise(300_000) });
    expect((segments[1]?.offset ?? 0) + (segments[1]?.sizeBytes ?? 0)).toBe(bootconfig?.offset);
  });

  it('may hold two gzip or zstd archives with nothing in between', async () => {
    const image = Buffer.concat([gzipSync(early), gzipSync(last), zstdCompressSync(early), zstdCompressSync(last)]);
    expect((await readSegments(image)).segments.map(({ compression }) => compression)).toEqual([
      'gzip',
      'gzip',
      'zstd',
      'zstd',
    ]);
  });

  it('may hold several archives in one compressed stream', async () => {
    const { segments } = await readSegments(zstdCompressSync(Buffer.concat([early, Buffer.alloc(2048), last])));
    expect(segments).toHaveLength(1);
    expect(segments[0]?.entries.map(({ name }) => name)).toEqual(
      expect.arrayContaining([nameOfEarly, 'etc/statectl.env']),
    );
  });

  it('has a gzip header with a name and a comment', async () => {
    const packed = gzipSync(last);
    const header = Buffer.from(packed.subarray(0, 10));
    header[3] = 4 | 8 | 16;
    const extra = Buffer.from([2, 0, 9, 9]);
    const image = Buffer.concat([header, extra, Buffer.from('initrd\0made by hand\0'), packed.subarray(10)]);
    expect(await shape(joinSegments([image, early]))).toEqual([
      ['gzip', 0, 'etc/statectl.env'],
      ['none', 512, nameOfEarly],
    ]);
  });

  it('of nothing but zeros has no segments', async () => {
    expect(await readSegments(Buffer.alloc(1024))).toEqual({ segments: [], bootconfig: undefined });
  });

  it('without the program for its compression says which package has it', async () => {
    const path = process.env.PATH;
    process.env.PATH = '/nonexistent';
    try {
      await expect(decompressWithPrograms('xz', Buffer.from('x'))).rejects.toMatchObject({
        code: 'program-missing',
        hint: 'needs xz: apt install xz-utils',
      });
    } finally {
      process.env.PATH = path;
    }
  });

  it('hands exactly the bytes of one stream to the decompressor', async () => {
    const packed = packers.xz(main);
    const calls: unknown[] = [];
    const decompress: Decompress = async (kind, data) => {
      calls.push([kind, data.equals(packed)]);
      return main;
    };
    await readSegments(joinSegments([packed, early]), decompress);
    expect(calls).toEqual([['xz', true]]);
  });
});

describe('a damaged initramfs', () => {
  it.each(Object.entries(packers))('cut off anywhere in its compressed part names a byte: %s', async (_, pack) => {
    const image = Buffer.concat([early, pack(main)]);
    for (const kept of [3, 9, 40, 5000, image.length - early.length - 3]) {
      const message = await refusal(image.subarray(0, early.length + kept));
      expect(message).toMatch(/^(initramfs|cpio)-damaged: .*byte \d+/);
    }
  });

  it('cut off in its early archive names the byte of the member', async () => {
    const start = early.length - paddingOf(early) - 124 - 12 - 148;
    expect(await refusal(early.subarray(0, start + 150))).toContain(
      `cpio-damaged: the cpio archive is damaged at byte ${start}`,
    );
  });

  it('tells where in the unpacked data a member is broken', async () => {
    const message = await refusal(joinSegments([early, zstdCompressSync(main.subarray(0, 100_000))]));
    expect(message).toMatch(
      /in the zstd data at byte 1024, once unpacked: .* damaged at byte \d+: "usr\/lib\/big" has 300000 bytes/,
    );
  });

  it('with changed bytes in a gzip segment is found out by its checksum', async () => {
    const packed = gzipSync(last);
    packed.writeUInt32LE(1, packed.length - 8);
    expect(await refusal(packed)).toContain('byte 0 is damaged: the checksum does not match');
  });

  it('with junk between archives shows the byte and what is there', async () => {
    expect(await refusal(Buffer.concat([early, Buffer.from('<html>')]))).toBe(
      'initramfs-damaged: at byte 1024 is neither a cpio archive nor compressed data (it starts 3c68746d6c3e)',
    );
  });

  it('with an archive where the kernel would not look for one is refused', async () => {
    expect(await refusal(Buffer.concat([early, Buffer.alloc(2), last]))).toContain(
      'byte 1026 is not at a multiple of 4',
    );
  });

  it('in the lz4 frame format says how to compress it', async () => {
    await expect(readSegments(run(['lz4', '-c'], last))).rejects.toMatchObject({ hint: 'compress it with `lz4 -l`' });
  });
});

describe('joining segments', () => {
  it('pads each to 512 bytes', async () => {
    const image = joinSegments([early, packers.zstd(main), last]);
    expect(image.length % 512).toBe(0);
    const { segments } = await readSegments(image);
    expect(segments.map(({ offset }) => offset % 512)).toEqual([0, 0, 0]);
    expect(joinSegments([early, last]).length).toBe(early.length + last.length);
  });

  it('leaves four zero bytes after lz4, which the kernel needs as its end', () => {
    const packed = packers.lz4(main);
    const exact = Buffer.concat([packed, Buffer.alloc((512 - (packed.length % 512)) % 512, 1)]);
    expect(joinSegments([exact, early]).length).toBe(exact.length + 512 + early.length);
  });

  it('keeps a bootconfig last and readable when a segment is appended', async () => {
    const image = withBootconfig(joinSegments([early, packers.zstd(main)]), 'kernel.panic = 10\n');
    const longer = appendSegment(appendSegment(image, last), packers.gzip(last));
    expect((await shape(longer)).map(([kind]) => kind)).toEqual(['none', 'zstd', 'none', 'gzip', 'bootconfig']);
    expect((await shape(longer)).at(-1)?.[2]).toBe('kernel.panic = 10\n');
    expect(longer.length % 4).toBe(0);
    expect((await shape(joinSegments([early, image]))).at(-1)?.[0]).toBe('bootconfig');
  });

  it('refuses a bootconfig that would not be last', () => {
    const part = withBootconfig(early, 'a = b\n');
    expect(() => joinSegments([part, last])).toThrow(expect.objectContaining({ code: 'bootconfig-not-last' }));
    expect(() => appendSegment(early, part)).toThrow(expect.objectContaining({ code: 'bootconfig-not-last' }));
  });

  it('finds a bootconfig that GRUB padded, and refuses one with a wrong sum', () => {
    const image = withBootconfig(early, 'a = b\n');
    expect(findBootconfig(Buffer.concat([image, Buffer.alloc(3)]))).toMatchObject({ offset: 1024 });
    image[1026] = 0x58;
    expect(() => findBootconfig(image)).toThrow(expect.objectContaining({ code: 'bootconfig-damaged' }));
  });
});

/** Zeros after the trailer: "TRAILER!!!" with its NUL and padding fills 124 bytes. */
function paddingOf(archive: Buffer): number {
  return archive.length - archive.indexOf('TRAILER!!!') - 14;
}
