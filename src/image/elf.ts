import { StatectlError } from '../error.ts';

export type DlopenPriority = 'required' | 'recommended' | 'suggested';

/** A feature that a program opens with dlopen(3): any one of `sonames` will do, the best first. */
export interface DlopenNote {
  readonly sonames: readonly string[];
  readonly priority: DlopenPriority;
}

/** What the dynamic linker would read of a file. Lists are in the file's order. */
export interface ElfInfo {
  readonly bits: 32 | 64;
  readonly endian: 'little' | 'big';
  /** As `uname -m` names it (`arm` and `i386` for their families); `em-<number>` when we do not know it. */
  readonly machine: string;
  /** Absent in libraries and static programs. */
  readonly interpreter: string | undefined;
  readonly needed: readonly string[];
  readonly soname: string | undefined;
  readonly runpath: readonly string[];
  readonly rpath: readonly string[];
  readonly dlopen: readonly DlopenNote[];
}

// Numbers of the System V ABI (gabi, chapters 4 and 5; elf.h), and of
// https://uapi-group.org/specifications/specs/elf_dlopen_metadata/
const PT = { load: 1, dynamic: 2, interp: 3, note: 4 } as const;
const DT = { null: 0, needed: 1, strtab: 5, soname: 14, rpath: 15, runpath: 29 } as const;
const DLOPEN_NOTE = { owner: 'FDO', type: 0x407c0c0a } as const;

/** e_machine → name, the little-endian one second where both exist. */
const MACHINES: Readonly<
  Record<number, readonly [name32: string, name64: string, little32?: string, little64?: string]>
> = {
  3: ['i386', 'i386'],
  8: ['mips', 'mips64', 'mipsel', 'mips64el'],
  20: ['ppc', 'ppc'],
  21: ['ppc64', 'ppc64', 'ppc64le', 'ppc64le'],
  22: ['s390', 's390x'],
  40: ['arm', 'arm'],
  43: ['sparc64', 'sparc64'],
  62: ['x32', 'x86_64'],
  183: ['aarch64_ilp32', 'aarch64'],
  243: ['riscv32', 'riscv64'],
  258: ['loongarch32', 'loongarch64'],
};

/** The numbers of one ELF file, in its own word size and byte order. Reading past the end throws a RangeError. */
function fieldsOf(buffer: Uint8Array) {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const is64 = view.getUint8(4) === 2;
  const little = view.getUint8(5) === 1;
  const u16 = (at: number): number => view.getUint16(at, little);
  const u32 = (at: number): number => view.getUint32(at, little);
  /** A field whose place depends on the word size, and is a word itself. */
  const word = (base: number, at32: number, at64: number): number =>
    is64 ? Number(view.getBigUint64(base + at64, little)) : u32(base + at32);
  const bytes = (start: number, length: number): Uint8Array => {
    if (start + length > buffer.length) throw new RangeError(`bytes ${start} to ${start + length} are missing`);
    return buffer.subarray(start, start + length);
  };
  const text = (start: number): string => {
    const end = buffer.indexOf(0, start); // -1 too when it starts after the end
    if (start < 0 || end < 0) throw new RangeError(`the text at byte ${start} has no end`);
    return new TextDecoder().decode(buffer.subarray(start, end));
  };
  return { is64, little, u16, u32, word, bytes, text };
}

type Fields = ReturnType<typeof fieldsOf>;

const isElf = (buffer: Uint8Array): boolean =>
  buffer[0] === 0x7f && buffer[1] === 0x45 && buffer[2] === 0x4c && buffer[3] === 0x46;

/** Runs a reading of `buffer`, with an error that an operator understands when bytes are missing. */
function reading<T>(name: string, buffer: Uint8Array, read: (fields: Fields) => T): T {
  try {
    return read(fieldsOf(buffer));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new StatectlError(
      'elf-truncated',
      `${name} is a damaged ELF file of ${buffer.length} bytes: ${cause.message}`,
      {
        cause,
        hint: 'copy or install the file again; the disk or the download may have been cut short',
      },
    );
  }
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly sizeBytes: number;
  readonly align: number;
}

function segmentsOf({ is64, u16, u32, word, bytes }: Fields): Segment[] {
  const start = word(0, 28, 32);
  const entryBytes = u16(is64 ? 54 : 42);
  return Array.from({ length: u16(is64 ? 56 : 44) }, (_, index) => {
    const at = start + index * entryBytes;
    const segment = {
      type: u32(at),
      offset: word(at, 4, 8),
      address: word(at, 8, 16),
      sizeBytes: word(at, 16, 32),
      align: word(at, 28, 48),
    };
    bytes(segment.offset, segment.sizeBytes);
    return segment;
  });
}

/** The entries of the dynamic section up to its end, as (tag, value). */
function dynamicOf({ is64, word }: Fields, segments: readonly Segment[]): [tag: number, value: number][] {
  const entries: [number, number][] = [];
  const dynamic = segments.find((segment) => segment.type === PT.dynamic);
  const wordBytes = is64 ? 8 : 4;
  for (let at = dynamic?.offset ?? 0; dynamic && at < dynamic.offset + dynamic.sizeBytes; at += 2 * wordBytes) {
    const tag = word(at, 0, 0);
    if (tag === DT.null) break;
    entries.push([tag, word(at, 4, 8)]);
  }
  return entries;
}

