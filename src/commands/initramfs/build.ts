import { isSea } from 'node:sea';
import { Command, Option } from 'commander';
import type { Host } from '../../host/host.ts';
import { forCaller } from '../../image/for-caller.ts';
import { formatSize } from '../../image/format-size.ts';
import { buildInitramfs, type InitramfsResult } from '../../image/initramfs/build-initramfs.ts';
import { readScripts } from '../../image/initramfs/scripts.ts';
import { MODULE_CLASSES } from '../../image/kernel/module-classes.ts';
import { imageKeyHere, trustAnchors } from '../../image/keys.ts';
import type { CompressionName } from '../../image/squashfs.ts';
import {
  caller,
  compressionOption,
  interruptibleHost,
  keysOption,
  list,
  path,
  pathOption,
} from '../build/build-options.ts';
import { printJson } from '../print.ts';

const classes = Object.entries(MODULE_CLASSES).map(([name, { title }]) => `  ${name.padEnd(12)} ${title}`);

/** The binary has its own; a checkout has them in a folder. */
const scriptsOption = (): Option =>
  isSea()
    ? new Option('--scripts <dir>', 'the scripts of the initramfs (default: those in this binary)').argParser(path)
    : pathOption('--scripts <dir>', 'the scripts of the initramfs', './initramfs');

interface BuildOptions {
  readonly image: string;
  readonly config: string;
  readonly node?: string;
  readonly modules?: readonly string[];
  readonly tools?: string;
  readonly with?: readonly string[];
  readonly statectl: string;
  readonly compression: CompressionName;
  readonly modulesCompression: CompressionName;
  readonly keys: string;
  readonly cache: string;
  readonly scripts?: string;
  readonly out: string;
  readonly verbose?: true;
  readonly json?: true;
}

/** `statectl initramfs build`. */
export const buildInitramfsCommand = (): Command =>
  new Command('build')
    .description('build the initramfs of an image')
    .requiredOption('--image <dir>', 'the image that it boots, as `build image` made it', path)
    .addOption(pathOption('--config <dir>', 'the settings to bake in', './config.d'))
    .option('--node <name>', 'bake in what this node gets, so that it needs no server (default: no node)')
    .option('--modules <list>', 'all, host (of this machine), classes and modules by name (default: all)', list)
    .option('--tools <source>', "where its programs come from: `image`, or a directory (default: Debian's packages)")
    .option('--with <sets>', 'tool sets besides those that config.d asks for, such as disks', list)
    .addOption(pathOption('--statectl <file>', 'the binary to take', isSea() ? process.execPath : './dist/statectl'))
    .addOption(compressionOption('--compression <name>', 'of the runtime').default('zstd'))
    .addOption(compressionOption('--modules-compression <name>', 'of the modules').default('zstd'))
    .addOption(keysOption())
    .addOption(pathOption('--cache <dir>', 'where the unpacked Debian packages are kept', './.cache'))
    .addOption(scriptsOption())
    .requiredOption('--out <file>', 'the initramfs', path)
    .option('--verbose', 'list what was left out and which firmware is missing')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Classes of --modules (core, filesystems and keyboard are always in; encryption where drives.conf encrypts, or by its name):
${classes.join('\n')}

Examples:
  statectl initramfs build --image out/lab --out out/lab/initramfs.img
  statectl initramfs build --image out/lab --modules host,nvme,e1000e --out small.img
  statectl initramfs build --image out/lab --config /srv/config.d --node print01 --out print01.img
  statectl initramfs build --image out/fedora --tools image --out out/fedora/initramfs.img`,
    )
    .action((options: BuildOptions) => build(interruptibleHost(), options));

async function build(host: Host, options: BuildOptions): Promise<void> {
  const { image, out, tools } = options;
  const scripts = await readScripts(host, options.scripts);
  const makes = { files: [out, `${out}.json`, `${out}.json.sig`], addedTo: [options.keys, options.cache] };
  const result = await forCaller(host, caller(), makes, async () => {
    const trusted = await trustAnchors(host, options.keys);
    const key = await imageKeyHere(host, options.keys);
    return buildInitramfs(host, {
      ...options,
      image,
      out,
      scripts,
      modules: options.modules ?? ['all'],
      tools: tools === undefined ? 'debian' : tools === 'image' ? tools : { folder: path(tools) },
      trusted,
      ...(key && { imageKey: key.privateKey }),
    });
  });
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
