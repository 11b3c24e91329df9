import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Account } from '../../host.ts';
import type { PlainFile } from '../../plain-tree.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/** A name in an open folder: openat(2) for who has none. */
export const inside = (folder: FileHandle, name: string): string => `/proc/self/fd/${folder.fd}/${name}`;
/** Throws ELOOP for a link, ENOTDIR for what else is none. */
export const openFolder = (path: string): Promise<FileHandle> => open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
export const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown } | undefined)?.code;
export const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';

/** Another one when it was written, replaced or touched. */
export const stampOf = ({ size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): string =>
  [size, mtimeNs, ctimeNs, ino, dev].join(':');
export const fileOf = (path: string, stat: BigIntStats): PlainFile => ({
  path,
  sizeBytes: Number(stat.size),
  mtimeNs: String(stat.mtimeNs),
  stamp: stampOf(stat),
});

/** As `mayRead` of owner.ts, of what is open. */
export const mayRead = ({ uid, gid, mode }: BigIntStats, account: Account): boolean =>
  (Number(mode) & (Number(uid) === account.uid ? 0o400 : Number(gid) === account.gid ? 0o040 : 0o004)) !== 0;
