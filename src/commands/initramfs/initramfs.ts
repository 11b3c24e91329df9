import { Command } from 'commander';
import { buildInitramfsCommand } from './build.ts';
import { appendCommand, listCommand, unpackCommand } from './files.ts';

/** `statectl initramfs …`: makes one, or looks into and adds to any. */
export const initramfsCommand = (): Command =>
  new Command('initramfs')
    .description('build the initramfs of an image; list, unpack or append to any')
    .addCommand(buildInitramfsCommand())
    .addCommand(listCommand())
    .addCommand(unpackCommand())
    .addCommand(appendCommand())
    .addHelpText(
      'after',
      `
Examples:
  statectl initramfs build --image out/lab --out out/lab/initramfs.img
  statectl initramfs list /boot/initrd.img-6.1.0-44-amd64`,
    );
