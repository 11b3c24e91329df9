/** What the kernel asks of a file system, as it is read from /dev/fuse: linux/fuse.h, protocol 7. */

/** struct fuse_in_header */
const HEADER_BYTES = 40;
/** The most that one WRITE carries, and so the most of a frame besides its heads. */
export const MOST_WRITE_BYTES = 128 * 1024;
/** Heads and names of the longest frame. The kernel refuses to fill less than it may need. */
export const FRAME_BYTES = MOST_WRITE_BYTES + 8 * 1024;
/** Of a `unique`: whoever served before had this request already, and did not answer. */
const RESENT = 1n << 63n;

/** A time as the kernel says it: a moment, or that of now. */
export type AskedTime = { readonly seconds: bigint; readonly nanoseconds: number } | 'now';

/** What SETATTR changes; what is absent stays. */
export interface AttrChange {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly sizeBytes?: number;
  readonly accessed?: AskedTime;
  readonly modified?: AskedTime;
}

/** Names are bytes, one a character (latin1): Linux does not say that they are UTF-8. */
type Operation =
  | { readonly op: 'init'; readonly major: number; readonly minor: number; readonly readAheadBytes: number }
  | { readonly op: 'lookup' | 'unlink' | 'rmdir'; readonly name: string }
  | { readonly op: 'forget'; readonly nodes: readonly { readonly node: number; readonly count: number }[] }
  | { readonly op: 'getattr' | 'readlink' | 'statfs' | 'opendir' | 'destroy' }
  | { readonly op: 'setattr'; readonly change: AttrChange }
  | { readonly op: 'mkdir'; readonly name: string; readonly mode: number }
  | { readonly op: 'rename'; readonly from: string; readonly toNode: number; readonly to: string; readonly how: number }
  | { readonly op: 'open'; readonly flags: number }
  | { readonly op: 'create'; readonly name: string; readonly flags: number; readonly mode: number }
  | {
      readonly op: 'read' | 'readdir' | 'readdirplus';
      readonly handle: bigint;
      readonly at: number;
      readonly bytes: number;
    }
  | { readonly op: 'write'; readonly handle: bigint; readonly at: number; readonly data: Buffer }
  | { readonly op: 'release' | 'releasedir' | 'fsync'; readonly handle: bigint }
  | { readonly op: 'interrupt'; readonly interrupted: bigint }
  /** Links and devices; what is not done here; what is no request at all. */
  | { readonly op: 'forbidden' | 'unknown' | 'broken' };

/** A request with who asks. `data` of a write lies in the buffer that it was read into. */
export type Request = Operation & {
  readonly unique: bigint;
  readonly node: number;
  readonly uid: number;
  readonly gid: number;
  /** It may have been done already. */
  readonly isResent: boolean;
};

type Member<One, Op> = One extends { readonly op: infer Ops } ? ([Op] extends [Ops] ? One : never) : never;
/** The requests that `Op` is one of. */
export type RequestOf<Op extends Request['op']> = Member<Request, Op>;

/** Reads a frame. What is cut off or without an end is `broken`. Pure. */
export function readRequest(frame: Buffer): Request | undefined {
  if (frame.length < HEADER_BYTES || frame.readUInt32LE(0) !== frame.length) return undefined;
  const unique = frame.readBigUInt64LE(8);
  const head = {
    unique,
    node: Number(frame.readBigUInt64LE(16)),
    uid: frame.readUInt32LE(24),
    gid: frame.readUInt32LE(28),
    isResent: (unique & RESENT) !== 0n,
  };
  const read = OPERATIONS[frame.readUInt32LE(4)];
  if (!read) return { ...head, op: 'unknown' };
  try {
    return { ...head, ...read(frame.subarray(HEADER_BYTES), head.node) };
  } catch (error) {
    if (error instanceof RangeError) return { ...head, op: 'broken' };
    throw error;
  }
}

/** `node`: of the head. */
type Read = (body: Buffer, node: number) => Operation;

/** A name from here to its NUL, and where the next begins. */
function nameAt(body: Buffer, at: number): { readonly name: string; readonly next: number } {
  const end = body.indexOf(0, at);
  if (end < 0) throw new RangeError('a name without an end');
  return { name: body.toString('latin1', at, end), next: end + 1 };
}

const named =
  (op: 'lookup' | 'unlink' | 'rmdir'): Read =>
  (body) => ({ op, name: nameAt(body, 0).name });

const bare =
  (op: 'getattr' | 'readlink' | 'statfs' | 'opendir' | 'destroy'): Read =>
  () => ({ op });

