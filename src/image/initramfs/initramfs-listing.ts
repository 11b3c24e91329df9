import type { FileType } from '../../host/host.ts';
import { printableLine } from '../../printable.ts';
import type { Decompress } from '../decompress.ts';
import { formatSize } from '../format-size.ts';
import type { DeviceNumber } from './cpio/cpio.ts';
import type { CpioMember } from './cpio/cpio-read.ts';
import { segmentName } from './segments/segment-name.ts';
import { type Compression, readSegments } from './segments/segments.ts';

/** What is in an initramfs: for reading, and for `--json`. */

export interface ListedMember {
  readonly name: string;
  readonly type: FileType;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly target?: string;
  readonly linkTo?: string;
  readonly rdev?: DeviceNumber;
}

export interface ListedSegment {
  /** Where `build initramfs` made it: loader, modules, runtime, tools NAME, config.d. */
  readonly name?: string;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly compression: Compression;
  readonly unpackedBytes: number;
  readonly hasTrailer: boolean;
  readonly members: readonly ListedMember[];
}

/** Plain data, as `--json` prints it. */
export interface InitramfsListing {
  readonly sizeBytes: number;
  readonly segments: readonly ListedSegment[];
  readonly bootconfig?: { readonly offset: number; readonly sizeBytes: number; readonly text: string };
}

function sizeOf(member: CpioMember): number {
  if (member.type === 'symlink') return Buffer.byteLength(member.target);
  return member.type === 'file' ? member.data.length : 0;
}

function listMember(member: CpioMember): ListedMember {
  const { name, type, linkTo, header } = member;
  return {
    name,
    type,
    mode: member.type === 'symlink' ? 0o777 : member.mode,
    uid: header.uid,
    gid: header.gid,
    nlink: header.nlink,
    sizeBytes: sizeOf(member),
    mtimeSeconds: header.mtimeSeconds,
    ...(member.type === 'symlink' ? { target: member.target } : {}),
    ...(linkTo === undefined ? {} : { linkTo }),
    ...('rdev' in member ? { rdev: member.rdev } : {}),
  };
}

/** Throws what `readSegments` throws. */
export async function listInitramfs(image: Buffer, decompress?: Decompress): Promise<InitramfsListing> {
  const { segments, bootconfig } = await readSegments(image, decompress);
  return {
    sizeBytes: image.length,
    segments: segments.map(({ entries, ...segment }) => {
      const name = segmentName(entries);
      return { ...(name !== undefined && { name }), ...segment, members: entries.map(listMember) };
    }),
    ...(bootconfig && {
      bootconfig: {
        offset: bootconfig.offset,
        sizeBytes: bootconfig.sizeBytes,
        text: bootconfig.data.toString('utf8').replace(/\0+$/, ''),
      },
    }),
  };
}

export const LETTER = { file: '-', dir: 'd', symlink: 'l', char: 'c', block: 'b', fifo: 'p', socket: 's' } as const;

/** As `ls` shows it: `drwxr-xr-t`. */
function formatMode(type: FileType, mode: number): string {
  const special = ['s', 's', 't'];
  const triples = [6, 3, 0].map((shift, index) => {
    const bits = mode >> shift;
    const isSpecial = (mode & (0o4000 >> index)) !== 0;
    const letter = special[index] ?? '';
    const execute = isSpecial ? ((bits & 1) !== 0 ? letter : letter.toUpperCase()) : (bits & 1) !== 0 ? 'x' : '-';
    return `${(bits & 4) !== 0 ? 'r' : '-'}${(bits & 2) !== 0 ? 'w' : '-'}${execute}`;
  });
  return `${LETTER[type]}${triples.join('')}`;
}

function formatMember(member: ListedMember): string {
  const size = member.rdev ? `${member.rdev.major}, ${member.rdev.minor}` : String(member.sizeBytes);
  const time = new Date(member.mtimeSeconds * 1000).toISOString().slice(0, 16).replace('T', ' ');
  const owner = `${String(member.uid).padEnd(5)} ${String(member.gid).padEnd(5)}`;
  const start = `${formatMode(member.type, member.mode)} ${String(member.nlink).padStart(3)} ${owner}`;
  const arrow = member.target === undefined ? '' : ` -> ${printableLine(member.target)}`;
  const hardLink = member.linkTo === undefined ? '' : ` link to ${printableLine(member.linkTo)}`;
  return `${start} ${size.padStart(9)} ${time} ${printableLine(member.name)}${arrow}${hardLink}`;
}

/** Lines like those of `lsinitramfs -l`, under a heading for each segment; times are UTC, owners numbers. */
export function formatListing(listing: InitramfsListing): string[] {
  const lines = listing.segments.flatMap((segment, index) => {
    const packed = segment.compression === 'none' ? '' : ` ${segment.compression},`;
    const cut = segment.hasTrailer ? '' : ', without a trailer (cut off?)';
    const name = segment.name === undefined ? '' : ` (${segment.name})`;
    const heading = `# segment ${index + 1}${name}: cpio,${packed} ${formatSize(segment.sizeBytes)}, at ${segment.offset}${cut}`;
    return [heading, ...segment.members.map(formatMember)];
  });
  const { bootconfig } = listing;
  return bootconfig ? [...lines, `# bootconfig: ${formatSize(bootconfig.sizeBytes)}, at ${bootconfig.offset}`] : lines;
}
