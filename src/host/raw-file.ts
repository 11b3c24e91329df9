/** A partition, or a file in its place: bytes at places, and what is on the disk of them. */
export interface RawFile extends AsyncDisposable {
  /** Of a partition, what fits; of a file, what it has. */
  readonly sizeBytes: number;
  /** The same for every name of one thing. */
  readonly identity: string;
  /** Bytes that a file can grow by; 0 of a partition. */
  readonly freeBytes: number;
  /** Fills the buffer from there, as far as there is something; gives how far. Errors as of pread(2). */
  read(into: Uint8Array, at: number): Promise<number>;
  /** All of these. Errors as of pwrite(2). */
  write(bytes: Uint8Array, at: number): Promise<void>;
  /** What was written is on the disk. */
  sync(): Promise<void>;
  /** Of a file, so many bytes from now on; a partition stays as it is. */
  setSize(bytes: number): Promise<void>;
}

/**
 * `read`: through the cache. `read the disk`: past it (O_DIRECT), where the file system can; what is read then has the bytes of
 * `pieces` at places that are a multiple of theirs. `write`: a file is made, a partition that is mounted or held is refused (EBUSY).
 */
export type RawAccess = 'read' | 'read the disk' | 'write';

/** Follows links in /dev alone. Errors as of open(2); ENOTSUP for `read the disk` where the file system cannot. */
export type OpenRaw = (path: string, access: RawAccess) => Promise<RawFile>;

/** Copies go by pieces of this size. */
export const PIECE_BYTES = 1 << 20;
