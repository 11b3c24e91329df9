import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { Manifest } from '../../signed/image-manifest.ts';
import { runProgram } from '../host-programs.ts';
import { byLine, withProgress } from '../progress.ts';

/**
 * The tree of a finished image: the one that `--keep-tree` left beside it, or what is unpacked of its root image into
 * `work`. Throws `image-incomplete`, `build-failed`, `program-missing`.
 */
export async function imageTree(
  host: Host,
  image: string,
  { root, kernelRelease }: Manifest,
  what: 'modules' | 'everything',
  work: string,
): Promise<string> {
  const kept = `${image}/tree`;
  if ((await host.files.stat(kept))?.type === 'dir') return kept;
  const packed = `${image}/${root.file}`;
  if (!(await host.files.stat(packed)))
    throw new StatectlError('image-incomplete', `${image} has a manifest, but no ${root.file}`, {
      hint: 'give the folder that `build image` made, whole',
    });
  const tree = `${work}/image`;
  // Names that are not there are no error. Xattrs are of no use here, and only root may set most.
  const paths = ['lib', 'usr/lib'].flatMap((lib) => [`${lib}/modules/${kernelRelease}`, `${lib}/firmware`]);
  await withProgress(host, `initramfs: unpacking ${what} of ${root.file}`, 'blocks', (report) => {
    const onOutput = byLine((line) => {
      const [, done, total] = /\s(\d+)\/(\d+)\s+\d+%/.exec(line) ?? [];
      if (done && total) report({ done: Number(done), total: Number(total) });
    });
    return root.type === 'squashfs'
      ? runProgram(host, ['unsquashfs', '-no-xattrs', '-d', tree, packed, ...(what === 'modules' ? paths : [])], {
          onOutput,
        })
      : runProgram(host, ['fsck.erofs', `--extract=${tree}`, packed], { onOutput });
  });
  return tree;
}
