import { constants } from 'node:fs';
import { type Attr, attrBody, openBody, writtenBody } from '../wire/reply.ts';
import { type AskedTime, MOST_WRITE_BYTES, type Request, type RequestOf } from '../wire/request.ts';
import { type CacheFolder, found, nodeOf, pathOf } from './cache-folder.ts';
import { attrNow } from './names.ts';
import { Refused } from './refused.ts';

/** An answer, or that it comes later. */
export type Answer = Buffer | 'later';

/** Does something with a file once it is here; who asks waits as long. */
function whenHere(
  folder: CacheFolder,
  { unique, node }: Pick<Request, 'unique' | 'node'>,
  act: (path: string, inode: bigint | undefined) => Buffer,
): Answer {
  const path = pathOf(folder, node);
  const one = found(folder, path);
  if (one.kind !== 'away') return act(path, one.kind === 'here' ? one.stat.inode : undefined);
  folder.wanted({
    ...{ unique, node, version: one.file.version },
    path: Buffer.from(path, 'latin1').toString(),
    again: () => {
      const now = found(folder, pathOf(folder, node));
      if (now.kind === 'away') return undefined;
      return act(pathOf(folder, node), now.kind === 'here' ? now.stat.inode : undefined);
    },
  });
  return 'later';
}

export function open(folder: CacheFolder, request: RequestOf<'open'>): Answer {
  const { flags, node: id } = request;
  if ((flags & constants.O_TRUNC) !== 0) emptied(folder, pathOf(folder, id));
  return whenHere(folder, request, (path, inode) => {
    if (inode === undefined) throw new Refused('EISDIR');
    const node = nodeOf(folder, id);
    // What is here now is what was to be brought, or what was here all the time.
    node.inode ??= inode;
    if (node.inode !== inode) throw new Refused('ESTALE');
    return openBody(folder.handles.opened(path, inode));
  });
}

/** What it had need not be brought for that. */
function emptied(folder: CacheFolder, path: string): void {
  const one = found(folder, path);
  const { real, account, changed, handles } = folder;
  if (one.kind === 'folder') throw new Refused('EISDIR');
  changed.add(path);
  if (one.kind === 'away') {
    real.makeAbove(path, account);
    if (real.stat(path)) real.unlink(path);
    real.create(path, 0o644, account);
  } else {
    real.truncate(path, 0);
    handles.resized(one.stat.inode, 0);
  }
}

/** What the kernel asks for at most, used again: it is in the answer before the next is read. */
const MOST_READ = Buffer.alloc(MOST_WRITE_BYTES);

/** What is less than it was known to have is an error, never an end: a print would be called complete. */
export function read(folder: CacheFolder, { handle, node, at, bytes }: RequestOf<'read'>): Buffer {
  const { file, sizeBytes } = folder.handles.reading(handle, folder.nodes.get(node));
  const buffer = bytes <= MOST_READ.length ? MOST_READ.subarray(0, bytes) : Buffer.alloc(bytes);
  const count = file.read(buffer, at);
  if (count < bytes && at + count < sizeBytes) throw new Refused('EIO');
  return buffer.subarray(0, count);
}

export function write(folder: CacheFolder, { handle, node: id, at, data }: RequestOf<'write'>): Buffer {
  const node = folder.nodes.get(id);
  const file = folder.handles.writing(handle, node);
  const path = node && folder.nodes.pathOf(node);
  if (path !== undefined) folder.changed.add(path);
  const count = file.write(data, at);
  folder.handles.grew(handle, at + count);
  return writtenBody(count);
}

export function fsync(folder: CacheFolder, { handle, node }: RequestOf<'fsync'>): Buffer {
  folder.handles.reading(handle, folder.nodes.get(node)).file.sync();
  return Buffer.alloc(0);
}

const NS = 1_000_000_000n;
const nsOf = (time: AskedTime | undefined, before: bigint): bigint =>
  time === undefined
    ? before
    : time === 'now'
      ? BigInt(Date.now()) * 1_000_000n
      : time.seconds * NS + BigInt(time.nanoseconds);

export function setattr(folder: CacheFolder, request: RequestOf<'setattr'>): Answer {
  const { change, node: id } = request;
  const node = nodeOf(folder, id);
  const reply = () => attrBody({ node: id, attr: attrNow(folder, id) });
  // Who changes the size of what lost its name has it open.
  if (folder.nodes.pathOf(node) === undefined && node.inode !== undefined) {
    if (change.sizeBytes !== undefined) {
      folder.handles.writing(node.inode, node).truncate(change.sizeBytes);
      folder.handles.resized(node.inode, change.sizeBytes);
    }
    return reply();
  }
  if (change.sizeBytes === 0) emptied(folder, pathOf(folder, id));
  return whenHere(folder, request, (path) => {
    const { real, account, changed, handles } = folder;
    if (!real.stat(path)) {
      real.makeAbove(path, account);
      real.mkdir(path, 0o755, account);
    }
    const { mode, uid, gid, sizeBytes, accessed, modified } = change;
    const before: Attr | undefined = real.stat(path);
    if (!before) throw new Refused('ENOENT');
    if (sizeBytes !== undefined || modified !== undefined) changed.add(path);
    if (sizeBytes !== undefined) {
      real.truncate(path, sizeBytes);
      if (node.inode !== undefined) handles.resized(node.inode, sizeBytes);
    }
    if (uid !== undefined || gid !== undefined) real.chown(path, uid ?? before.uid, gid ?? before.gid);
    if (mode !== undefined) real.chmod(path, mode & 0o7777);
    if (accessed !== undefined || modified !== undefined)
      real.setTimes(path, nsOf(accessed, before.accessedNs), nsOf(modified, before.modifiedNs));
    return reply();
  });
}
