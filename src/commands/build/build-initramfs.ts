import { isSea } from 'node:sea';
import { Command, Option } from 'commander';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { forCaller } from '../../image/for-caller.ts';
import { formatSize } from '../../image/format-size.ts';
import { buildInitramfs, type InitramfsResult } from '../../image/initramfs/build-initramfs.ts';
import { readScripts } from '../../image/initramfs/scripts.ts';
import { MODULE_CLASSES } from '../../image/kernel/module-classes.ts';
import { trustAnchors } from '../../image/keys.ts';
import { printJson } from '../print.ts';
import { appendVerb, listVerb, unpackVerb } from './build-initramfs-file.ts';
import { caller, compressionOption, interruptibleHost, keysOption, list, path, pathOption } from './build-options.ts';
import type { InitramfsOptions } from './initramfs-options.ts';

const classes = Object.entries(MODULE_CLASSES).map(([name, { title }]) => `  ${name.padEnd(12)} ${title}`);

/** The binary has its own; a checkout has them in a folder. */
const scriptsOption = (): Option =>
  isSea()
    ? new Option('--scripts <dir>', 'the scripts of the initramfs (default: those in this binary)').argParser(path)
    : pathOption('--scripts <dir>', 'the scripts of the initramfs', './initramfs');

/** `statectl build initramfs`: makes one, or looks into and adds to any. */
export const buildInitramfsCommand = (): Command =>
  new Command('initramfs')
    .description('build the initramfs of an image; or list, unpack or append to any initramfs')
    .option('--image <dir>', 'the image that it boots, as `build image` made it', path)
    .addOption(pathOption('--config <dir>', 'the settings to bake in', './config.d'))
    .option('--node <name>', 'bake in what this node gets, so that it needs no server (default: no node)')
    .option('--modules <list>', 'all, host (of this machine), classes and modules by name (default: all)', list)
    .option('--tools <source>', "where its programs come from: `image`, or a directory (default: Debian's packages)")
    .addOption(pathOption('--statectl <file>', 'the binary to take', isSea() ? process.execPath : './dist/statectl'))
    .addOption(compressionOption('--compression <name>', 'of the runtime').default('zstd'))
    .addOption(compressionOption('--modules-compression <name>', 'of the modules').default('zstd'))
    .addOption(keysOption())
    .addOption(pathOption('--cache <dir>', 'where the unpacked Debian packages are kept', './.cache'))
    .addOption(scriptsOption())
    .option('--out <file>', 'the initramfs; for --unpack: a new or empty directory', path)
    .option('--verbose', 'list what was left out and which firmware is missing')
    .option('--json', 'print JSON')
    .addOption(
      new Option('--list <file>', 'show what is in an initramfs')
        .argParser(path)
        .conflicts(['image', 'unpack', 'append']),
    )
    .addOption(
      new Option('--unpack <file>', 'unpack an initramfs into --out').argParser(path).conflicts(['image', 'append']),
    )
    .option(
      '--as-root',
      "for --unpack: make device nodes, set owners and keep setuid, which a stranger's image may misuse",
    )
    .addOption(
      new Option('--append <source>', 'add a directory or a cpio archive to --to')
        .argParser(path)
        .conflicts(['image', 'out']),
    )
    .option('--to <file>', 'the initramfs that --append adds to', path)
    .addHelpText(
      'after',
      `
Classes of --modules (core, filesystems and keyboard are always in):
${classes.join('\n')}

Examples:
  statectl build initramfs --image out/lab --out out/lab/initramfs.img
  statectl build initramfs --image out/lab --modules host,nvme,e1000e --out small.img
  statectl build initramfs --image out/lab --config /srv/config.d --node print01 --out print01.img
  statectl build initramfs --image out/fedora --tools image --out out/fedora/initramfs.img

--list, --unpack and --append read every initramfs that a kernel reads, also Debian's and dracut's:
  statectl build initramfs --list /boot/initrd.img-6.1.0-44-amd64
  statectl build initramfs --unpack out/lab/initramfs.img --out /tmp/look
  statectl build initramfs --append machine-secrets/ --to out/lab/initramfs.img`,
    )
    .action(async (options: InitramfsOptions) => {
      const host = interruptibleHost();
      if (options.list !== undefined) return listVerb(host, options.list, options);
      if (options.unpack !== undefined) return unpackVerb(host, options.unpack, options);
      if (options.append !== undefined) return appendVerb(host, options.append, options);
      return build(host, options);
    });

async function build(host: Host, options: InitramfsOptions): Promise<void> {
  const { image, out, tools } = options;
  if (image === undefined || out === undefined)
    throw new StatectlError('usage', '--image and --out are needed to build an initramfs', {
      hint: '`statectl build initramfs --help` has examples, also for --list, --unpack and --append',
    });
  const scripts = await readScripts(host, options.scripts);
  const result = await forCaller(host, caller(), { files: [out], addedTo: [options.keys, options.cache] }, async () =>
    buildInitramfs(host, {
      ...options,
      image,
      out,
      scripts,
      modules: options.modules ?? ['all'],
      tools: tools === undefined ? 'debian' : tools === 'image' ? tools : { folder: path(tools) },
      trusted: await trustAnchors(host, options.keys),
    }),
  );
  if (!(await host.files.stat(`${options.keys}/ca.pem`)))
    host.console.line(
      'warning',
      `${options.keys} has no ca.pem: machines that boot this trust no server and get no secrets (statectl build keys makes it)`,
    );
  if (options.json) printJson(result);
  else tell(host, result, options.verbose === true);
}

function tell({ console }: Host, result: InitramfsResult, isVerbose: boolean): void {
  for (const { name, sizeBytes } of result.segments)
    console.line('info', `  ${name.padEnd(8)} ${formatSize(sizeBytes)}`);
  const lists = [
    [result.leftOut, 'modules of the selected classes are not in the image'],
    [result.missingFirmware, 'firmware files that its modules may ask for are not in the image'],
  ] as const;
  for (const [names, what] of lists) {
    if (names.length === 0) continue;
    console.line('warning', `${names.length} ${what}${isVerbose ? ':' : ' (--verbose lists them)'}`);
    if (isVerbose) for (const name of names) console.line('info', `  ${name}`);
  }
  const size = formatSize(result.sizeBytes);
  console.line(
    'info',
    `initramfs ${result.out}: ${size}, ${result.modules} modules for kernel ${result.kernelRelease}`,
  );
}
