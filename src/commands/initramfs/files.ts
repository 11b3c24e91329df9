import { Command } from 'commander';
import { forCaller } from '../../image/for-caller.ts';
import { formatSize } from '../../image/format-size.ts';
import { appendToInitramfs, readInitramfsFile } from '../../image/initramfs/initramfs-file.ts';
import { formatListing, listInitramfs } from '../../image/initramfs/initramfs-listing.ts';
import { unpackInitramfs } from '../../image/initramfs/initramfs-unpack.ts';
import { caller, interruptibleHost, path } from '../build/build-options.ts';
import { printJson, printLine } from '../print.ts';

// What works on a file, whoever made it: every initramfs that a kernel reads, also Debian's and dracut's.

interface Json {
  readonly json?: true;
}

export const listCommand = (): Command =>
  new Command('list')
    .description('show what is in any initramfs')
    .argument('<file>', 'the initramfs', path)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  statectl initramfs list /boot/initrd.img-6.1.0-44-amd64')
    .action(async (file: string, { json }: Json) => {
      const listing = await listInitramfs(await readInitramfsFile(interruptibleHost(), file));
      if (json) printJson(listing);
      else for (const line of formatListing(listing)) printLine(line);
    });

interface Unpack extends Json {
  readonly out: string;
  readonly asRoot?: boolean;
}

export const unpackCommand = (): Command =>
  new Command('unpack')
    .description('unpack any initramfs')
    .argument('<file>', 'the initramfs', path)
    .requiredOption('--out <dir>', 'a new or empty directory', path)
    .option('--as-root', "make device nodes, set owners and keep setuid, which a stranger's image may misuse")
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  statectl initramfs unpack out/lab/initramfs.img --out /tmp/look')
    .action(async (file: string, { out, asRoot = false, json }: Unpack) => {
      const host = interruptibleHost();
      const result = await unpackInitramfs(await readInitramfsFile(host, file), out, { exec: host.exec, asRoot });
      for (const { name, reason } of result.skipped) host.console.line('warning', `left out ${name}: ${reason}`);
      if (json) printJson(result);
      else printLine(`unpacked ${result.unpacked} files into ${out}`);
    });

interface Append extends Json {
  readonly to: string;
}

export const appendCommand = (): Command =>
  new Command('append')
    .description('add a directory or a cpio archive to any initramfs')
    .argument('<source>', 'the directory or archive', path)
    .requiredOption('--to <file>', 'the initramfs that it is added to', path)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  statectl initramfs append machine-secrets/ --to out/lab/initramfs.img')
    .action(async (source: string, { to, json }: Append) => {
      const host = interruptibleHost();
      const result = await forCaller(host, caller(), { files: [to] }, () => appendToInitramfs(host, source, to));
      for (const name of result.skipped)
        host.console.line('warning', `left out ${name}: an archive holds no sockets and pipes`);
      if (json) printJson(result);
      else printLine(`added ${result.files} files, ${formatSize(result.sizeBytes)}, to ${to}`);
    });
