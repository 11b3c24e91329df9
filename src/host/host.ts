/**
 * The ports: everything the program may touch of the machine it runs on. Adapters live in host/linux (the real one),
 * host/memory.ts (trees that are only looked at; tests).
 */

import type { PlainTree } from './plain-tree.ts';
import type { OpenRaw } from './raw-file.ts';

export type FileType = 'file' | 'dir' | 'symlink' | 'char' | 'block' | 'fifo' | 'socket';

/** What lstat(2) says, in our words. `mode` is the permission bits only (0o7777). */
export interface Stat {
  readonly type: FileType;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeMs: number;
  /** Major and minor of a device node; 0:0 marks an overlay whiteout. */
  readonly rdev: { readonly major: number; readonly minor: number };
  /** Of a file with several names, the number that all of them share (its inode). */
  readonly hardLink?: number;
}

export interface WriteOptions {
  /** Permission bits of the new file, default 0o644. */
  readonly mode?: number;
}

/** A file that was read, as it was while it was read. */
export interface RegularFile {
  readonly bytes: Buffer;
  readonly stat: Stat;
  /** Where it really is: no part of it is a link. */
  readonly realPath: string;
}

/** Paths are absolute. A missing file is an Error with `code` ENOENT, as node:fs has it. */
export interface Files {
  read(path: string): Promise<Buffer>;
  readText(path: string): Promise<string>;
  /** Atomic: temporary file beside it, fsync, rename, fsync of the folder. Parents must exist. */
  write(path: string, data: string | Uint8Array, options?: WriteOptions): Promise<void>;
  /**
   * A regular file, whole. What is opened is what was looked at: a pipe is not waited for, a device not touched, and of more
   * than so many bytes none is read. Throws EISDIR, EINVAL for what else is no regular file, EFBIG.
   */
  readRegular(path: string, limitBytes: number): Promise<RegularFile>;
  append(path: string, data: string | Uint8Array): Promise<void>;
  /**
   * Bytes over those that a file has, where it lies: on the disk (fdatasync) and read back, past the page cache where the file
   * system can, when it resolves. The file keeps its size. Throws EIO where something else comes back, ELOOP, EISDIR and EINVAL for
   * what is no regular file, EFBIG beyond its end.
   */
  overwrite(path: string, start: number, data: Uint8Array): Promise<void>;
  /** Like `mkdir -p -m`; the mode goes to directories that it makes. */
  mkdir(path: string, mode?: number): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  readlink(path: string): Promise<string>;
  /** Names in a directory, sorted bytewise. */
  list(path: string): Promise<readonly string[]>;
  /** lstat(2); undefined when nothing is there. */
  stat(path: string): Promise<Stat | undefined>;
  rename(from: string, to: string): Promise<void>;
  /** Like `rm -rf`: no error when it is not there. */
  remove(path: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  /** Bytes from `start`, in chunks. */
  readStream(path: string, start?: number): AsyncIterable<Uint8Array>;
  /** Names in a folder that are made, changed, moved or removed, until the signal; undefined: it is not known which. Throws ENOENT. */
  watch(path: string, signal: AbortSignal): AsyncIterable<string | undefined>;
  /** A folder of this account (undefined: of anybody). Throws EACCES where it is another's, ENOTDIR and ELOOP where it is none. */
  openTree(path: string, owner?: Account): Promise<PlainTree>;
  /** Appends chunks to a file, creating it; `close` makes it durable (fsync). */
  appendStream(path: string): Promise<AppendStream>;
}

export interface AppendStream extends AsyncDisposable {
  write(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Whose rights a program has. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** With the rights of this account alone: no other groups, and of this process's environment nothing but PATH. */
  readonly as?: Account;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** `latin1`: what it prints is bytes, each of which is one character. Default: UTF-8. */
  readonly encoding?: 'latin1';
  /** Show the program's output to the person who waits, instead of capturing it. */
  readonly inherit?: boolean;
  /** Hears what the program prints, on both outputs, as it comes. `stdout` of the result is then empty. */
  readonly onOutput?: (text: string) => void;
  /** In letters; one that prints more is killed (`program-output`). */
  readonly mostOutput?: number;
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Exec {
  /** Runs a program to its end; never a shell. Rejects only when it cannot be started, is aborted or times out. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** A program that runs. Disposed, it is ended. */
export interface OpenProgram extends AsyncDisposable {
  /** What it prints, as it comes: who reads slowly makes it wait. */
  readonly output: AsyncIterable<Uint8Array>;
  /** It ended; `stderr` is the last of what it said there. To be asked once its output was read, or is of no use. */
  readonly ended: Promise<Pick<RunResult, 'exitCode' | 'stderr'>>;
}

/** Starts a program that belongs to the terminal of who called, if there is one, and may ask there. Rejects where it cannot be started. */
export type OpenPrograms = (argv: readonly string[], input: 'kept open' | string | Uint8Array) => Promise<OpenProgram>;

/** PEM texts. With a certificate and its key the machine proves who it is (mTLS). */
export interface TlsMaterial {
  /** The only authorities to trust; default: the machine's own list. */
  readonly caPem?: string;
  /** The name that the server's certificate must have; default: that of the URL. */
  readonly serverName?: string;
  /** Authorities that sign for machines too: what they signed for clients, too, is a machine's and no server's. */
  readonly machineAuthoritiesPem?: string;
  readonly certPem?: string;
  readonly keyPem?: string;
}

export interface HttpRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** No TCP connection within this time: the server counts as dead. */
  readonly connectTimeoutMs?: number;
  /** No bytes for this long: the server counts as stalled. */
  readonly idleTimeoutMs?: number;
  readonly tls?: TlsMaterial;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Http {
  request(url: string, request?: HttpRequest): Promise<HttpResponse>;
}

/** A connection to a program on this machine. What comes is taken piece by piece: who sends faster than it is read waits. */
export interface SocketChannel extends AsyncDisposable {
  /** Resolves when the kernel has it. */
  send(bytes: Uint8Array): Promise<void>;
  /** Ends when the other side does. */
  readonly received: AsyncIterable<Uint8Array>;
}

export interface Sockets {
  /** A Unix socket; the signal ends the connection, too. Rejects as connect(2) does (ENOENT, ECONNREFUSED …). */
  connect(path: string, signal: AbortSignal): Promise<SocketChannel>;
}

/** Time servers. */
export interface Ntp {
  /** What time it is, ms since 1970, as a server says. Rejects when it says nothing of use in time. */
  ask(server: string, options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<number>;
}

/** A TPM 2.0 that listens. What was loaded over a channel is forgotten with it. */
export interface TpmChannel extends AsyncDisposable {
  /** A command, and what the TPM answers: TCG, TPM 2.0 Library, part 1, 18. */
  send(command: Uint8Array): Promise<Buffer>;
}

export interface Tpm {
  /** undefined: this machine has none. */
  open(): Promise<TpmChannel | undefined>;
}

/** Time and chance, so that hours of back-off run in milliseconds in a test. */
export interface Clock {
  /** Wall clock, ms since 1970. */
  now(): number;
  /** Monotonic, ms since the machine started where that is known. */
  uptimeMs(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
}

export type Level = 'debug' | 'info' | 'warning' | 'error';

export interface Console {
  /** One line for the operator. */
  line(level: Level, text: string): void;
  /** Shows how far long work is, until the next call or line takes its place. Only where somebody watches a terminal. */
  status?(text: string): void;
}

export interface Host {
  readonly files: Files;
  /** Partitions, and files in their place. */
  readonly openRaw: OpenRaw;
  readonly exec: Exec;
  /** Those whose output is read as it comes. */
  readonly openProgram: OpenPrograms;
  readonly http: Http;
  readonly sockets: Sockets;
  readonly ntp: Ntp;
  readonly tpm: Tpm;
  readonly clock: Clock;
  readonly console: Console;
}
