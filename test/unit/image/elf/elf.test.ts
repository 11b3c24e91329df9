import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StatectlError } from '../../../../src/error.ts';
import { readElf } from '../../../../src/image/elf/elf.ts';
import { readModinfo } from '../../../../src/image/kernel/modinfo.ts';
import { sized } from '../../../fixtures/effort.ts';

interface Parts {
  readonly bits?: 32 | 64;
  readonly endian?: 'little' | 'big';
  readonly machine?: number;
  readonly interpreter?: string;
  /** Dynamic entries, with texts as values. */
  readonly dynamic?: readonly (readonly [tag: number, text: string])[];
  /** Texts of dlopen notes. */
  readonly notes?: readonly string[];
  readonly modinfo?: string;
}

const [NEEDED, SONAME, RPATH, RUNPATH] = [1, 14, 15, 29];
/** Where the file is mapped. */
const BASE = 0x40_0000;

/** A small ELF file with just these parts. */
function makeElf({
  bits = 64,
  endian = 'little',
  machine = 62,
  interpreter,
  dynamic = [],
  notes = [],
  modinfo,
}: Parts): Buffer {
  const number = (value: number, bytes: number): Buffer => {
    const buffer = Buffer.alloc(bytes);
    if (endian === 'little') buffer.writeUIntLE(value, 0, Math.min(bytes, 6));
    else buffer.writeUIntBE(value, Math.max(0, bytes - 6), Math.min(bytes, 6));
    return buffer;
  };
  const u16 = (...values: number[]) => Buffer.concat(values.map((value) => number(value, 2)));
  const u32 = (...values: number[]) => Buffer.concat(values.map((value) => number(value, 4)));
  const words = (...values: number[]) => Buffer.concat(values.map((value) => number(value, bits / 8)));
  const padded = (data: Buffer) => Buffer.concat([data, Buffer.alloc(-data.length & 3)]);

  const headerBytes = bits === 64 ? 64 : 52;
  const [segmentBytes, sectionBytes] = bits === 64 ? [56, 64] : [32, 40];
  const chunks: Buffer[] = [];
  let end = headerBytes + 4 * segmentBytes;
  const put = (data: Buffer) => {
    const place = { at: end, sizeBytes: data.length };
    chunks.push(padded(data));
    end += padded(data).length;
    return place;
  };
  type Place = ReturnType<typeof put>;

  const strings = put(Buffer.from(dynamic.map(([, text]) => `${text}\0`).join('')));
  const textAt = (index: number) => dynamic.slice(0, index).reduce((at, [, text]) => at + text.length + 1, 0);
  const table = put(words(...dynamic.flatMap(([tag], index) => [tag, textAt(index)]), 5, BASE + strings.at, 0, 0));
  const note = put(
    Buffer.concat(
      notes.flatMap((text) => [
        u32(4, text.length + 1, 0x407c0c0a),
        Buffer.from('FDO\0'),
        padded(Buffer.from(`${text}\0`)),
      ]),
    ),
  );
  const interp = put(Buffer.from(`${interpreter}\0`));
  const names = put(Buffer.from('\0.modinfo\0'));
  const info = put(Buffer.from(modinfo ?? ''));
  const section = (name: number, { at, sizeBytes }: Place) =>
    Buffer.concat([u32(name, 1), words(0, 0, at, sizeBytes), u32(0, 0), words(0, 0)]);
  const sections = put(Buffer.concat([Buffer.alloc(sectionBytes), section(0, names), section(1, info)]));

  const segment = (type: number, { at, sizeBytes }: Place) => {
    const [flags, place] = [u32(4), words(at, BASE + at, BASE + at, sizeBytes, sizeBytes)];
    return Buffer.concat([u32(type), ...(bits === 64 ? [flags, place] : [place, flags]), words(4)]);
  };
  return Buffer.concat([
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, bits / 32, endian === 'little' ? 1 : 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    u16(3, machine),
    u32(1),
    words(0, headerBytes, modinfo === undefined ? 0 : sections.at),
    u32(0),
    u16(headerBytes, segmentBytes, interpreter === undefined ? 3 : 4, sectionBytes, modinfo === undefined ? 0 : 3, 1),
    segment(1, { at: 0, sizeBytes: end }),
    segment(2, table),
    segment(4, note),
    segment(3, interp),
    ...chunks,
  ]);
}

const program = {
  interpreter: '/lib/ld.so.1',
  dynamic: [
    [NEEDED, 'libz.so.1'],
    [NEEDED, 'libc.so.6'],
    [SONAME, 'libself.so.2'],
    [RUNPATH, '$ORIGIN/../lib:/opt/lib'],
    [RPATH, '/old'],
  ],
  notes: [
    '[{"soname":["libbpf.so.1","libbpf.so.0"],"priority":"required"}]',
    '[{"soname":["libtss2.so"],"feature":"tpm"}]',
  ],
  modinfo: 'license=GPL\0firmware=a/b.bin\0firmware=c=d.bin\0\0depends=\0',
} as const;

