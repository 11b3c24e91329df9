import { createHash } from 'node:crypto';
import { join } from 'node:path/posix';
import type { Stat } from '../host/host.ts';
import type { Scan } from './scan.ts';

/** One path, three ways. */
export interface Trees {
  /** As the running system shows it. */
  readonly shown: string;
  /** What was written: the ramdisk itself, or the overlay's upper. */
  readonly live: string;
  /** The image's, or undefined below what the image has not as a directory: never looked up through its symlinks. */
  readonly image: string | undefined;
}

/** Does the running system show nothing here, whatever the image has? `live` may still be a whiteout. */
export type IsGone = (at: Trees, live: Stat | undefined) => boolean | Promise<boolean>;

/** Content up to this size is compared even when size and modification time are equal. */
const ALWAYS_READ_BYTES = 1 << 20;

async function digestOf(scan: Scan, path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of scan.files.readStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

async function sameContent(scan: Scan, livePath: string, imagePath: string, live: Stat, image: Stat): Promise<boolean> {
  switch (live.type) {
    case 'file':
      if (live.sizeBytes !== image.sizeBytes) return false;
      if (live.sizeBytes === 0) return true;
      if (live.mtimeMs === image.mtimeMs && live.sizeBytes > ALWAYS_READ_BYTES) return true;
      return (await digestOf(scan, livePath)) === (await digestOf(scan, imagePath));
    case 'symlink':
      return (await scan.files.readlink(livePath)) === (await scan.files.readlink(imagePath));
    case 'char':
    case 'block':
      return live.rdev.major === image.rdev.major && live.rdev.minor === image.rdev.minor;
    default:
      return true;
  }
}

/** A symlink's mode is always 0777 where Linux keeps one at all. */
const sameAttributes = (live: Stat, image: Stat): boolean =>
  live.uid === image.uid && live.gid === image.gid && (live.type === 'symlink' || live.mode === image.mode);

async function deletedBelow(scan: Scan, shown: string, image: string): Promise<void> {
  for (const name of await scan.names(image)) {
    const stat = await scan.stat(join(image, name));
    if (stat !== undefined) await deleted(scan, join(shown, name), join(image, name), stat);
  }
}

async function deleted(scan: Scan, shown: string, image: string, stat: Stat): Promise<void> {
  if (scan.skips(shown)) return;
  scan.found(shown, 'deleted', stat);
  if (stat.type === 'dir') await deletedBelow(scan, shown, image);
}

async function diffBelow(scan: Scan, dir: Trees, isGone: IsGone): Promise<void> {
  const liveNames = await scan.names(dir.live);
  const imageNames = dir.image === undefined ? [] : await scan.names(dir.image);
  for (const name of new Set([...liveNames, ...imageNames])) {
    const image = dir.image === undefined ? undefined : join(dir.image, name);
    const at = { shown: join(dir.shown, name), live: join(dir.live, name), image };
    if (!scan.skips(at.shown)) await diffEntry(scan, at, isGone);
  }
}

async function diffEntry(scan: Scan, at: Trees, isGone: IsGone): Promise<void> {
  const look = async () => {
    const live = await scan.files.stat(at.live);
    const image = at.image === undefined ? undefined : await scan.files.stat(at.image);
    return { live, image, gone: await isGone(at, live) };
  };
  // One side unreadable must not look like one side missing.
  const seen = await scan.attempt(at.shown, look, undefined);
  if (seen === undefined) return;
  const { live, image, gone } = seen;
  // Names are strings here; bytes that are no UTF-8 were replaced, and the path leads nowhere.
  if (!live && !image && at.shown.includes('\ufffd')) scan.limit(`unreadable: ${at.shown}: its name is not UTF-8`);
  if (gone && image && at.image !== undefined) await deleted(scan, at.shown, at.image, image);
  if (live && !gone) await diffLive(scan, at, isGone, live, image);
}

async function diffLive(scan: Scan, at: Trees, isGone: IsGone, live: Stat, image: Stat | undefined): Promise<void> {
  if (!image || at.image === undefined) {
    scan.found(at.shown, 'added', live);
  } else if (live.type !== image.type) {
    scan.found(at.shown, 'changed', live);
    if (image.type === 'dir') await deletedBelow(scan, at.shown, at.image);
  } else {
    const imagePath = at.image;
    const same =
      sameAttributes(live, image) &&
      (await scan.attempt(at.live, () => sameContent(scan, at.live, imagePath, live, image), true));
    if (!same) scan.found(at.shown, 'changed', live);
  }
  if (live.type === 'dir') await diffBelow(scan, image?.type === 'dir' ? at : { ...at, image: undefined }, isGone);
}

/**
 * Finds what `live` has differently from `image`: type, size, mode and owner, then content. A modification time alone is no
 * change; only above 1 MiB does an equal one, with an equal size, stand for equal content.
 */
export async function diffTrees(scan: Scan, trees: Trees, isGone: IsGone): Promise<void> {
  const live = await scan.stat(trees.live);
  const image = trees.image === undefined ? undefined : await scan.stat(trees.image);
  if (live?.type !== 'dir') return scan.limit(`unreadable: ${trees.live}: not a directory`);
  if (image?.type === 'dir') return diffLive(scan, trees, isGone, live, image);
  scan.limit(`image: ${trees.image} is not a directory, so everything in ${trees.shown} counts as added`);
  await diffBelow(scan, { ...trees, image: undefined }, isGone);
}

/** A ramdisk began as a full copy, so what is not there was deleted. */
export const scanRamdisk = (scan: Scan, trees: Trees): Promise<void> =>
  diffTrees(scan, trees, (_, live) => live === undefined);