const handled =
  (op: 'release' | 'releasedir' | 'fsync'): Read =>
  (body) => ({ op, handle: body.readBigUInt64LE(0) });

const readAt =
  (op: 'read' | 'readdir' | 'readdirplus'): Read =>
  (body) => ({
    op,
    handle: body.readBigUInt64LE(0),
    at: Number(body.readBigUInt64LE(8)),
    bytes: body.readUInt32LE(16),
  });

const renamed =
  (namesAt: 8 | 16): Read =>
  (body) => {
    const { name: from, next } = nameAt(body, namesAt);
    const { name: to } = nameAt(body, next);
    return {
      op: 'rename',
      ...{ from, to, toNode: Number(body.readBigUInt64LE(0)) },
      how: namesAt === 16 ? body.readUInt32LE(8) : 0,
    };
  };

/** FATTR_* */
const CHANGES = { mode: 1, uid: 2, gid: 4, size: 8, atime: 16, mtime: 32, atimeNow: 128, mtimeNow: 256 } as const;

/** struct fuse_setattr_in */
function readSetattr(body: Buffer): Operation {
  const valid = body.readUInt32LE(0);
  const has = (bit: number): boolean => (valid & bit) !== 0;
  const time = (isNow: boolean, secondsAt: number, nanosecondsAt: number): AskedTime =>
    isNow ? 'now' : { seconds: body.readBigInt64LE(secondsAt), nanoseconds: body.readUInt32LE(nanosecondsAt) };
  return {
    op: 'setattr',
    change: {
      ...(has(CHANGES.size) && { sizeBytes: Number(body.readBigUInt64LE(16)) }),
      ...(has(CHANGES.atime) && { accessed: time(has(CHANGES.atimeNow), 32, 56) }),
      ...(has(CHANGES.mtime) && { modified: time(has(CHANGES.mtimeNow), 40, 60) }),
      ...(has(CHANGES.mode) && { mode: body.readUInt32LE(68) }),
      ...(has(CHANGES.uid) && { uid: body.readUInt32LE(76) }),
      ...(has(CHANGES.gid) && { gid: body.readUInt32LE(80) }),
    },
  };
}

/** struct fuse_write_in, then the data. */
function readWrite(body: Buffer): Operation {
  const bytes = body.readUInt32LE(16);
  const data = body.subarray(40, 40 + bytes);
  if (data.length !== bytes) throw new RangeError('less than it says');
  return { op: 'write', handle: body.readBigUInt64LE(0), at: Number(body.readBigUInt64LE(8)), data };
}

function readForgets(body: Buffer): Operation {
  const nodes = Array.from({ length: body.readUInt32LE(0) }, (_, index) => ({
    node: Number(body.readBigUInt64LE(8 + 16 * index)),
    count: Number(body.readBigUInt64LE(16 + 16 * index)),
  }));
  return { op: 'forget', nodes };
}

/** By opcode. */
const OPERATIONS: Readonly<Partial<Record<number, Read>>> = {
  1: named('lookup'),
  2: (body, node) => ({ op: 'forget', nodes: [{ node, count: Number(body.readBigUInt64LE(0)) }] }),
  3: bare('getattr'),
  4: readSetattr,
  5: bare('readlink'),
  6: () => ({ op: 'forbidden' }),
  8: () => ({ op: 'forbidden' }),
  9: (body) => ({ op: 'mkdir', mode: body.readUInt32LE(0), name: nameAt(body, 8).name }),
  10: named('unlink'),
  11: named('rmdir'),
  12: renamed(8),
  13: () => ({ op: 'forbidden' }),
  14: (body) => ({ op: 'open', flags: body.readUInt32LE(0) }),
  15: readAt('read'),
  16: readWrite,
  17: bare('statfs'),
  18: handled('release'),
  20: handled('fsync'),
  26: (body) => ({
    op: 'init',
    ...{ major: body.readUInt32LE(0), minor: body.readUInt32LE(4), readAheadBytes: body.readUInt32LE(8) },
  }),
  27: bare('opendir'),
  28: readAt('readdir'),
  29: handled('releasedir'),
  35: (body) => ({
    op: 'create',
    ...{ flags: body.readUInt32LE(0), mode: body.readUInt32LE(4), name: nameAt(body, 16).name },
  }),
  36: (body) => ({ op: 'interrupt', interrupted: body.readBigUInt64LE(0) }),
  38: bare('destroy'),
  42: readForgets,
  44: readAt('readdirplus'),
  45: renamed(16),
};
