import type { Host, Stat } from '../host/host.ts';

export type EntryKind = 'file' | 'dir' | 'symlink' | 'special';

/** One path that differs from the image. Modification times never count, nor do extended attributes and ACLs. */
export interface Change {
  /** As the running system shows it: `/var/lib/x`. */
  readonly path: string;
  readonly change: 'added' | 'changed' | 'deleted';
  /** What it is now, or what it was when it is deleted. */
  readonly what: EntryKind;
  /** Of a file's content or a symlink's target, else 0; of a deleted one in the image. 0 also for a further hard link. */
  readonly sizeBytes: number;
  /** Another change's path that is a hard link to the same file, and where its bytes are counted. */
  readonly sameFileAs?: string;
}

/** One place being scanned: what the scanners may read, and where they put what they find. */
export interface Scan extends Pick<Host, 'files' | 'exec'> {
  readonly mountPoints: readonly string[];
  /** By the path that the running system shows. */
  skips(shown: string): boolean;
  found(shown: string, change: Change['change'], stat: Stat): void;
  limit(text: string): void;
  /** Names in a directory; none when it vanished, or when it is unreadable, which becomes a limit. */
  names(dir: string): Promise<readonly string[]>;
  /** lstat(2); undefined when nothing is there (any more), or when it is unreadable, which becomes a limit. */
  stat(path: string): Promise<Stat | undefined>;
  /** `ifUnreadable` when the file vanished, or when it is unreadable, which becomes a limit. */
  attempt<T>(path: string, read: () => Promise<T>, ifUnreadable: T): Promise<T>;
}
