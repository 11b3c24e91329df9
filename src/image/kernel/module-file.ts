import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import { isStatectlError, reasonOf, StatectlError } from '../../error.ts';
import type { Files } from '../../host/host.ts';
import type { Decompress } from '../decompress.ts';
import type { HostProgram } from '../host-programs.ts';
import { readInTree } from '../tree/tree-content.ts';

/**
 * A kernel module as a distribution packs it. kmod reads all of these, busybox's modprobe and insmod, which load the first
 * drivers, none: so whatever goes into an initramfs is unpacked.
 */

/** Suffixes that kmod knows (kmod_file_open in libkmod-file.c), and what unpacks such files in place. */
export const MODULE_PACKERS = {
  '.gz': ['gzip', '-d', '-f', '-q'],
  '.xz': ['xz', '-d', '-f', '-q'],
  '.zst': ['zstd', '-d', '-f', '-q', '--rm'],
} as const satisfies Record<string, readonly [HostProgram, ...string[]]>;

/** No module is larger: amdgpu with its debug information has 600 MB. */
const LARGEST_MODULE_BYTES = 1024 ** 3;

/** `kernel/drivers/usb/host/xhci-pci.ko.xz` → `xhci-pci`. */
export const bareModuleName = (path: string): string =>
  path.slice(path.lastIndexOf('/') + 1).replace(/\.ko(\.(gz|xz|zst))?$/, '');

/** A module of a tree, unpacked; undefined where none is. Throws `module-invalid`, and for `.ko.xz` `program-missing`. */
export async function readModule(
  files: Pick<Files, 'stat' | 'readlink' | 'read'>,
  tree: string,
  path: string,
  decompress: Decompress,
): Promise<Buffer | undefined> {
  const bytes = await readInTree(files, tree, path);
  if (!bytes) return undefined;
  const options = { maxOutputLength: LARGEST_MODULE_BYTES };
  try {
    if (path.endsWith('.gz')) return await promisify(gunzip)(bytes, options);
    if (path.endsWith('.zst')) return await promisify(zstdDecompress)(bytes, options);
    return path.endsWith('.xz') ? await decompress('xz', bytes, LARGEST_MODULE_BYTES) : bytes;
  } catch (cause) {
    if (isStatectlError(cause) && cause.code === 'program-missing') throw cause;
    throw new StatectlError('module-invalid', `${path} cannot be unpacked: ${reasonOf(cause)}`, {
      cause,
      hint: 'install the kernel package again',
    });
  }
}
