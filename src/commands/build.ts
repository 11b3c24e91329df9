import { Command } from 'commander';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isSea } from 'node:sea';
import { StatectlError } from '../error.ts';
import { linuxHost } from '../host/linux/host.ts';
import { buildImage } from '../image/build-image.ts';
import { buildInitramfs } from '../image/build-initramfs.ts';
import { imageKey } from '../image/keys.ts';
import { parseManifest } from '../image/manifest.ts';
import type { CompressionName } from '../image/squashfs.ts';
import { listLines, toolsTree } from '../image/tools-tree.ts';

const list = (text: string): string[] => text.split(',').map((word) => word.trim()).filter(Boolean);

/** `statectl build …`: the binary, the system image, the initramfs, the keys. */
export function buildCommand(): Command {
  const build = new Command('build').description('build the binary, system images and initramfs');
  build
    .command('binary')
    .description('make dist/statectl from this checkout')
    .option('--out <file>', 'where to', 'dist/statectl')
    .action(async ({ out }: { out: string }) => {
      if (isSea()) throw new StatectlError('usage', '`build binary` works in a checkout of the project', { hint: 'clone it and run `npm run build`' });
      const { buildBinary } = await import('../../build/binary.ts');
      await buildBinary(out);
    });
  build
    .command('image')
    .requiredOption('--from <source>', 'debian:bookworm, a directory or a tarball')
    .option('--include <packages>', 'Debian packages, comma-separated', list, [])
    .option('--exclude <wildcards>', 'paths of the tree that stay out of the root image', list, [])
    .option('--name <name>', 'name of the image', 'debian')
    .option('--image-version <version>', 'its version; default: the time, YYYYMMDD.HHMMSS')
    .option('--type <type>', 'squashfs or erofs', 'squashfs')
    .option('--compression <name>', 'zstd, zstd-fast, lz4 or xz', 'zstd')
    .option('--keys <dir>', 'where the image key is', './keys')
    .requiredOption('--out <dir>', 'where to')
    .action(async (options) => {
      const host = linuxHost();
      const key = await imageKey(host, resolve(options.keys));
      const version = options.imageVersion ?? new Date().toISOString().replace(/[-:]/g, '').replace('T', '.').slice(0, 15);
      const manifest = await buildImage(host, { ...options, excludes: options.exclude, out: resolve(options.out), version, key });
      host.console.line('info', `image ${manifest.name} ${manifest.version}: ${(manifest.root.sizeBytes / 2 ** 20).toFixed(1)} MiB, kernel ${manifest.kernelRelease}, in ${options.out}`);
    });
  build
    .command('initramfs')
    .requiredOption('--image <dir>', 'what `build image` made')
    .option('--config <dir>', 'config.d', 'config.d')
    .option('--statectl <file>', 'the binary', isSea() ? process.execPath : 'dist/statectl')
    .option('--modules <list>', 'all, host, or names of modules and classes', list, ['all'])
    .option('--compression <name>', 'of the runtime: lz4, zstd, xz', 'zstd')
    .option('--modules-compression <name>', 'of the modules', 'zstd')
    .option('--keys <dir>', 'where the image key is', './keys')
    .option('--cache <dir>', 'for the tools tree', '.cache')
    .option('--scripts <dir>', 'the initramfs folder of the project', 'initramfs')
    .requiredOption('--out <file>', 'where to')
    .action(async (options) => {
      const host = linuxHost();
      const key = await imageKey(host, resolve(options.keys));
      const image = resolve(options.image);
      const { kernelRelease } = parseManifest(await host.files.readText(`${image}/manifest.json`));
      const scripts = resolve(options.scripts);
      const packages = listLines(await host.files.readText(`${scripts}/tools-packages`));
      const tools = await toolsTree(host, { packages, cache: resolve(options.cache), debianArch: 'amd64' });
      const work = await mkdtemp(join(tmpdir(), 'statectl-'));
      try {
        const result = await buildInitramfs(host, {
          tree: `${image}/tree`,
          release: kernelRelease,
          config: resolve(options.config),
          statectl: resolve(options.statectl),
          toolsTree: tools,
          scripts,
          trustedKeys: { 'builder.image.pem': key.publicPem },
          modules: options.modules,
          compression: options.compression as CompressionName,
          modulesCompression: options.modulesCompression as CompressionName,
          out: resolve(options.out),
          work,
        });
        for (const { name, sizeBytes } of result.segments) host.console.line('info', `  ${name.padEnd(8)} ${(sizeBytes / 2 ** 20).toFixed(1)} MiB`);
        host.console.line('info', `initramfs ${options.out}: ${(result.sizeBytes / 2 ** 20).toFixed(1)} MiB, ${result.modules} modules, ${result.missingFirmware.length} firmware files not in the image`);
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    });
  return build;
}
