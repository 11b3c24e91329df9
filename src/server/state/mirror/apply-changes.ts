import { StatectlError } from '../../../error.ts';
import { MIRROR_LIMITS, type MirrorChange, nameBytes } from '../../../protocol/state/mirror.ts';
import type { IndexFile, MirrorIndex, RemovedFile } from './mirror-index.ts';

/** What was replaced or deleted can be had for so many days that had any, if there is room. */
const REMOVED_KEPT_DAYS = 14;
const DAY_MS = 24 * 3_600_000;
const MOST_REMOVED = 2_000;

export interface ApplyContext {
  readonly node: string;
  readonly nowMs: number;
  /** Whether the server has the content. */
  readonly has: (sha256: string) => boolean;
}

export interface Applied {
  /** The same object where it is as it was. */
  readonly line: MirrorIndex;
  /** Contents that are not there: nothing was done of their changes. */
  readonly missing: string[];
}

/** A clock that jumps makes one more day, and takes nothing away. */
function ofLastDays(removed: readonly RemovedFile[]): readonly RemovedFile[] {
  const dayOf = ({ removedAtMs }: RemovedFile) => Math.floor(removedAtMs / DAY_MS);
  const days = [...new Set(removed.map(dayOf))].toSorted((a, b) => b - a);
  const oldest = days[REMOVED_KEPT_DAYS - 1] ?? Number.NEGATIVE_INFINITY;
  return removed.filter((one) => dayOf(one) >= oldest);
}

/** An index that is being changed. */
function opened(index: MirrorIndex, nowMs: number) {
  const files = new Map(index.files.map((file) => [file.path, file]));
  const hidden = new Map(index.hidden.map((one) => [one.path, one]));
  const deleted = new Set(index.deleted);
  const removed = [...index.removed];
  let isChanged = false;
  /** All names that are here, in a listing or not. */
  const names = { count: 0, bytes: 0 };
  const count = (path: string, more: 1 | -1): void => {
    names.count += more;
    names.bytes += more * nameBytes(path);
    if (more > 0 && (names.count > MIRROR_LIMITS.files || names.bytes > MIRROR_LIMITS.namesBytes))
      throw new StatectlError('state-full', `more than ${MIRROR_LIMITS.files} files, or 4 MiB of names, are not kept`, {
        hint: 'delete some on the printer',
      });
  };
  for (const path of [...files.keys(), ...hidden.keys(), ...deleted]) count(path, 1);
  const drop = (path: string): void => {
    const file = files.get(path);
    if (!file) return;
    files.delete(path);
    count(path, -1);
    removed.push({ ...file, removedAtMs: nowMs });
    isChanged = true;
  };
  return {
    files,
    drop,
    /** Those that cannot be beside it: a file where it needs a folder, files below it. */
    clashes(path: string): readonly string[] {
      const parts = path.split('/');
      const above = parts.slice(1).map((_, at) => parts.slice(0, at + 1).join('/'));
      const found = above.filter((one) => files.has(one));
      for (const other of files.keys()) if (other.startsWith(`${path}/`)) found.push(other);
      return found;
    },
    put(file: IndexFile): void {
      const had = files.get(file.path);
      if (had && had.sha256 !== file.sha256) drop(file.path);
      if (!files.has(file.path)) count(file.path, 1);
      files.set(file.path, file);
      if (hidden.delete(file.path)) count(file.path, -1);
      if (deleted.delete(file.path)) count(file.path, -1);
      isChanged = true;
    },
    hide(path: string, over: string): void {
      if (hidden.get(path)?.over === over) return;
      if (!hidden.has(path)) count(path, 1);
      hidden.set(path, { path, over });
      isChanged = true;
    },
    delete(path: string): void {
      if (deleted.has(path)) return;
      count(path, 1);
      deleted.add(path);
      isChanged = true;
    },
    /** It is on the line, and this has nothing of its own to say of it. */
    leave(path: string): void {
      drop(path);
      if (!deleted.delete(path)) return;
      count(path, -1);
      isChanged = true;
    },
    done: (): MirrorIndex =>
      isChanged
        ? {
            ...index,
            files: [...files.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1)),
            hidden: [...hidden.values()],
            removed: ofLastDays(removed).slice(-MOST_REMOVED),
            deleted: [...deleted],
          }
        : index,
  };
}

/** What goes on with the line. What was there goes to what is removed; a newer file than the one that was deleted stays. Pure. */
export function applyToLine(
  line: MirrorIndex,
  changes: readonly MirrorChange[],
  { node, nowMs, has }: ApplyContext,
): Applied {
  const own = opened(line, nowMs);
  const missing = new Set<string>();
  for (const { path, file, was, over } of changes) {
    if (file === null) {
      if (own.files.get(path)?.sha256 === was) own.drop(path);
      if (over !== undefined && !own.files.has(path)) own.hide(path, over);
    } else if (!has(file.sha256)) missing.add(file.sha256);
    else {
      for (const other of own.clashes(path)) own.drop(other);
      own.put({ path, ...file, node, ...(over !== undefined && { over }) });
    }
  }
  return { line: own.done(), missing: [...missing] };
}

/**
 * What a branch has: a new name goes into the line by itself (`mayTake`), where nothing is in its way; what collides stays below
 * the branch, and what is deleted there is deleted there alone. Pure.
 */
export function applyToBranch(
  { line, branch, name }: { readonly line: MirrorIndex; readonly branch: MirrorIndex; readonly name: string },
  changes: readonly MirrorChange[],
  { node, nowMs, has, mayTake }: ApplyContext & { readonly mayTake: boolean },
): Applied & { readonly branch: MirrorIndex } {
  const [onLine, own] = [opened(line, nowMs), opened(branch, nowMs)];
  const missing = new Set<string>();
  for (const { path, file, was, over } of changes) {
    const there = onLine.files.get(path);
    if (file === null) {
      own.drop(path);
      if (there || over !== undefined) own.delete(path);
    } else if (there?.sha256 === file.sha256) own.leave(path);
    else if (!has(file.sha256)) missing.add(file.sha256);
    else {
      const isNew = !there && over === undefined && onLine.clashes(path).length === 0;
      const isOwn = there?.branch === name && there.sha256 === was;
      const one = { path, ...file, node };
      if (mayTake && (isNew || isOwn)) {
        onLine.put({ ...one, branch: name });
        own.leave(path);
      } else {
        for (const other of own.clashes(path)) own.drop(other);
        own.put({ ...one, ...(over !== undefined && { over }) });
      }
    }
  }
  return { line: onLine.done(), branch: own.done(), missing: [...missing] };
}
