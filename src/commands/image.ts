import { resolve } from 'node:path';
import { Command } from 'commander';
import { StatectlError } from '../error.ts';
import { linuxHost } from '../host/linux/host.ts';
import { knownImageKeys } from '../image/keys.ts';
import { bootImage, dropImage, imageInUse, imagesInUse, releaseImage, takeImage } from '../server/admin/images.ts';
import { serverState } from '../server/admin/server-state.ts';
import { writeImageName } from '../server/images/image-name.ts';
import type { ImageInUse } from '../server/images/images.ts';
import { parseSelector, type Selector, writeSelector } from '../server/images/selector.ts';
import { filesOf } from '../signed/image-manifest.ts';
import { asciiTable } from './ascii-table.ts';
import { keysOption } from './build/build-options.ts';
import { print, printJson, printLine } from './print.ts';
import { stateOption, usage } from './state-option.ts';

interface StateOptions {
  readonly state: string;
}

const stateOf = ({ state }: StateOptions) => serverState(state, linuxHost());

/** Reading less takes no time that anybody would ask about. */
const LARGE_BYTES = 20e6;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const asJson = ({ name, version, manifest, record, choices, machines }: ImageInUse) => ({
  name,
  version,
  arch: manifest.arch,
  kernelRelease: manifest.kernelRelease,
  rootType: manifest.root.type,
  addedAt: record.addedAt,
  files: record.files,
  usedFor: choices,
  bootedBy: machines,
});

const sizeOf = ({ manifest, record }: ImageInUse): number =>
  [...filesOf(manifest), record.files.initramfs].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

/** `6 machines` keeps a line short where a list of a whole lab would not. */
const counted = (machines: readonly string[]): string =>
  machines.length > 2 ? `${machines.length} machines` : machines.join(', ') || '-';

const listTable = (images: readonly ImageInUse[]): string =>
  asciiTable([
    ['IMAGE', 'ARCH', 'KERNEL', 'SIZE', 'ADDED', 'USED FOR', 'BOOTED BY'],
    ...images.map((image) => [
      writeImageName(image),
      image.manifest.arch,
      image.manifest.kernelRelease,
      megabytes(sizeOf(image)),
      image.record.addedAt.slice(0, 16).replace('T', ' '),
      image.choices.join(', ') || '-',
      counted(image.machines),
    ]),
  ]);

function showTable(image: ImageInUse): string {
  const { files } = image.record;
  return asciiTable([
    ['image', writeImageName(image)],
    ['arch', image.manifest.arch],
    ['kernel release', image.manifest.kernelRelease],
    ['added', image.record.addedAt],
    ['used for', image.choices.join(', ') || 'nothing yet'],
    ['booted by', image.machines.join(', ') || 'no machine that reported'],
    ...(['kernel', 'root', 'initramfs'] as const).map((part) => [
      part,
      `${files[part].sha256}  ${megabytes(files[part].sizeBytes)}`,
    ]),
  ]);
}

const verb = (name: string, summary: string, example: string): Command =>
  new Command(name).description(summary).addOption(stateOption()).addHelpText('after', `\nExample:\n  ${example}`);

interface AddVerbOptions extends StateOptions {
  readonly initramfs?: string;
  readonly keys: string;
}

const addVerb = (): Command =>
  verb('add', 'take an image into the store, checked against its manifest', 'statectl image add out/lab-20261120.1')
    .argument('<dir>', 'the folder with manifest.json, its signature and the files')
    .option('--initramfs <file>', 'the initramfs that boots it (default: initramfs.img in that folder)')
    .addOption(keysOption('keys of its builder; the image must be signed by the image key, where there is one'))
    .action(async (dir: string, options: AddVerbOptions, command: Command) => {
      const host = linuxHost();
      const trusted = await knownImageKeys(host, options.keys);
      if (trusted.length === 0 && command.getOptionValueSource('keys') === 'cli')
        throw new StatectlError('key-missing', `${options.keys} has no image key: nothing was added`, {
          hint: 'name the folder with image.pem, or leave --keys out: then the machines alone check the signature',
        });
      if (trusted.length === 0)
        host.console.line('info', `${options.keys} has no image key: the signature is checked by the machines alone`);
      const added = await takeImage(stateOf(options), resolve(dir), {
        ...(trusted.length > 0 && { trusted }),
        ...(options.initramfs === undefined ? {} : { initramfs: resolve(options.initramfs) }),
        onFile: (path, bytes) => {
          if (bytes >= LARGE_BYTES) host.console.line('info', `checking and copying ${path} (${megabytes(bytes)})`);
        },
      });
      const name = writeImageName(added);
      printLine(added.outcome === 'added' ? `added ${name}` : `${name} is there already, with the same content`);
    });

