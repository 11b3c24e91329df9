import { type Fields, isElf, readFields } from './elf-fields.ts';

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
  return readFields(name, buffer, (fields) => {
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
