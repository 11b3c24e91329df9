import { Command } from 'commander';
import { buildBinaryCommand } from './build-binary.ts';
import { buildImageCommand } from './build-image.ts';
import { buildKeysCommand } from './build-keys.ts';

/** `statectl build …`: what machines boot, made on the admin's machine. */
export const buildCommand = (): Command =>
  new Command('build')
    .description('build system images, the keys and the binary')
    .addCommand(buildImageCommand())
    .addCommand(buildKeysCommand())
    .addCommand(buildBinaryCommand())
    .addHelpText(
      'after',
      `
Examples:
  sudo statectl build image --from debian:bookworm --include openssh-server --name lab --out out/lab
  statectl initramfs build --image out/lab --out out/lab/initramfs.img
  statectl image add out/lab                        take both into the server's store`,
    );
