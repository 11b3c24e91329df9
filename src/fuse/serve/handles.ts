import type { RealFile, RealFolder } from '../real-folder.ts';
import type { Node, Nodes } from '../union/nodes.ts';
import { Refused } from './refused.ts';

/** A file that somebody has open; its number to the kernel is that of its inode. */
interface Handle {
  opens: number;
  readonly files: { read?: RealFile; write?: RealFile };
  /** What it is known to have: it is never shown shorter. */
  sizeBytes: number;
}

/** Files that are open. What whoever served before had open is opened again when it is asked for. */
export interface Handles {
  /** One more has it open. Gives its number. */
  opened(path: string, inode: bigint): bigint;
  /** `node`: as whose it is asked. Throws EIO where the content is no more, or no more whole. */
  reading(inode: bigint, node: Node | undefined): { readonly file: RealFile; readonly sizeBytes: number };
  writing(inode: bigint, node: Node | undefined): RealFile;
  /** It was written so far. */
  grew(inode: bigint, toBytes: number): void;
  resized(inode: bigint, toBytes: number): void;
  released(inode: bigint): void;
}

/** `isWhole`: whether what is here of a path is all of it. */
export function handleTable(real: RealFolder, nodes: Nodes, isWhole: (path: string) => boolean): Handles {
  const handles = new Map<bigint, Handle>();

  /** By the name of ours that it has, or by its own, if that still is it. */
  function openAgain(inode: bigint, node: Node | undefined, how: 'read' | 'write'): RealFile {
    try {
      return real.openHeld(inode, how);
    } catch {
      const path = node && nodes.pathOf(node);
      if (path === undefined || !isWhole(path)) throw new Refused('EIO');
      const file = real.open(path, how);
      if (file.stat().inode === inode) return file;
      file.close();
      throw new Refused('EIO');
    }
  }

  function opened(inode: bigint, node: Node | undefined, how: 'read' | 'write') {
    const known = handles.get(inode);
    const file = known?.files[how] ?? openAgain(inode, node, how);
    // Of whoever served before: how many have it open is not known, and who comes after the last of them opens it again.
    const handle = known ?? { opens: 1, files: {}, sizeBytes: file.stat().sizeBytes };
    handle.files[how] = file;
    handles.set(inode, handle);
    return { file, sizeBytes: handle.sizeBytes };
  }

  return {
    opened(path, inode) {
      const known = handles.get(inode);
      if (known) known.opens += 1;
      else {
        const read = real.open(path, 'read');
        const { inode: there, sizeBytes } = read.stat();
        if (there === inode) handles.set(inode, { opens: 1, files: { read }, sizeBytes });
        else {
          read.close();
          throw new Refused('ESTALE');
        }
      }
      return inode;
    },
    reading: (inode, node) => opened(inode, node, 'read'),
    writing: (inode, node) => opened(inode, node, 'write').file,
    grew(inode, toBytes) {
      const handle = handles.get(inode);
      if (handle) handle.sizeBytes = Math.max(handle.sizeBytes, toBytes);
    },
    resized(inode, toBytes) {
      const handle = handles.get(inode);
      if (handle) handle.sizeBytes = toBytes;
    },
    released(inode) {
      const handle = handles.get(inode);
      if (!handle) return;
      handle.opens -= 1;
      if (handle.opens > 0) return;
      handles.delete(inode);
      handle.files.read?.close();
      handle.files.write?.close();
    },
  };
}
