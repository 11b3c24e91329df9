import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import * as promises from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { namingFile } from '../file-error.ts';
import type { AppendStream, Files, Stat, WriteOptions } from '../host.ts';
import { statFrom } from './file-stat.ts';
import { overwrite } from './overwrite.ts';
import { readRegular } from './regular-file.ts';
import { watchFolder } from './watch-folder.ts';

const CHUNK_BYTES = 256 * 1024;

/** An open file, as far as it is used here. */
export interface OpenFile extends AsyncDisposable {
  chmod(mode: number): Promise<void>;
  read(buffer: Buffer, offset: number, length: number, position: number | null): Promise<{ bytesRead: number }>;
  sync(): Promise<void>;
  writeFile(data: string | Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** The kernel's calls, as node:fs names them. */
export interface FileCalls {
  chmod(path: string, mode: number): Promise<void>;
  lstat(path: string): Promise<Stats>;
  mkdir(path: string): Promise<unknown>;
  open(path: string, flags: string, mode?: number): Promise<OpenFile>;
  readBytes(path: string): Promise<Buffer>;
  readText(path: string): Promise<string>;
  readdir(path: string): Promise<string[]>;
  readlink(path: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { recursive?: boolean; force?: boolean }): Promise<void>;
  stat(path: string): Promise<Stats>;
  symlink(target: string, path: string): Promise<void>;
}

/** By a thread, so that a server goes on meanwhile. */
const threadedCalls: FileCalls = {
  ...promises,
  readBytes: (path) => promises.readFile(path),
  readText: (path) => promises.readFile(path, 'utf8'),
};

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

/** Runs the task; an error with one of these codes counts as done. */
async function tolerating(codes: readonly string[], task: () => Promise<unknown>): Promise<void> {
  try {
    await task();
  } catch (error) {
    if (!codes.includes(codeOf(error) ?? '')) throw error;
  }
}

// sysfs, procfs and some FUSE file systems have no fsync: fsync(2) says EINVAL there.
const sync = (handle: OpenFile) => tolerating(['EINVAL', 'ENOTSUP'], () => handle.sync());

/** A name is durable only when its folder is: fsync(2), "Calling fsync() does not necessarily ensure …". */
async function syncFolder(fs: FileCalls, path: string): Promise<void> {
  await using folder = await fs.open(path, 'r');
  await sync(folder);
}

/**
 * Sets a mode past the umask. FAT keeps no modes and answers EPERM (fat_sanitize_mode in fs/fat/file.c): that is an error
 * only for the caller who asked for one, since a secret must not become readable in silence.
 */
async function setMode(set: (mode: number) => Promise<void>, asked: number | undefined, usual: number): Promise<void> {
  await tolerating(asked === undefined ? ['EPERM'] : [], () => set(asked ?? usual));
}

async function write(
  fs: FileCalls,
  path: string,
  data: string | Uint8Array,
  { mode }: WriteOptions = {},
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.statectl-${randomBytes(6).toString('hex')}.tmp`);
  // 'wx' is O_CREAT | O_EXCL: nobody's file or symlink is ever followed. Private until it has its final mode.
  const handle = await fs.open(temporary, 'wx', 0o600);
  try {
    try {
      await handle.writeFile(data);
      await setMode((bits) => handle.chmod(bits), mode, 0o644);
      await sync(handle);
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(fs, folder);
}

async function append(fs: FileCalls, path: string, data: string | Uint8Array): Promise<void> {
  await using stream = await appendStream(fs, path);
  await stream.write(Buffer.from(data));
}

async function makeDirectory(
  fs: FileCalls,
  path: string,
  mode?: number,
  above: 'unknown' | 'made' = 'unknown',
): Promise<void> {
  try {
    await fs.mkdir(path);
  } catch (error) {
    // A symlink to a directory will do, as for `mkdir -p`.
    if (codeOf(error) === 'EEXIST' && (await fs.stat(path).catch(() => undefined))?.isDirectory()) return;
    // procfs says so too where nobody may make anything.
    if (codeOf(error) !== 'ENOENT' || above === 'made' || dirname(path) === path) throw error;
    await makeDirectory(fs, dirname(path), mode);
    return makeDirectory(fs, path, mode, 'made');
  }
  await setMode((bits) => fs.chmod(path, bits), mode, 0o755);
  await syncFolder(fs, dirname(path));
}

async function statOf(fs: FileCalls, path: string): Promise<Stat | undefined> {
  let stats: Stats;
  try {
    stats = await fs.lstat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
  return statFrom(stats);
}

async function* readStream(fs: FileCalls, path: string, start = 0): AsyncGenerator<Uint8Array> {
  await using handle = await fs.open(path, 'r');
  let position = start;
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    // Without a start the file is read as it comes, so that pipes and character devices work too.
    const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, start > 0 ? position : null);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

async function appendStream(fs: FileCalls, path: string): Promise<AppendStream> {
  const handle = await fs.open(path, 'a', 0o644);
  let open_ = true;
  const close = async () => {
    if (!open_) return;
    open_ = false;
    try {
      await namingFile(path, () => sync(handle));
    } finally {
      await handle.close();
    }
    await syncFolder(fs, dirname(path));
  };
  return { write: (chunk) => namingFile(path, () => handle.writeFile(chunk)), close, [Symbol.asyncDispose]: close };
}

/** The kernel's files. What changes a folder or a file is durable when its promise resolves. */
export const linuxFiles = (fs: FileCalls = threadedCalls): Files => ({
  read: (path) => fs.readBytes(path),
  readText: (path) => fs.readText(path),
  readRegular,
  write: (path, data, options) => namingFile(path, () => write(fs, path, data, options)),
  append: (path, data) => namingFile(path, () => append(fs, path, data)),
  overwrite: (path, start, data) => namingFile(path, () => overwrite(path, start, data)),
  mkdir: (path, mode) => makeDirectory(fs, path, mode),
  async symlink(target, path) {
    await fs.symlink(target, path);
    await syncFolder(fs, dirname(path));
  },
  readlink: (path) => fs.readlink(path),
  async list(path) {
    return (await fs.readdir(path)).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  },
  stat: (path) => statOf(fs, path),
  async rename(from, to) {
    await fs.rename(from, to);
    await syncFolder(fs, dirname(to));
    if (dirname(from) !== dirname(to)) await syncFolder(fs, dirname(from));
  },
  async remove(path) {
    // lstat first: without it a missing parent would make the folder's fsync fail.
    if ((await statOf(fs, path)) === undefined) return;
    await fs.rm(path, { recursive: true, force: true });
    await syncFolder(fs, dirname(path));
  },
  chmod: (path, mode) => fs.chmod(path, mode),
  readStream: (path, start) => readStream(fs, path, start),
  watch: watchFolder,
  // On first use: few boots have one.
  openTree: async (path, owner) => (await import('./tree/plain-tree.ts')).openTree(path, owner),
  appendStream: (path) => appendStream(fs, path),
});
