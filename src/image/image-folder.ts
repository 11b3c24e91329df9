import { basename, dirname } from 'node:path/posix';
import { reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { resolveInTree } from '../host/tree.ts';
import { LOADER_FILES } from './loader/make-loaders.ts';
import { FILE_LIST } from './tree/file-list.ts';
import { type WorkHost, workFolder } from './work-folder.ts';

/** What an image's folder may hold; a folder with anything else is somebody's own. */
const OURS: ReadonlySet<string> = new Set([
  ...['manifest.json', 'manifest.json.sig', 'vmlinuz', 'root.squashfs', 'root.erofs', FILE_LIST, 'tree'],
  ...['initramfs.img', 'initramfs.img.json', 'initramfs.img.json.sig'],
  ...['manifest.json.made-from', 'initramfs.img.made-from'],
  ...Object.values(LOADER_FILES),
]);

export interface ImageFolder extends AsyncDisposable {
  /** Where to put the image together. */
  readonly work: string;
  /** Puts what is in `work` into the image's place, as a whole. */
  publish(): Promise<void>;
}

/**
 * The folder of an image, which is replaced as a whole or not at all: an earlier image stays as it is until `publish`.
 * Throws `out-occupied` for a folder that holds something else.
 */
export async function imageFolder(host: WorkHost, out: string): Promise<ImageFolder> {
  const { files } = host;
  // A link to the folder stays a link.
  const target = (await resolveInTree(files, '/', out))?.path ?? out;
  const earlier = `${dirname(target)}/.${basename(target)}.earlier`;
  // A power cut between the two renames of an earlier run.
  if (!(await files.stat(target)) && (await files.stat(earlier))) await files.rename(earlier, target);
  await refuseOthers(host, target);
  const work = await workFolder(host, target);
  return {
    work: work.path,
    async publish() {
      await files.chmod(work.path, 0o755);
      await files.remove(earlier);
      const replaces = (await files.stat(target)) !== undefined;
      try {
        if (replaces) await files.rename(target, earlier);
        await files.rename(work.path, target);
      } catch (cause) {
        if (replaces && !(await files.stat(target))) await files.rename(earlier, target);
        throw new StatectlError('out-not-replaceable', `${target} cannot be replaced: ${reasonOf(cause)}`, {
          cause,
          hint: 'give a folder below a mount point with --out, not the mount point itself',
        });
      }
      await files.remove(earlier);
    },
    [Symbol.asyncDispose]: () => work[Symbol.asyncDispose](),
  };
}

async function refuseOthers({ files }: Pick<Host, 'files'>, target: string): Promise<void> {
  const stat = await files.stat(target);
  if (!stat) return;
  const hint = 'name a new folder with --out, or one that `build image` made';
  if (stat.type !== 'dir') throw new StatectlError('out-occupied', `--out ${target} is no folder`, { hint });
  const names = await files.list(target);
  const strange = names.find((name) => !OURS.has(name)) ?? (names.includes('manifest.json') ? undefined : names[0]);
  if (strange !== undefined)
    throw new StatectlError('out-occupied', `--out ${target} holds ${strange}, which is not part of an image`, {
      hint,
    });
}
