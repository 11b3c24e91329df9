/**
 * A stranger's tree by node:fs and not by the Files port: each name is looked up in its open folder, `/proc/self/fd/N/NAME`, which
 * is openat(2) for who has none, so that no folder on the way can become a link meanwhile.
 */
import { randomBytes } from 'node:crypto';
import { constants, readlinkSync } from 'node:fs';
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  statfs,
  unlink,
  utimes,
} from 'node:fs/promises';
import { dirname } from 'node:path/posix';
import type { Account } from '../../host.ts';
import type { NewFile, PlainFile, PlainTree } from '../../plain-tree.ts';
import { systemError } from '../../system-error.ts';
import { codeOf, fileOf, inside, isMissing, mayRead, openFolder, stampOf } from './open-folder.ts';
import { scanTree } from './scan-tree.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
/** Ours, in the root of each tree; nobody but us may write there. */
const OWN = '.statectl-tmp';
const CHUNK_BYTES = 256 * 1024;
const NOTE = 'note.json';
const LARGEST_NOTE_BYTES = 32 << 20;

/** As Python reads it: the number that comes out is the same one. Before 1970 node:fs sets none. */
const secondsOf = (ns: string): number =>
  Math.max(0, Number(BigInt(ns) / 1_000_000_000n) + 1e-9 * Number(BigInt(ns) % 1_000_000_000n));

/** Never over what is there. FAT knows no second name: there it is only looked for. */
async function nameAnew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'EMLINK'].includes(String(codeOf(error)))) throw error;
    if (await lstat(to).catch(() => undefined)) throw systemError('EEXIST', 'rename', to);
    return await rename(from, to);
  }
  await unlink(from);
}

/**
 * Opens a folder that belongs to this account (undefined: whose it is does not matter, and nothing is left out for it); what is put
 * there is the account's. Throws EACCES where it is another's, ENOTDIR and ELOOP where it is none.
 */
export async function openTree(root: string, owner?: Account): Promise<PlainTree> {
  const top = await openFolder(root);
  try {
    const { uid, dev } = await top.stat({ bigint: true });
    // Who may put another folder in its place must not choose one that is not theirs.
    if (owner && Number(uid) !== owner.uid) throw systemError('EACCES', 'open', root);
    return treeOf(top, root, dev, owner);
  } catch (error) {
    await top.close();
    throw error;
  }
}

