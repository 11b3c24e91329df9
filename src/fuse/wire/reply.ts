/** What is written to /dev/fuse: linux/fuse.h, protocol 7. Everything is one write(2). */
import { MOST_WRITE_BYTES } from './request.ts';

/** struct fuse_out_header */
const HEADER_BYTES = 16;
const ENTRY_BYTES = 128;

export type NodeType = 'file' | 'dir' | 'symlink';

/** What stat(2) says of a node. */
export interface Attr {
  readonly type: NodeType;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

/** A name in a folder, with what is known of it. */
export interface Entry {
  readonly node: number;
  readonly attr: Attr;
}

/**
 * The kernel may believe names and attributes so long: what is brought meanwhile looks the same as before. It is not told of what
 * changes: no notice of FUSE is an event of inotify (measured on 6.18, FUSE_NOTIFY_DELETE too), and a second is soon.
 */
const VALID_SECONDS = 1n;

const TYPES: Readonly<Record<NodeType, number>> = { file: 0o100000, dir: 0o040000, symlink: 0o120000 };

/** Long answers, one after the other: a print is millions of them, and each has gone to the kernel before the next is made. */
const LONG = Buffer.alloc(HEADER_BYTES + MOST_WRITE_BYTES);
const SHORT_BYTES = 4096;

const withHead = (unique: bigint, error: number, body: Buffer): Buffer => {
  const bytes = HEADER_BYTES + body.length;
  const reply = bytes > SHORT_BYTES && bytes <= LONG.length ? LONG.subarray(0, bytes) : Buffer.alloc(bytes);
  reply.writeUInt32LE(reply.length, 0);
  reply.writeInt32LE(error, 4);
  reply.writeBigUInt64LE(unique, 8);
  body.copy(reply, HEADER_BYTES);
  return reply;
};

/** `body`: as one of the functions below makes it; none where the answer is that it was done. */
export const answer = (unique: bigint, body: Buffer = Buffer.alloc(0)): Buffer => withHead(unique, 0, body);

/** `errno`: a positive number of errno(3). */
export const refusal = (unique: bigint, errno: number): Buffer => withHead(unique, -errno, Buffer.alloc(0));

const NS = 1_000_000_000n;

/** struct fuse_attr */
function writeAttr(body: Buffer, at: number, node: number, attr: Attr): void {
  body.writeBigUInt64LE(BigInt(node), at);
  body.writeBigUInt64LE(BigInt(attr.sizeBytes), at + 8);
  body.writeBigUInt64LE(BigInt(Math.ceil(attr.sizeBytes / 512)), at + 16);
  for (const [index, ns] of [attr.accessedNs, attr.modifiedNs, attr.changedNs].entries()) {
    const rest = ((ns % NS) + NS) % NS;
    body.writeBigInt64LE((ns - rest) / NS, at + 24 + 8 * index);
    body.writeUInt32LE(Number(rest), at + 48 + 4 * index);
  }
  body.writeUInt32LE(TYPES[attr.type] | attr.mode, at + 60);
  body.writeUInt32LE(attr.links, at + 64);
  body.writeUInt32LE(attr.uid, at + 68);
  body.writeUInt32LE(attr.gid, at + 72);
  body.writeUInt32LE(4096, at + 80);
}

/** struct fuse_attr_out */
export function attrBody({ node, attr }: Entry): Buffer {
  const body = Buffer.alloc(104);
  body.writeBigUInt64LE(VALID_SECONDS, 0);
  writeAttr(body, 16, node, attr);
  return body;
}

function writeEntry(body: Buffer, at: number, { node, attr }: Entry): void {
  body.writeBigUInt64LE(BigInt(node), at);
  body.writeBigUInt64LE(VALID_SECONDS, at + 16);
  body.writeBigUInt64LE(VALID_SECONDS, at + 24);
  writeAttr(body, at + 40, node, attr);
}

/** struct fuse_entry_out */
export function entryBody(entry: Entry): Buffer {
  const body = Buffer.alloc(ENTRY_BYTES);
  writeEntry(body, 0, entry);
  return body;
}

/** FOPEN_KEEP_CACHE: a node has one content, which is in the kernel's cache as long as there is room. */
const KEEP_CACHE = 2;

/** struct fuse_open_out */
export function openBody(handle: bigint): Buffer {
  const body = Buffer.alloc(16);
  body.writeBigUInt64LE(handle, 0);
  body.writeUInt32LE(KEEP_CACHE, 8);
  return body;
}

export const createBody = (entry: Entry, handle: bigint): Buffer => Buffer.concat([entryBody(entry), openBody(handle)]);

export function writtenBody(bytes: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(bytes, 0);
  return body;
}

/** struct fuse_kstatfs */
export function statfsBody(
  of: Readonly<Record<'blocks' | 'bfree' | 'bavail' | 'files' | 'ffree' | 'bsize', number>>,
): Buffer {
  const body = Buffer.alloc(80);
  for (const [index, count] of [of.blocks, of.bfree, of.bavail, of.files, of.ffree].entries())
    body.writeBigUInt64LE(BigInt(count), 8 * index);
  body.writeUInt32LE(of.bsize, 40);
  body.writeUInt32LE(255, 44);
  body.writeUInt32LE(of.bsize, 48);
  return body;
}

/** A line of a listing; `next`: where to go on after it. */
export interface Dirent {
  readonly name: string;
  readonly type: NodeType;
  readonly node: number;
  readonly next: number;
}

const padded = (bytes: number): number => (bytes + 7) & ~7;

/** struct fuse_dirent: as many as have room. */
export const direntsBody = (dirents: Iterable<Dirent>, mostBytes: number): Buffer =>
  listingBody(dirents, mostBytes, 0, () => {});

/** struct fuse_direntplus: each with its entry, which `enter` gives when it has room; undefined: the kernel is to look it up itself. */
export const direntsPlusBody = (
  dirents: Iterable<Dirent>,
  mostBytes: number,
  enter: (dirent: Dirent) => Entry | undefined,
): Buffer =>
  listingBody(dirents, mostBytes, ENTRY_BYTES, (body, at, dirent) => {
    const entry = enter(dirent);
    if (entry) writeEntry(body, at, entry);
  });

function listingBody(
  dirents: Iterable<Dirent>,
  mostBytes: number,
  headBytes: number,
  writeHead: (body: Buffer, at: number, dirent: Dirent) => void,
): Buffer {
  const body = Buffer.alloc(mostBytes);
  let at = 0;
  for (const dirent of dirents) {
    const name = Buffer.from(dirent.name, 'latin1');
    const bytes = headBytes + padded(24 + name.length);
    if (at + bytes > mostBytes) break;
    writeHead(body, at, dirent);
    const from = at + headBytes;
    body.writeBigUInt64LE(BigInt(dirent.node), from);
    body.writeBigUInt64LE(BigInt(dirent.next), from + 8);
    body.writeUInt32LE(name.length, from + 16);
    body.writeUInt32LE(TYPES[dirent.type] >> 12, from + 20);
    name.copy(body, from + 24);
    at += bytes;
  }
  return body.subarray(0, at);
}

/** FUSE_ASYNC_READ, ATOMIC_O_TRUNC, BIG_WRITES, AUTO_INVAL_DATA, DO_READDIRPLUS, READDIRPLUS_AUTO, PARALLEL_DIROPS, MAX_PAGES */
const FLAGS = (1 << 0) | (1 << 3) | (1 << 5) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 18) | (1 << 22);
const PAGE_BYTES = 4096;
const MINOR = 38;

/** struct fuse_init_out: what this file system can do. */
export function initBody({
  minor,
  readAheadBytes,
}: {
  readonly minor: number;
  readonly readAheadBytes: number;
}): Buffer {
  const body = Buffer.alloc(64);
  body.writeUInt32LE(7, 0);
  body.writeUInt32LE(Math.min(minor, MINOR), 4);
  body.writeUInt32LE(readAheadBytes, 8);
  body.writeUInt32LE(FLAGS, 12);
  body.writeUInt16LE(16, 16);
  body.writeUInt16LE(12, 18);
  body.writeUInt32LE(MOST_WRITE_BYTES, 20);
  body.writeUInt32LE(1, 24);
  body.writeUInt16LE(MOST_WRITE_BYTES / PAGE_BYTES, 28);
  return body;
}

/** Asks for the requests that whoever served before did not answer; from Linux 6.9 on, else EINVAL. FUSE_NOTIFY_RESEND */
export const resendNotice = (): Buffer => withHead(0n, 7, Buffer.alloc(0));
