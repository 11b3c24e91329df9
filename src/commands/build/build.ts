import { Command } from 'commander';
import { buildBinaryCommand } from './build-binary.ts';
import { buildImageCommand } from './build-image.ts';
import { buildInitramfsCommand } from './build-initramfs.ts';
import { buildKeysCommand } from './build-keys.ts';

/** `statectl build …`: what machines boot, made on the admin's machine. */
export const buildCommand = (): Command =>
  new Command('build')
    .description('build system images, their initramfs, the keys and the binary')
    .addCommand(buildImageCommand())
    .addCommand(buildInitramfsCommand())
    .addCommand(buildKeysCommand())
    .addCommand(buildBinaryCommand())
    .addHelpText(
      'after',
      `
Examples:
  sudo statectl build image --from debian:bookworm --include openssh-server --name lab --out out/lab
  statectl build initramfs --image out/lab --out out/lab/initramfs.img
  statectl image add out/lab                        take both into the server's store`,
    );
