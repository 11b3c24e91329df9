import { createHash, type KeyObject } from 'node:crypto';
import { readConfigDir } from '../../config/config-dir.ts';
import { configDigest, UNREAD } from '../../config/digest.ts';
import { loadSettings } from '../../config/load.ts';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { manifestIsSigned, parseManifest, signManifest } from '../../signed/image-manifest.ts';
import { writeInitramfsNote } from '../../signed/initramfs-note.ts';
import { archOfElf } from '../arch.ts';
import { readElf } from '../elf/elf.ts';
import { requirePrograms } from '../host-programs.ts';
import { bareModuleName } from '../kernel/module-file.ts';
import { withProgress } from '../progress.ts';
import type { CompressionName } from '../squashfs.ts';
import { imageTree } from '../tree/image-tree.ts';
import { workFolder } from '../work-folder.ts';
import { builtAtSeconds } from './built-at.ts';
import { findBusybox } from './busybox.ts';
import { writeCpio } from './cpio/cpio.ts';
import { cpioOfFolder } from './cpio/cpio-folder.ts';
import { neededModules, neededTools } from './needed-tools.ts';
import { type Scripts, scriptOf } from './scripts.ts';
import { joinSegments } from './segments/join-segments.ts';
import { buildLoader } from './segments/loader-segment.ts';
import { buildModules, loaderModules } from './segments/modules-segment.ts';
import { buildRuntime, buildToolSet } from './segments/runtime-segment.ts';
import { setFile } from './segments/segment-name.ts';
import { statectlEnv } from './statectl-env.ts';
import { planToolSets } from './tool-sets.ts';
import { listLines, parseApplets, parseTools, toolsTree } from './tools-tree.ts';

export interface InitramfsInput {
  /** What `build image` made: whose kernel it boots. */
  readonly image: string;
  readonly config: string;
  /** Whose settings and files are baked in; default: those of a machine that no node file names. */
  readonly node?: string;
  readonly statectl: string;
  /** Where programs and libraries come from: Debian's, kept in `cache`; the image's own; or a folder. */
  readonly tools: 'debian' | 'image' | { readonly folder: string };
  readonly cache: string;
  readonly scripts: Scripts;
  /** PEM of the keys and certificates to bake in, by name. */
  readonly trusted: Readonly<Record<string, string>>;
  /** Signs what is said of it, so that machines may keep it on their disks; absent where its private half is not here. */
  readonly imageKey?: KeyObject;
  readonly modules: readonly string[];
  /** Tool sets besides those that config.d asks for. */
  readonly with?: readonly string[];
  readonly compression: CompressionName;
  readonly modulesCompression: CompressionName;
  readonly out: string;
}

export interface InitramfsResult {
  readonly out: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly kernelRelease: string;
  readonly segments: readonly { readonly name: string; readonly sizeBytes: number }[];
  readonly modules: number;
  /** Modules of the selected classes that the image lacks. */
  readonly leftOut: readonly string[];
  readonly missingFirmware: readonly string[];
}

/**
 * Builds the segmented initramfs of an image: loader, modules, runtime, tool sets, config. The same input gives the same bytes. What
 * is missing and would be missed at boot is refused; an earlier file stays until the new one is whole.
 */
export async function buildInitramfs(host: Host, input: InitramfsInput): Promise<InitramfsResult> {
  const { files } = host;
  await requirePrograms(host, ['depmod', 'mksquashfs', 'patchelf']);
  const manifest = parseManifest(await readManifest(host, input.image));
  await warnUnlessTrusted(host, input);
  const { arch, kernelRelease: release } = manifest;
  if ((await files.stat(input.config)) === undefined)
    throw new StatectlError('config-missing', `--config ${input.config}: there is no such folder`, {
      hint: 'name your config.d; an empty folder stands for the defaults',
    });
  const loaded = await loadSettings(host, input.config, input.node);
  for (const fault of loaded.notRendered ?? [])
    host.console.line('warning', `no template is baked in (name a machine with --node): ${fault}`);
  const statectl = await readStatectl(host, input.statectl, arch);
  await using folder = await workFolder(host, input.out);
  const work = folder.path;

  const tree = await imageTree(host, input.image, manifest, input.tools === 'image' ? 'everything' : 'modules', work);
  const list = (name: string) => scriptOf(input.scripts, name).toString();
  const toolsFrom = await findTools(host, input, arch, tree, listLines(list('tools-packages')));
  const busybox = await findBusybox(host, toolsFrom, arch, parseApplets(list('applets')));
  const question = { tree: toolsFrom, statectl, applets: busybox.applets };
  const listed = parseTools(list('tools'));
  const configDir = await readConfigDir(host, input.config);
  const plan = await planToolSets(host, question, neededTools(listed, configDir, input.with));
  const early = await loaderModules(host, tree, release);

  const select = [...input.modules, ...neededModules(configDir)];
  const modulesFile = `${work}/modules.squashfs`;
  const modules = await withProgress(host, `initramfs: modules of ${release}`, 'bytes', (report) =>
    buildModules(host, { tree, release, select, compression: input.modulesCompression, report }, work, modulesFile),
  );
  const runtimeFile = `${work}/runtime.squashfs`;
  await withProgress(host, 'initramfs: runtime (statectl, tools, libraries)', 'bytes', (report) =>
    buildRuntime(
      host,
      { plan, statectl: input.statectl, tree: toolsFrom, compression: input.compression, report },
      work,
      runtimeFile,
    ),
  );
  const packed: (readonly [segment: string, file: string, data: Buffer])[] = [
    ['modules', 'modules.squashfs', await files.read(modulesFile)],
    ['runtime', 'runtime.squashfs', await files.read(runtimeFile)],
  ];
  for (const set of plan.sets) {
    const out = `${work}/${set.name}.squashfs`;
    await buildToolSet(host, { set, tree: toolsFrom, compression: input.compression }, work, out);
    packed.push([`tools ${set.name}`, setFile(set.name), await files.read(out)]);
  }
  const loader = await buildLoader(host, {
    scripts: input.scripts,
    busybox,
    imageTree: tree,
    release,
    modules: early,
    links: plan.runtime.loaderLinks,
    env: statectlEnv(
      loaded.config,
      early.map(bareModuleName),
      plan.sets.map(({ name }) => name),
    ),
    segmentDigests: packed.map(([, file, data]) => `${sha256(data)}  /${file}\n`).join(''),
    trusted: input.trusted,
    builtAt: await builtAtSeconds(
      host,
      { path: `${input.image}/${manifest.root.file}`, type: manifest.root.type },
      input.trusted,
    ),
  });
  const compiled = JSON.stringify({ digest: await configDigest(host, input.config), ...loaded });
  const parts = [
    ['loader', loader] as const,
    ...packed.map(([segment, file, data]) => [segment, oneFile(file, data)] as const),
    ['config', await configSegment(host, input.config, compiled)] as const,
  ];
  const image = joinSegments(parts.map(([, data]) => data));
  // config.d may hold the hash of the rescue shell's password.
  await files.write(input.out, image, { mode: 0o600 });
  await writeNote(host, input, { kernelRelease: release, sha256: sha256(image), sizeBytes: image.length });
  return {
    out: input.out,
    sizeBytes: image.length,
    sha256: sha256(image),
    kernelRelease: release,
    segments: parts.map(([name, data]) => ({ name, sizeBytes: data.length })),
    modules: modules.count,
    leftOut: modules.leftOut,
    missingFirmware: modules.missingFirmware,
  };
}

