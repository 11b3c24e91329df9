import { chmod, lchown, link, lutimes, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { StatectlError } from '../../error.ts';
import type { Exec } from '../../host/host.ts';
import type { Decompress } from '../decompress.ts';
import { type Inode, planUnpack, type Skipped } from '../tree/unpack-plan.ts';
import { MAX_PATH_BYTES } from './cpio/cpio.ts';
import type { CpioMember } from './cpio/cpio-read.ts';
import { LETTER } from './initramfs-listing.ts';
import { readSegments } from './segments/segments.ts';

export interface UnpackOptions {
  readonly decompress?: Decompress;
  /** Runs `mknod`. */
  readonly exec: Exec;
  /**
   * Makes device nodes, sets owners, and keeps what lets a file run as its owner (setuid, setgid). Default: no, since a
   * stranger's archive would leave programs of root's on this machine.
   */
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
  const { exec, asRoot = false } = options;
  const { segments } = await readSegments(image, options.decompress);
  const plan = planUnpack(segments);
  const skipped = [...plan.skipped];
  const root = await emptyFolder(dir);
  const written = new Map<Inode, string>();
  const folders: (readonly [string, CpioMember])[] = [];

  const finish = async (path: string, member: CpioMember) => {
    if (asRoot) await lchown(path, member.header.uid, member.header.gid);
    if (member.type !== 'symlink') await chmod(path, asRoot ? member.mode : member.mode & 0o1777);
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

  for (const [name, inode] of plan.paths) {
    const { member } = inode;
    const path = `${root}/${name}`;
    if (Buffer.byteLength(path) >= MAX_PATH_BYTES) {
      skipped.push({ name, reason: `its path below ${root} is too long` });
      continue;
    }
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
  return { unpacked: plan.paths.length - (skipped.length - plan.skipped.length), skipped };
}
