import { StatectlError } from '../error.ts';
import { type Decompress, type ForeignCompression, MAX_UNPACKED_BYTES } from './decompress.ts';
import { type HostProgram, installHint } from './host-programs.ts';

const PROGRAMS = {
  xz: ['xz', '-dc'],
  lz4: ['lz4', '-dc', '-'],
  lzo: ['lzop', '-dc'],
  bzip2: ['bzip2', '-dc'],
  // Without --single-stream xz fails on the padding that follows.
  lzma: ['xz', '--format=lzma', '--single-stream', '-dc'],
} as const satisfies Record<ForeignCompression, readonly [HostProgram, ...string[]]>;

/** Unpacks with the programs that Debian has for it. Throws `program-missing`, `decompress-failed`. */
export const decompressWithPrograms: Decompress = async (kind, data, mostBytes = MAX_UNPACKED_BYTES) => {
  const [program, ...args] = PROGRAMS[kind];
  const { execa } = await import('execa');
  const result = await execa(program, args, {
    input: data,
    encoding: 'buffer',
    stripFinalNewline: false,
    reject: false,
    maxBuffer: mostBytes,
  });
  if (result.failed && 'code' in result && result.code === 'ENOENT')
    throw new StatectlError('program-missing', `unpacking ${kind} data needs the program ${program}`, {
      hint: installHint([program]),
    });
  // Seen by who knows where in the image this is.
  if (result.isMaxBuffer) throw result;
  if (result.failed) {
    const why = Buffer.from(result.stderr).toString().trim() || result.shortMessage;
    throw new StatectlError('decompress-failed', `${program} failed: ${why}`, { cause: result });
  }
  return Buffer.from(result.stdout.buffer, result.stdout.byteOffset, result.stdout.byteLength);
};
