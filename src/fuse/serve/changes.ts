import { isOurs, listUnion, look } from '../union/look.ts';
import { createBody, entryBody } from '../wire/reply.ts';
import type { RequestOf } from '../wire/request.ts';
import { type CacheFolder, childPath, entryOf, found, nodeOf } from './cache-folder.ts';
import { Refused } from './refused.ts';

const DONE = Buffer.alloc(0);

/** The path of a name that is to be. */
function newPath(folder: CacheFolder, parent: number, name: string): string {
  const path = childPath(folder, parent, name);
  if (isOurs(path)) throw new Refused('EACCES');
  return path;
}

export function mkdir(folder: CacheFolder, request: RequestOf<'mkdir'>): Buffer {
  const { node, name, mode, uid, gid, isResent } = request;
  const path = newPath(folder, node, name);
  const there = look(folder, path);
  const isDone = isResent && there?.kind === 'here' && there.stat.type === 'dir';
  if (there && !isDone) throw new Refused('EEXIST');
  if (!isDone) {
    folder.real.makeAbove(path, folder.account);
    folder.real.mkdir(path, mode & 0o7777, { uid, gid });
  }
  return entryBody(entryOf(folder, node, name, found(folder, path)));
}

export function create(folder: CacheFolder, request: RequestOf<'create'>): Buffer {
  const { node, name, mode, uid, gid, isResent } = request;
  const path = newPath(folder, node, name);
  const there = look(folder, path);
  // The kernel opens what is there; this one came meanwhile.
  if (there && (!isResent || there.kind !== 'here')) throw new Refused('EEXIST');
  const { real, account, changed, handles } = folder;
  changed.add(path);
  if (!there) {
    real.makeAbove(path, account);
    real.create(path, mode & 0o7777, { uid, gid });
  }
  const one = found(folder, path);
  if (one.kind !== 'here') throw new Refused('EIO');
  const entry = entryOf(folder, node, name, one);
  return createBody(entry, handles.opened(path, one.stat.inode));
}

/** What loses its name stays as long as the kernel knows it: it may be open. */
function hold({ real, nodes }: CacheFolder, parent: number, name: string, path: string): void {
  const known = nodes.known(parent, name);
  const stat = real.stat(path);
  if (known && stat?.type === 'file' && known.inode === stat.inode) real.hold(path, stat.inode);
}

const MOST_REMOVED = 256;

/** What the server has of a name is deleted, too: the agent tells it. */
export function hide({ index, real, removed, newId }: CacheFolder, path: string): void {
  const file = index.file(path);
  if (!file) {
    const stat = real.stat(path);
    if (stat?.type === 'file') removed.set(path, stat);
    // The oldest is long known to be gone.
    if (removed.size > MOST_REMOVED) for (const [first] of [...removed].slice(0, 1)) removed.delete(first);
    return;
  }
  const said = { path: Buffer.from(path, 'latin1').toString(), version: file.version };
  real.noteGone(newId(), JSON.stringify(said));
  index.hide(path);
}

/** A folder of the server's stays when the last file of it goes, as any other: who deletes all of it deletes it next. */
function keepFolder({ real, account }: CacheFolder, path: string): void {
  try {
    real.makeAbove(path, account);
  } catch {
    // Where there is no room for it: who deletes makes some.
  }
}

export function unlink(folder: CacheFolder, { node, name, isResent }: RequestOf<'unlink'>): Buffer {
  const path = childPath(folder, node, name);
  const there = look(folder, path);
  if (!there && isResent) return DONE;
  const one = found(folder, path);
  if (one.kind === 'folder' || (one.kind === 'here' && one.stat.type === 'dir')) throw new Refused('EISDIR');
  keepFolder(folder, path);
  hide(folder, path);
  if (folder.real.stat(path)) {
    hold(folder, node, name, path);
    folder.real.unlink(path);
  }
  folder.nodes.detach(node, name);
  return DONE;
}

export function rmdir(folder: CacheFolder, { node, name, isResent }: RequestOf<'rmdir'>): Buffer {
  const path = childPath(folder, node, name);
  if (!look(folder, path) && isResent) return DONE;
  const one = found(folder, path);
  if (folder.index.isFolder(path)) throw new Refused('ENOTEMPTY');
  if (one.kind !== 'here' || one.stat.type !== 'dir') throw new Refused('ENOTDIR');
  folder.real.rmdir(path);
  folder.nodes.detach(node, name);
  return DONE;
}

/** RENAME_NOREPLACE of renameat2(2), the one of its flags that is done here. */
const NO_REPLACE = 1;

/** What is not here cannot be moved: EXDEV makes mv(1) and Python's shutil copy it, by which it comes. */
export function rename(folder: CacheFolder, request: RequestOf<'rename'>): Buffer {
  const { node, from: name, toNode, to: toName, how, isResent } = request;
  if ((how & ~NO_REPLACE) !== 0) throw new Refused('EINVAL');
  const from = childPath(folder, node, name);
  const to = newPath(folder, toNode, toName);
  const moved = look(folder, from);
  if (!moved && isResent && look(folder, to)) return finish();
  const one = found(folder, from);
  const over = look(folder, to);
  if (over && how === NO_REPLACE) throw new Refused('EEXIST');
  if (one.kind !== 'here') throw new Refused('EXDEV');
  const { real, index, changed, account } = folder;
  if (one.stat.type === 'dir') {
    const below = index.below(from);
    if (below.some(([path]) => look(folder, path)?.kind !== 'here')) throw new Refused('EXDEV');
    // Before anything is hidden: what cannot be moved is what it was.
    if (over && listUnion(folder, to).length > 0) throw new Refused('ENOTEMPTY');
    real.makeAbove(to, account);
    for (const [path] of below) hide(folder, path);
    real.rename(from, to);
    return finish();
  }
  if (over?.kind === 'folder') throw new Refused('EISDIR');
  real.makeAbove(to, account);
  hold(folder, toNode, toName, to);
  // Of what is there from now on the index knows nothing.
  changed.add(to);
  // First: one that is asked again must not take what went for what was never here.
  hide(folder, from);
  real.rename(from, to);
  return finish();

  function finish(): Buffer {
    nodeOf(folder, toNode);
    folder.nodes.move({ parent: node, name }, { parent: toNode, name: toName });
    return DONE;
  }
}
