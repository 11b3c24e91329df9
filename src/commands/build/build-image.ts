import { Command, Option } from 'commander';
import { StatectlError } from '../../error.ts';
import { buildImage, type ImageInput } from '../../image/build-image.ts';
import { forCaller } from '../../image/for-caller.ts';
import { formatSize } from '../../image/format-size.ts';
import { imageKey } from '../../image/keys.ts';
import type { CompressionName } from '../../image/squashfs.ts';
import { isPlainName, type RootType } from '../../signed/image-manifest.ts';
import { printJson } from '../print.ts';
import { usage } from '../state-option.ts';
import { caller, compressionOption, interruptibleHost, keysOption, list, path } from './build-options.ts';

interface ImageOptions {
  readonly from: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly kernel?: string;
  readonly name: string;
  readonly imageVersion?: string;
  readonly type: RootType;
  readonly compression?: CompressionName;
  readonly keepTree?: true;
  readonly keys: string;
  readonly out: string;
  readonly json?: true;
}

const plainName = usage((text: string): string => {
  if (isPlainName(text)) return text;
  throw new StatectlError('usage', 'not a name', { hint: 'letters, digits and ._+-, the first a letter or digit' });
});

/** Kernels before 6.10 read erofs in lz4 only. */
function compressionFor({ type, compression }: ImageOptions): CompressionName {
  if (type === 'squashfs') return compression ?? 'zstd';
  if (compression === undefined || compression === 'lz4') return 'lz4';
  throw new StatectlError('usage', `an erofs in ${compression} cannot be read by Debian's kernel`, {
    hint: 'take --compression lz4 for erofs, or --type squashfs',
  });
}

/** `statectl build image`. */
export const buildImageCommand = (): Command =>
  new Command('image')
    .description('build a read-only system: kernel, root image, signed manifest')
    .requiredOption(
      '--from <source>',
      'debian:bookworm, a directory or a tarball with a system in it; it stays as it is',
    )
    .option('--include <packages>', 'Debian packages to install, comma-separated', list)
    .option('--exclude <wildcards>', 'paths of the tree that stay out, comma-separated', list)
    .option('--kernel <file>', 'a kernel that is not in the tree, although its modules are', path)
    .option('--name <name>', 'name of the image', plainName, 'debian')
    .option('--image-version <version>', 'its version (default: the time, YYYYMMDD.HHMMSS)', plainName)
    .addOption(new Option('--type <type>', 'kind of root image').choices(['squashfs', 'erofs']).default('squashfs'))
    .addOption(compressionOption('--compression <name>', 'of the root image (default: zstd; erofs: lz4)'))
    .option('--keep-tree', 'leave the tree beside the image, for a look')
    .addOption(keysOption())
    .requiredOption('--out <dir>', 'folder of the image; an earlier image in it is replaced at the very end', path)
    .option('--json', 'print the manifest')
    .addHelpText(
      'after',
      `
Root is needed, since owners, device nodes and capabilities are kept; what is made belongs to whoever called sudo.

Examples:
  sudo statectl build image --from debian:bookworm --include openssh-server,python3 --name printer --out out/printer
  sudo statectl build image --from /srv/trees/lab --name lab --type erofs --out out/lab
  sudo statectl build image --from rootfs.tar.zst --kernel vmlinuz-6.12 --name gentoo --out out/gentoo
  sudo statectl build image --from debian:bookworm --exclude 'usr/lib/modules/*/kernel/sound' --out out/quiet`,
    )
    .action(async (options: ImageOptions) => {
      const host = interruptibleHost();
      const nowMs = host.clock.now();
      const compression = compressionFor(options);
      const makes = { anew: [options.out], addedTo: [options.keys] };
      const input: ImageInput = {
        ...options,
        from: options.from.startsWith('debian:') ? options.from : path(options.from),
        compression,
        include: options.include ?? [],
        excludes: options.exclude ?? [],
        keepTree: options.keepTree === true,
        version:
          options.imageVersion ?? new Date(nowMs).toISOString().replace(/[-:]/g, '').replace('T', '.').slice(0, 15),
        epochSeconds: Number(process.env.SOURCE_DATE_EPOCH ?? Math.floor(nowMs / 1000)),
        key: () => imageKey(host, options.keys),
      };
      const manifest = await forCaller(host, caller(), makes, () => buildImage(host, input));
      if (options.json) return void printJson(manifest);
      const { name, version, arch, root, kernelRelease } = manifest;
      const facts = `${formatSize(root.sizeBytes)}, ${arch}, kernel ${kernelRelease}`;
      host.console.line('info', `image ${name}@${version} in ${options.out}: ${facts}`);
    });