function treeOf(top: FileHandle, root: string, device: bigint, owner: Account | undefined): PlainTree {
  /** The folder of a path, open, with the last name; `make` makes what is missing. */
  async function folderOf(
    path: string,
    make?: 'make',
  ): Promise<{ folder: FileHandle; name: string } & AsyncDisposable> {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    if ([...parts, name].some((part) => part === '' || part === '.' || part === '..' || part.includes('\0')))
      throw systemError('EINVAL', 'open', path);
    let folder = await openFolder(`/proc/self/fd/${top.fd}/.`);
    try {
      for (const part of parts) {
        const at = inside(folder, part);
        if (make) await makeFolder(at);
        const next = await openFolder(at);
        await folder.close();
        folder = next;
        if ((await folder.stat({ bigint: true })).dev !== device) throw systemError('EACCES', 'open', path);
      }
    } catch (error) {
      await folder.close();
      throw error;
    }
    return { folder, name, [Symbol.asyncDispose]: () => folder.close() };
  }

  async function makeFolder(at: string): Promise<void> {
    try {
      await mkdir(at, 0o755);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return;
      throw error;
    }
    await using made = await openFolder(at);
    if (owner) await made.chown(owner.uid, owner.gid);
  }

  async function look(path: string): Promise<PlainFile | undefined> {
    try {
      await using at = await folderOf(path);
      const stat = await lstat(inside(at.folder, at.name), { bigint: true });
      return stat.isFile() ? fileOf(path, stat) : undefined;
    } catch (error) {
      if (isMissing(error) || codeOf(error) === 'ELOOP') return undefined;
      throw error;
    }
  }

  /** A pipe in its place is not waited for. */
  async function openAs({ path, stamp }: Pick<PlainFile, 'path' | 'stamp'>) {
    await using at = await folderOf(path);
    const file = await open(inside(at.folder, at.name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const stat = await file.stat({ bigint: true });
      if (stat.isFile() && stampOf(stat) === stamp && (!owner || mayRead(stat, owner))) return { file, stat };
      throw systemError('ESTALE', 'open', path);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Ours, or made so: what its owner put there under our name goes. */
  async function ownFolder(): Promise<FileHandle> {
    const at = inside(top, OWN);
    const uid = process.geteuid?.() ?? 0;
    for (let tries = 0; ; tries += 1) {
      await mkdir(at, 0o700).catch((error: unknown) => {
        if (codeOf(error) !== 'EEXIST') throw error;
      });
      const folder = await openFolder(at).catch(() => undefined);
      const stat = await folder?.stat();
      if (folder && stat && stat.uid === uid && (stat.mode & 0o077) === 0) return folder;
      await folder?.close();
      if (tries === 1) throw systemError('EACCES', 'open', `${root}/${OWN}`);
      await rename(at, inside(top, `.statectl-${randomBytes(4).toString('hex')}.old`));
    }
  }

  return {
    scan: () => scanTree(top, device, owner),
    look,
    async open(wanted) {
      const { file, stat } = await openAs(wanted);
      return {
        sizeBytes: Number(stat.size),
        stream: (start, end) => file.createReadStream({ start, end, highWaterMark: CHUNK_BYTES }),
        [Symbol.asyncDispose]: () => file.close(),
      };
    },
    async *read(wanted, start = 0, end = Number.POSITIVE_INFINITY) {
      const { file } = await openAs(wanted);
      await using _ = file;
      for (let position = start; position < end; ) {
        const most = Math.min(CHUNK_BYTES, end - position);
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(most), 0, most, position);
        if (bytesRead === 0) break;
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
      if (stampOf(await file.stat({ bigint: true })) !== wanted.stamp) throw systemError('ESTALE', 'read', wanted.path);
    },
    async create(): Promise<NewFile> {
      const own = await ownFolder();
      const name = `${randomBytes(8).toString('hex')}.part`;
      const temporary = inside(own, name);
      const file = await open(temporary, 'ax+', 0o600);
      let sizeBytes = 0;
      return {
        get sizeBytes() {
          return sizeBytes;
        },
        path: `/proc/${process.pid}/fd/${own.fd}/${name}`,
        async write(chunk) {
          await file.writeFile(chunk);
          sizeBytes += chunk.length;
        },
        measure: async () => (await file.stat()).size,
        async place(path, mtimeNs, over) {
          if (owner) await file.chown(owner.uid, owner.gid);
          await file.chmod(0o644);
          const seconds = secondsOf(mtimeNs);
          await utimes(temporary, seconds, seconds);
          await file.sync();
          await using at = await folderOf(path, 'make');
          const target = inside(at.folder, at.name);
          if (over === undefined) {
            await nameAnew(temporary, target);
          } else {
            const stat = await lstat(target, { bigint: true });
            if (!stat.isFile() || stampOf(stat) !== over) throw systemError('ESTALE', 'rename', path);
            await rename(temporary, target);
          }
          await at.folder.sync();
          const placed = await file.stat({ bigint: true });
          return fileOf(path, placed);
        },
        async [Symbol.asyncDispose]() {
          await file.close();
          await rm(temporary, { force: true });
          await own.close();
        },
      };
    },
    async tidy() {
      await using own = await ownFolder();
      for (const name of await readdir(inside(own, '.')))
        if (name !== NOTE) await rm(inside(own, name), { force: true });
    },
    async remove({ path, stamp }) {
      let parent = dirname(path);
      {
        await using at = await folderOf(path).catch((error: unknown) => {
          if (isMissing(error) || codeOf(error) === 'ELOOP') return null;
          throw error;
        });
        if (!at) return false;
        const target = inside(at.folder, at.name);
        const stat = await lstat(target, { bigint: true }).catch(() => undefined);
        if (!stat?.isFile() || stampOf(stat) !== stamp) return false;
        await unlink(target);
      }
      for (; parent !== '.'; parent = dirname(parent)) {
        await using at = await folderOf(parent);
        if (
          !(await rmdir(inside(at.folder, at.name)).then(
            () => true,
            () => false,
          ))
        )
          break;
      }
      return true;
    },
    async readNote() {
      await using own = await ownFolder();
      const path = inside(own, NOTE);
      const stat = await lstat(path).catch(() => undefined);
      return stat?.isFile() && stat.size <= LARGEST_NOTE_BYTES ? await readFile(path, 'utf8') : undefined;
    },
    async writeNote(text) {
      await using own = await ownFolder();
      const temporary = inside(own, `${NOTE}.new`);
      await rm(temporary, { force: true });
      {
        await using file = await open(temporary, 'wx', 0o600);
        await file.writeFile(text);
        await file.sync();
      }
      await rename(temporary, inside(own, NOTE));
      await own.sync();
    },
    async freeBytes() {
      const { bavail, bsize } = await statfs(`/proc/self/fd/${top.fd}/.`);
      return bavail * bsize;
    },
    realPath: readlinkSync(`/proc/self/fd/${top.fd}`),
    [Symbol.asyncDispose]: () => top.close(),
  };
}
