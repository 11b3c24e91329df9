import { chmod, lchown, link, lutimes, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { StatectlError } from '../error.ts';
import type { Exec } from '../host/host.ts';
import { MAX_NAME_BYTES } from './cpio.ts';
import type { CpioMember } from './cpio-read.ts';
import type { Decompress } from './decompress.ts';
import { LETTER } from './initramfs-listing.ts';
import { readSegments, type Segment } from './segments.ts';

export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

/** One file; hard links share it, so that a later archive that writes to one writes to all, as in the kernel. */
interface Inode {
  member: CpioMember;
}

/** The tree that the kernel would have, by path. No path leads through a symlink: that was resolved, inside the tree. */
interface UnpackPlan {
  readonly tree: ReadonlyMap<string, Inode>;
  readonly skipped: readonly Skipped[];
}

/** The path of a member once the symlinks in its parents are followed inside the tree; undefined when a parent is missing. */
function locate(tree: ReadonlyMap<string, Inode>, name: string): string | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  const last = parts.pop();
  let folder: string[] = [];
  for (let hops = 0; parts.length > 0; ) {
    const part = parts.shift() as string;
    if (part === '..') folder.pop();
    if (part === '..' || part === '.' || part === '') continue;
    const member = tree.get([...folder, part].join('/'))?.member;
    if (member?.type === 'symlink') {
      hops += 1;
      if (hops > 40) return undefined;
      if (member.target.startsWith('/')) folder = [];
      parts.unshift(...member.target.split('/'));
    } else if (member?.type === 'dir') folder.push(part);
    else return undefined;
  }
  return last === undefined ? '' : [...folder, last].join('/');
}

/** Pure. What the kernel would drop is in `skipped`. Throws `unpack-refused` for names that point outside. */
function planUnpack(segments: readonly Segment[]): UnpackPlan {
  const tree = new Map<string, Inode>();
  const skipped: Skipped[] = [];
  const isFilled = (path: string) => [...tree.keys()].some((other) => other.startsWith(`${path}/`));
  for (const member of segments.flatMap((segment) => segment.entries)) {
    const { name } = member;
    if (name.startsWith('/') || name.split('/').includes('..'))
      throw new StatectlError('unpack-refused', `the archive's member ${JSON.stringify(name)} points outside of it`, {
        hint: 'do not trust this image: the kernel would write there, and so would `cpio -i`',
      });
    const path = locate(tree, name);
    if (path === '') continue;
    if (path?.split('/').some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES)) {
      skipped.push({ name, reason: `a file name has at most ${MAX_NAME_BYTES} bytes, so the kernel drops it too` });
      continue;
    }
    if (path === undefined) {
      skipped.push({ name, reason: 'its folder is not in the archive before it, so the kernel drops it too' });
      continue;
    }
    const old = tree.get(path);
    if (old?.member.type === 'dir' && member.type !== 'dir' && isFilled(path)) {
      skipped.push({ name, reason: 'a folder with content is in its place, so the kernel drops it too' });
      continue;
    }
    const first = member.linkTo === undefined ? undefined : tree.get(locate(tree, member.linkTo) ?? '');
    if (first?.member.type === 'file') tree.set(path, first);
    else if (old?.member.type === 'file' && member.type === 'file') old.member = member;
    else tree.set(path, { member });
  }
  return { tree, skipped };
}

export interface UnpackOptions {
  readonly decompress?: Decompress;
  /** Runs `mknod`. */
  readonly exec: Exec;
  /** Makes device nodes and sets owners; default: whether we are root. */
  readonly asRoot?: boolean;
}

async function emptyFolder(dir: string): Promise<string> {
  await mkdir(dir, { recursive: true });
  if ((await readdir(dir)).length > 0)
    throw new StatectlError('unpack-target-not-empty', `${dir} is not empty`, {
      hint: 'give a new or empty directory',
    });
  return resolve(dir);
}

/**
 * Writes an image's files as the kernel would leave them: later ones win. Only into `dir`, which must be empty or new,
 * so that no path leads through a symlink. Throws `unpack-refused`, `unpack-target-not-empty`, what `readSegments` throws.
 */
export async function unpackInitramfs(
  image: Buffer,
  dir: string,
  options: UnpackOptions,
): Promise<{ readonly unpacked: number; readonly skipped: readonly Skipped[] }> {
  const { exec, asRoot = process.getuid?.() === 0 } = options;
  const { segments } = await readSegments(image, options.decompress);
  const plan = planUnpack(segments);
  const skipped = [...plan.skipped];
  const root = await emptyFolder(dir);
  const written = new Map<Inode, string>();
  const folders: (readonly [string, CpioMember])[] = [];

  const finish = async (path: string, member: CpioMember) => {
    if (asRoot) await lchown(path, member.header.uid, member.header.gid);
    if (member.type !== 'symlink') await chmod(path, member.mode);
    await lutimes(path, member.header.mtimeSeconds, member.header.mtimeSeconds);
  };
  /** The reason why it cannot be made. */
  const makeNode = async (path: string, member: CpioMember): Promise<string | undefined> => {
    if (member.type === 'socket') return 'a socket belongs to the program that listens';
    if (!asRoot && member.type !== 'fifo') return 'only root can make device nodes';
    const numbers = 'rdev' in member ? [String(member.rdev.major), String(member.rdev.minor)] : [];
    const { exitCode, stderr } = await exec.run(['mknod', path, LETTER[member.type], ...numbers]);
    return exitCode === 0 ? undefined : stderr.trim() || `mknod ended with ${exitCode}`;
  };

  // A parent is a prefix of its children, so it is made first.
  const paths = [...plan.tree].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, inode] of paths) {
    const { member } = inode;
    const path = `${root}/${name}`;
    const original = written.get(inode);
    if (original !== undefined) {
      await link(original, path);
      continue;
    }
    if (member.type === 'dir') {
      // Its own mode comes last: it may forbid writing into it.
      await mkdir(path, { mode: 0o700 });
      folders.push([path, member]);
      continue;
    }
    if (member.type === 'file') await writeFile(path, member.data, { flag: 'wx' });
    else if (member.type === 'symlink') await symlink(member.target, path);
    else {
      const reason = await makeNode(path, member);
      if (reason !== undefined) {
        skipped.push({ name, reason });
        continue;
      }
    }
    written.set(inode, path);
    await finish(path, member);
  }
  for (const [path, member] of folders.reverse()) await finish(path, member);
  return { unpacked: paths.length - (skipped.length - plan.skipped.length), skipped };
}
