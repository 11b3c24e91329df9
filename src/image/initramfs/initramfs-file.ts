import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { Decompress } from '../decompress.ts';
import { writeCpio } from './cpio/cpio.ts';
import { cpioOfFolder } from './cpio/cpio-folder.ts';
import { appendSegment } from './segments/join-segments.ts';
import { readSegments } from './segments/segments.ts';

/** Throws `initramfs-unreadable`. */
export async function readInitramfsFile({ files }: Pick<Host, 'files'>, path: string): Promise<Buffer> {
  return files.read(path).catch((cause: unknown) => {
    throw new StatectlError('initramfs-unreadable', `${path} cannot be read: ${reasonOf(cause)}`, {
      cause,
      hint: 'name the file of an initramfs, such as /boot/initrd.img',
    });
  });
}

export interface Appended {
  /** Of the new segment. */
  readonly sizeBytes: number;
  readonly files: number;
  /** Sockets and pipes of the folder. */
  readonly skipped: readonly string[];
}

/**
 * Adds a folder, or a cpio archive that may be compressed, to the end of an initramfs, where it wins over what is there; a
 * bootconfig stays last. The file is replaced as a whole. Throws `segment-empty`, `initramfs-unreadable`, and what
 * `readSegments` throws of either file.
 */
export async function appendToInitramfs(
  { files }: Pick<Host, 'files'>,
  what: string,
  to: string,
  decompress?: Decompress,
): Promise<Appended> {
  const image = await readInitramfsFile({ files }, to);
  // Behind damage the kernel would never read it.
  await readSegments(image, decompress);
  const isFolder = (await files.stat(what))?.type === 'dir';
  const { entries, skipped } = isFolder ? await cpioOfFolder({ files }, what) : { entries: [], skipped: [] };
  const segment = isFolder ? writeCpio(entries) : await readInitramfsFile({ files }, what);
  const { segments } = await readSegments(segment, decompress);
  const count = segments.reduce((sum, { entries }) => sum + entries.length, 0);
  if (count === 0)
    throw new StatectlError('segment-empty', `${what} has no files in it`, { hint: 'give a folder or a cpio archive' });
  const old = await files.stat(to);
  // What was signed of it was of other bytes.
  for (const note of [`${to}.json.sig`, `${to}.json`]) await files.remove(note);
  await files.write(to, appendSegment(image, segment), old && { mode: old.mode });
  return { sizeBytes: segment.length, files: count, skipped };
}