const FORMATS = [
  { bits: 64, endian: 'little', machine: 62, name: 'x86_64' },
  { bits: 32, endian: 'little', machine: 3, name: 'i386' },
  { bits: 64, endian: 'little', machine: 183, name: 'aarch64' },
  { bits: 64, endian: 'big', machine: 22, name: 's390x' },
  { bits: 64, endian: 'little', machine: 21, name: 'ppc64le' },
  { bits: 32, endian: 'big', machine: 8, name: 'mips' },
  { bits: 32, endian: 'little', machine: 62, name: 'x32' },
  { bits: 64, endian: 'little', machine: 4711, name: 'em-4711' },
] as const;

describe('an ELF file', () => {
  test.each(FORMATS)(
    'of $name, $bits bits and $endian endian, tells what the dynamic linker needs',
    ({ name, ...format }) => {
      expect(readElf(makeElf({ ...program, ...format }))).toEqual({
        bits: format.bits,
        endian: format.endian,
        machine: name,
        interpreter: '/lib/ld.so.1',
        needed: ['libz.so.1', 'libc.so.6'],
        soname: 'libself.so.2',
        runpath: ['$ORIGIN/../lib', '/opt/lib'],
        rpath: ['/old'],
        dlopen: [
          { sonames: ['libbpf.so.1', 'libbpf.so.0'], priority: 'required' },
          { sonames: ['libtss2.so'], priority: 'recommended' },
        ],
      });
    },
  );

  test('is not what does not begin like one', () => {
    for (const text of ['', '\x7fEL', '#!/bin/sh\n']) expect(readElf(Buffer.from(text))).toBeUndefined();
  });

  test('with a dlopen note that is no JSON is read without it', () => {
    expect(readElf(makeElf({ notes: ['[{"soname":', '{"soname":["a"]}', '[null,{"soname":"b"}]'] }))?.dlopen).toEqual(
      [],
    );
  });

  test('that was cut short fails with elf-truncated and its name', () => {
    const whole = makeElf(program);
    expect(() => readElf(whole.subarray(0, whole.length - 4), '/bin/login')).toThrow(
      expect.objectContaining({
        code: 'elf-truncated',
        message: expect.stringContaining('/bin/login is a damaged ELF file'),
      }),
    );
    for (let length = 4; length < whole.length - 4; length += 1)
      expect(() => readElf(whole.subarray(0, length))).toThrow(expect.objectContaining({ code: 'elf-truncated' }));
  });

  test('with damaged bytes is read or fails with a StatectlError, and always ends', () => {
    const whole = makeElf(program);
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(damage, (bytes) => {
        const damaged = Buffer.from(whole);
        for (const [at, value] of bytes) damaged[at] = value;
        for (const read of [readElf, readModinfo])
          try {
            read(damaged);
          } catch (error) {
            expect(error).toBeInstanceOf(StatectlError);
          }
      }),
      { numRuns: sized(150, 5_000) },
    );
  });

  const hasReadelf = spawnSync('readelf', ['--version']).status === 0;
  test.skipIf(!hasReadelf)('is read as readelf reads it', () => {
    const all = readdirSync('/usr/bin').map((name) => join('/usr/bin', name));
    const paths = all.filter(
      (path, index) => index % Math.ceil(all.length / sized(25, 200)) === 0 && readElf(readFileSync(path)),
    );
    expect(paths.length).toBeGreaterThan(5);
    const { stdout } = spawnSync('readelf', ['-dlW', ...paths], { encoding: 'utf8', maxBuffer: 1 << 26 });
    const reports = stdout.split(/^File: /m).slice(1);
    for (const [index, path] of paths.entries()) {
      const info = readElf(readFileSync(path));
      const theirs = (pattern: RegExp) => [...(reports[index] ?? '').matchAll(pattern)].map((match) => match[1]);
      expect(info?.needed, path).toEqual(theirs(/\(NEEDED\).*\[(.*)\]/g));
      expect(info?.runpath.join(':'), path).toBe(theirs(/\(RUNPATH\).*\[(.*)\]/g).join(''));
      expect(info?.interpreter, path).toBe(theirs(/program interpreter: (.*)\]/g)[0]);
    }
  });
});

describe('the modinfo of a kernel module', () => {
  test.each(FORMATS)('of $name is read by key, in order', ({ name: _, ...format }) => {
    expect(readModinfo(makeElf({ ...program, ...format }))).toEqual(
      new Map([
        ['license', ['GPL']],
        ['firmware', ['a/b.bin', 'c=d.bin']],
        ['depends', ['']],
      ]),
    );
  });

  test('is empty when the file has no such section', () => {
    expect(readModinfo(makeElf({})).size).toBe(0);
  });

  test('fails with module-invalid for what is no ELF file', () => {
    expect(() => readModinfo(Buffer.from('xz'), 'a.ko')).toThrow(expect.objectContaining({ code: 'module-invalid' }));
  });
});