const listVerb = (): Command =>
  verb('list', 'show all images', 'statectl image list --state /srv/statectl')
    .option('--json', 'print JSON')
    .action(async (options: StateOptions & { readonly json?: true }) => {
      const images = await imagesInUse(stateOf(options));
      if (options.json) printJson(images.map(asJson));
      else print(images.length === 0 ? 'no images yet: add one with `statectl image add DIR`\n' : listTable(images));
    });

const showVerb = (): Command =>
  verb('show', 'show one image, who uses it and its files', 'statectl image show lab@20261120.1')
    .argument('<image>', 'NAME@VERSION, or NAME for its newest version')
    .option('--json', 'print JSON')
    .action(async (reference: string, options: StateOptions & { readonly json?: true }) => {
      const image = await imageInUse(stateOf(options), reference);
      if (options.json) printJson(asJson(image));
      else print(showTable(image));
    });

const useVerb = (): Command =>
  verb(
    'use',
    'let machines boot this image from their next boot on',
    'statectl image use lab                                  # newest version, for all machines\n' +
      '  statectl image use printers@20261120.1 --for mac=52:54:00:12:34:56',
  )
    .argument('<image>', 'NAME@VERSION, or NAME for its newest version')
    .option(
      '--for <selector>',
      'only machines with this mac=, uuid=, serial=, hostname= or arch=, or whose config.d says this channel=',
      usage(parseSelector),
    )
    .action(async (reference: string, options: StateOptions & { readonly for?: Selector }) => {
      const image = await bootImage(stateOf(options), reference, options.for);
      const whom = options.for === undefined ? 'every machine without its own choice' : writeSelector(options.for);
      printLine(`${writeImageName(image)} is what ${whom} boots now`);
    });

const parseChoice = (text: string): Selector | 'default' => (text === 'default' ? text : parseSelector(text));

const releaseVerb = (): Command =>
  verb('release', 'take a choice of `image use` back', 'statectl image release mac=52:54:00:12:34:56')
    .argument('<choice>', '`default` or the selector that was given to --for', usage(parseChoice))
    .action(async (choice: Selector | 'default', options: StateOptions) => {
      const text = choice === 'default' ? choice : writeSelector(choice);
      printLine((await releaseImage(stateOf(options), choice)) ? `${text} has no image now` : `${text} had no image`);
    });

const removeVerb = (): Command =>
  verb('remove', 'remove a version that nobody uses, and what only it needed', 'statectl image remove lab@20261101.1')
    .argument('<image>', 'NAME@VERSION')
    .action(async (text: string, options: StateOptions) => {
      const removed = await dropImage(stateOf(options), text);
      printLine(`removed ${writeImageName(removed)} and ${removed.blobs.length} of its files`);
    });

/** `statectl image …`: the images that the server gives to machines. */
export const imageCommand = (): Command =>
  new Command('image')
    .description('manage the images that this server gives to machines')
    .addCommand(addVerb())
    .addCommand(listVerb())
    .addCommand(showVerb())
    .addCommand(useVerb())
    .addCommand(releaseVerb())
    .addCommand(removeVerb())
    .addHelpText(
      'after',
      `
Examples:
  statectl image add out/lab-20261120.1            take a built image into the store
  statectl image use lab@20261120.1                boot it everywhere
  statectl image use lab@20261120.1 --for arch=aarch64
  statectl image list`,
    );
