import { StatectlError } from '../../error.ts';
import { MAX_NAME_BYTES } from '../initramfs/cpio/cpio.ts';
import type { CpioMember } from '../initramfs/cpio/cpio-read.ts';
import type { Segment } from '../initramfs/segments/segments.ts';

export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

/** One file; hard links share it, so that a later archive that writes to one writes to all, as in the kernel. */
export interface Inode {
  member: CpioMember;
}

/** The tree that the kernel would have. No path leads through a symlink: that was resolved, inside the tree. */
export interface UnpackPlan {
  /** Parents before their children. */
  readonly paths: readonly (readonly [path: string, inode: Inode])[];
  readonly skipped: readonly Skipped[];
}

/** A name in the tree. Only a folder has children. */
interface Node {
  readonly path: string;
  readonly parent: Node | undefined;
  inode: Inode | undefined;
  readonly children: Map<string, Node>;
}

/** Folders that all names together may lead through; a distribution's initramfs needs a hundredth of it. */
const MOST_STEPS = 10_000_000;
/** As Linux has it (MAXSYMLINKS, path_resolution(7)). */
const LINKS_MAX = 40;

const refused = (why: string): StatectlError =>
  new StatectlError('unpack-refused', why, {
    hint: 'do not trust this image: the kernel would write there, and so would `cpio -i`',
  });

/** Pure. What the kernel would drop is in `skipped`. Throws `unpack-refused` for names that point outside or never end. */
export function planUnpack(segments: readonly Segment[]): UnpackPlan {
  const root: Node = { path: '', parent: undefined, inode: undefined, children: new Map() };
  const skipped: Skipped[] = [];
  let steps = 0;

  /** Where a member belongs once the symlinks in its parents are followed; undefined when a parent is missing. */
  function locate(name: string): Node | undefined {
    const left = name.split('/').reverse();
    while (left[0] === '' || left[0] === '.') left.shift();
    const last = left.shift();
    let folder = root;
    for (let links = 0, part = left.pop(); part !== undefined; part = left.pop()) {
      steps += 1;
      if (steps > MOST_STEPS) throw refused(`the archive's links lead through more than ${MOST_STEPS} folders`);
      if (part === '..') folder = folder.parent ?? root;
      if (part === '..' || part === '.' || part === '') continue;
      const node = folder.children.get(part);
      const member = node?.inode?.member;
      if (node && member?.type === 'dir') folder = node;
      else if (member?.type !== 'symlink' || ++links > LINKS_MAX) return undefined;
      else {
        if (member.target.startsWith('/')) folder = root;
        for (const each of member.target.split('/').reverse()) left.push(each);
      }
    }
    if (last === undefined) return root;
    return (
      folder.children.get(last) ?? {
        path: folder === root ? last : `${folder.path}/${last}`,
        ...{ parent: folder, inode: undefined, children: new Map() },
      }
    );
  }

  for (const member of segments.flatMap(({ entries }) => entries)) {
    const { name } = member;
    if (name.startsWith('/') || name.split('/').includes('..'))
      throw refused(`the archive's member ${JSON.stringify(name)} points outside of it`);
    const node = locate(name);
    if (node === root) continue;
    if (node === undefined) {
      skipped.push({ name, reason: 'its folder is not in the archive before it, so the kernel drops it too' });
      continue;
    }
    const own = node.path.slice(node.path.lastIndexOf('/') + 1);
    if (Buffer.byteLength(own) > MAX_NAME_BYTES) {
      skipped.push({ name, reason: `a file name has at most ${MAX_NAME_BYTES} bytes, so the kernel drops it too` });
      continue;
    }
    const old = node.inode?.member;
    if (old?.type === 'dir' && member.type !== 'dir' && node.children.size > 0) {
      skipped.push({ name, reason: 'a folder with content is in its place, so the kernel drops it too' });
      continue;
    }
    const first = member.linkTo === undefined ? undefined : locate(member.linkTo)?.inode;
    if (first?.member.type === 'file') node.inode = first;
    else if (node.inode && old?.type === 'file' && member.type === 'file') node.inode.member = member;
    else node.inode = { member };
    node.parent?.children.set(own, node);
  }
  return { paths: [...walk(root)], skipped };
}

/** By a list and not by recursion: a tree may be two thousand folders deep. */
function* walk(root: Node): Generator<readonly [string, Inode]> {
  const left = [root];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (node.inode) yield [node.path, node.inode];
    for (const child of [...node.children].sort(([a], [b]) => (a < b ? 1 : -1))) left.push(child[1]);
  }
}