function parseDlopen(json: string): DlopenNote[] {
  let list: unknown;
  try {
    list = JSON.parse(json);
  } catch {
    return []; // Metadata of a stranger: a program with a bad note still runs.
  }
  return (Array.isArray(list) ? list : []).flatMap((feature) =>
    Array.isArray(feature?.soname)
      ? [{ sonames: feature.soname.map(String), priority: feature.priority ?? 'recommended' }]
      : [],
  );
}

function dlopenNotes({ u32, bytes }: Fields, segments: readonly Segment[]): DlopenNote[] {
  const decode = (data: Uint8Array): string => new TextDecoder().decode(data).replace(/\0+$/, '');
  const notes: DlopenNote[] = [];
  for (const segment of segments.filter(({ type }) => type === PT.note)) {
    // gabi says 4; only segments aligned to 8 (.note.gnu.property) pad to 8, as readelf reads them.
    const pad = (size: number): number =>
      Math.ceil(size / (segment.align === 8 ? 8 : 4)) * (segment.align === 8 ? 8 : 4);
    for (let at = segment.offset; at + 12 <= segment.offset + segment.sizeBytes; ) {
      const [nameBytes, textBytes, type] = [u32(at), u32(at + 4), u32(at + 8)];
      const textAt = at + pad(12 + nameBytes);
      if (type === DLOPEN_NOTE.type && decode(bytes(at + 12, nameBytes)) === DLOPEN_NOTE.owner)
        notes.push(...parseDlopen(decode(bytes(textAt, textBytes))));
      at = textAt + pad(textBytes);
    }
  }
  return notes;
}

/**
 * Reads the headers of an ELF file of any machine; undefined when it is none.
 * `name` is for the message of `elf-truncated`, thrown when the file is shorter than its headers say.
 */
export function readElf(buffer: Uint8Array, name = 'the file'): ElfInfo | undefined {
  if (!isElf(buffer)) return undefined;
  return reading(name, buffer, (fields) => {
    const { is64, little, u16, text } = fields;
    const segments = segmentsOf(fields);
    const dynamic = dynamicOf(fields, segments);
    const firstOf = (tag: number): number | undefined => dynamic.find(([found]) => found === tag)?.[1];
    const strings = firstOf(DT.strtab) ?? 0;
    const home = segments.find(
      ({ type, address, sizeBytes }) => type === PT.load && address <= strings && strings < address + sizeBytes,
    );
    const textsOf = (tag: number): string[] => {
      const found = dynamic.filter(([entry]) => entry === tag);
      if (found.length > 0 && !home) throw new RangeError('no segment holds the names of its libraries');
      return found.map(([, at]) => text(at + strings - (home?.address ?? 0) + (home?.offset ?? 0)));
    };
    const pathsOf = (tag: number): string[] => textsOf(tag).flatMap((list) => list.split(':').filter(Boolean));
    const interpreter = segments.find(({ type }) => type === PT.interp);
    const names = MACHINES[u16(18)];
    const machine = (little ? names?.[is64 ? 3 : 2] : undefined) ?? names?.[is64 ? 1 : 0] ?? `em-${u16(18)}`;
    return {
      bits: is64 ? 64 : 32,
      endian: little ? 'little' : 'big',
      machine,
      interpreter: interpreter && text(interpreter.offset),
      needed: textsOf(DT.needed),
      soname: textsOf(DT.soname)[0],
      runpath: pathsOf(DT.runpath),
      rpath: pathsOf(DT.rpath),
      dlopen: dlopenNotes(fields, segments),
    };
  });
}

/**
 * The `key=value` texts that modinfo(8) shows, from section `.modinfo` of an uncompressed kernel module; empty when it has
 * none. Throws `elf-truncated`, and `module-invalid` when the file is no ELF file.
 */
export function readModinfo(buffer: Uint8Array, name = 'the module'): ReadonlyMap<string, string[]> {
  if (!isElf(buffer))
    throw new StatectlError('module-invalid', `${name} is not a kernel module: it is no ELF file`, {
      hint: 'install the kernel package again',
    });
  return reading(name, buffer, ({ is64, u16, u32, word, bytes, text }) => {
    const start = word(0, 32, 40);
    const section = (index: number): number => start + index * u16(is64 ? 58 : 46);
    // Above 65280 sections the real numbers are in section 0 (gabi, "ELF header").
    const count = u16(is64 ? 60 : 48) || (start === 0 ? 0 : word(section(0), 20, 32));
    const lastNames = u16(is64 ? 62 : 50);
    const names = section(lastNames === 0xffff ? u32(section(0) + (is64 ? 40 : 24)) : lastNames);
    const info = new Map<string, string[]>();
    for (let index = 1; index < count; index += 1) {
      const at = section(index);
      if (text(word(names, 16, 24) + u32(at)) !== '.modinfo') continue;
      addModinfo(info, new TextDecoder().decode(bytes(word(at, 16, 24), word(at, 20, 32))));
    }
    return info;
  });
}

function addModinfo(info: Map<string, string[]>, texts: string): void {
  for (const entry of texts.split('\0')) {
    const equals = entry.indexOf('=');
    if (equals < 1) continue;
    const key = entry.slice(0, equals);
    info.set(key, [...(info.get(key) ?? []), entry.slice(equals + 1)]);
  }
}