/** What is said of an earlier one does not stay beside it. */
async function writeNote(
  { files }: Host,
  { out, imageKey }: InitramfsInput,
  note: Parameters<typeof writeInitramfsNote>[0],
): Promise<void> {
  await files.remove(`${out}.json.sig`);
  await files.remove(`${out}.json`);
  if (!imageKey) return;
  const text = writeInitramfsNote(note);
  await files.write(`${out}.json`, text);
  await files.write(`${out}.json.sig`, signManifest(text, imageKey));
}

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

const oneFile = (name: string, data: Buffer): Buffer => writeCpio([{ name, type: 'file', mode: 0o600, data }]);

async function readManifest({ files }: Host, image: string): Promise<string> {
  return files.readText(`${image}/manifest.json`).catch((cause: unknown) => {
    throw new StatectlError('image-incomplete', `--image ${image} has no manifest.json`, {
      cause,
      hint: 'give the folder that `statectl build image --out` made',
    });
  });
}

/** An initramfs of after an exchange of keys, and an image of before it: no machine would boot the one with the other. */
async function warnUnlessTrusted({ files, console }: Host, { image, trusted }: InitramfsInput): Promise<void> {
  const signature = await files.read(`${image}/manifest.json.sig`).catch(() => undefined);
  const keys = Object.entries(trusted).flatMap(([name, pem]) => (name.endsWith('.image.pem') ? [pem] : []));
  if (signature && manifestIsSigned(await files.readText(`${image}/manifest.json`), signature, keys)) return;
  console.line(
    'warning',
    `no key that this initramfs trusts signed ${image}: machines will refuse that image; build it again`,
  );
}

async function readStatectl({ files }: Host, path: string, arch: string) {
  const bytes = await files.read(path).catch((cause: unknown) => {
    throw new StatectlError('statectl-missing', `--statectl ${path} cannot be read`, {
      cause,
      hint: 'make it with `statectl build binary`',
    });
  });
  const elf = readElf(bytes, path);
  if (!elf?.interpreter)
    throw new StatectlError('statectl-invalid', `${path} is not a statectl program`, {
      hint: 'make it with `statectl build binary`',
    });
  if (archOfElf(elf.machine) === arch) return elf;
  throw new StatectlError('statectl-invalid', `${path} is for ${archOfElf(elf.machine)}, the image for ${arch}`, {
    hint: `give a binary for ${arch} with --statectl`,
  });
}

async function findTools(
  host: Host,
  { tools, cache }: InitramfsInput,
  arch: string,
  tree: string,
  packages: readonly string[],
): Promise<string> {
  if (tools === 'image') return tree;
  if (tools === 'debian') return toolsTree(host, { packages, cache, arch });
  if ((await host.files.stat(tools.folder))?.type === 'dir') return tools.folder;
  throw new StatectlError('tools-missing', `--tools ${tools.folder} is no folder`, {
    hint: 'give the root folder of a system with the tools, `image`, or leave --tools out for Debian packages',
  });
}

/** config.d as it is, and merged: the boot reads the latter while it is current. */
async function configSegment({ files }: Host, dir: string, compiled: string): Promise<Buffer> {
  const { entries } = await cpioOfFolder({ files }, dir);
  const plain = entries.flatMap((entry) =>
    entry.type === 'file' && !entry.name.split('/').some((name) => UNREAD.includes(name))
      ? [{ ...entry, name: `config.d/${entry.name}`, mode: 0o600 }]
      : [],
  );
  return writeCpio([{ name: 'config.json', type: 'file', mode: 0o600, data: Buffer.from(compiled) }, ...plain]);
}
