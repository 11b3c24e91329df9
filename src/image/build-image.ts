import { createHash } from 'node:crypto';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { resolveInTree } from '../host/tree.ts';
import { PROGRAM } from '../machine/paths.ts';
import {
  type Manifest,
  type ManifestFile,
  parseManifest,
  type RootType,
  signManifest,
  writeManifest,
} from '../signed/image-manifest.ts';
import { archOfTree } from './arch.ts';
import { makeErofs } from './erofs.ts';
import { clampTimes } from './file-times.ts';
import { type HostProgram, requirePrograms, runProgram } from './host-programs.ts';
import { imageFolder } from './image-folder.ts';
import { findKernel } from './kernel/kernel.ts';
import type { ImageKey } from './keys.ts';
import { LOADER_FILES, type LoaderFile, makeLoaders } from './loader/make-loaders.ts';
import { withProgress } from './progress.ts';
import { type CompressionName, makeSquashfs } from './squashfs.ts';
import { FILE_LIST, listTree } from './tree/file-list.ts';
import { findInTree } from './tree/in-tree.ts';
import { klippersInTree } from './tree/klipper-in-tree.ts';
import { enableNetworkd } from './tree/network-service.ts';
import { makeTree, readSource, type Source } from './tree/root-tree.ts';
import { scrubTree } from './tree/scrub.ts';
import { linkInTree } from './tree/tree-content.ts';
import { sayUnread } from './tree/unread-settings.ts';
import { markUpdated } from './tree/update-marks.ts';

export interface ImageInput {
  /** `debian:bookworm`, or the absolute path of a directory or a tarball. */
  readonly from: string;
  readonly include: readonly string[];
  readonly name: string;
  readonly version: string;
  readonly type: RootType;
  /** Only lz4 for erofs. */
  readonly compression: CompressionName;
  /** Wildcards of paths in the tree that stay out of the image. */
  readonly excludes: readonly string[];
  /** A kernel that is not in the tree, although its modules are. */
  readonly kernel?: string;
  /** Leaves the tree beside the image. */
  readonly keepTree: boolean;
  /** Seconds since 1970 that no time in the image is after. */
  readonly epochSeconds: number;
  /** Made on first need, after everything that can be refused was. */
  readonly key: () => Promise<ImageKey>;
  readonly out: string;
}

/** Builds a bootable read-only system: kernel, root image and signed manifest, in `out`, which changes only at the end. */
export async function buildImage(host: Host, input: ImageInput): Promise<Manifest> {
  const { files, console } = host;
  await refuseUnlessRoot(host);
  const source = await readSource(host, input.from);
  refuseInside(source, input.out);
  await requirePrograms(host, programsFor(source, input));
  await using folder = await imageFolder(host, input.out);
  const key = await input.key();
  const { work } = folder;
  const tree = `${work}/tree`;

  await makeTree(host, source, input.include, tree);
  const kernel = await findKernel(host, tree, input.kernel);
  const arch = await archOfTree(host, tree);
  console.line('info', `image: ${arch}, kernel ${kernel.release}; removing what is unique to a machine`);
  await files.write(`${work}/vmlinuz`, kernel.image);
  for (const pattern of input.excludes)
    for (const path of await findInTree(files, tree, pattern)) await files.remove(path);
  await scrubTree(host, tree);
  await enableNetworkd(host, tree);
  // It is in every PATH; the program itself comes with the boot.
  await linkInTree(files, tree, 'usr/bin/statectl', PROGRAM);
  await sayUnread(host, tree);
  if (!(await resolveInTree(files, tree, '/sbin/init')))
    console.line('warning', 'the tree has no /sbin/init: machines need init= on their kernel command line');
  await markUpdated(host, tree);
  const klipper = await klippersInTree(host, tree);
  await clampTimes(host, tree, input.epochSeconds);
  const root = `root.${input.type}`;
  await packRoot(host, input, tree, `${work}/${root}`);
  await listTree(host, tree, input.type, `${work}/${FILE_LIST}`);

  const loaders = await makeLoaders(host, work, arch);
  const loader = await describeLoaders(loaders, (file) => describeFile(host, work, file));

  const manifest: Manifest = {
    format: 1,
    name: input.name,
    version: input.version,
    arch,
    kernelRelease: kernel.release,
    kernel: await describeFile(host, work, 'vmlinuz'),
    root: { ...(await describeFile(host, work, root)), type: input.type },
    fileList: await describeFile(host, work, FILE_LIST),
    ...(loader && { loader }),
    ...(klipper && { klipper }),
  };
  const text = writeManifest(manifest);
  parseManifest(text); // What a machine would refuse must not be signed.
  await files.write(`${work}/manifest.json`, text);
  await files.write(`${work}/manifest.json.sig`, signManifest(text, key.privateKey));
  if (!input.keepTree) await files.remove(tree);
  await folder.publish();
  return manifest;
}

/** Owners, device nodes and capabilities of files can only be kept by root. */
async function refuseUnlessRoot(host: Host): Promise<void> {
  if ((await runProgram(host, ['id', '-u'])).trim() === '0') return;
  throw new StatectlError('not-root', 'building an image keeps owners and device nodes, which only root can', {
    hint: 'run it again with sudo: sudo statectl build image …',
  });
}

function refuseInside(source: Source, out: string): void {
  if (source.kind === 'folder' && source.path !== '/' && `${out}/`.startsWith(`${source.path}/`))
    throw new StatectlError('usage', `--out ${out} is inside --from ${source.path}, which stays as it is`, {
      hint: 'put the image somewhere else',
    });
}

function programsFor(source: Source, { type }: ImageInput): readonly HostProgram[] {
  const maker = { debian: ['mmdebstrap'], folder: ['cp'], tarball: ['tar'] } as const;
  const packer = type === 'erofs' ? 'mkfs.erofs' : 'mksquashfs';
  return [...new Set<HostProgram>([...maker[source.kind], packer, 'find', 'tar', 'touch'])];
}

async function packRoot(
  host: Host,
  { type, compression, epochSeconds }: ImageInput,
  tree: string,
  out: string,
): Promise<void> {
  const title = `image: packing root.${type} (${compression})`;
  if (type === 'erofs')
    return withProgress(host, title, 'files', (report) => makeErofs(host, tree, out, { epochSeconds, report }));
  return withProgress(host, title, 'bytes', (report) =>
    makeSquashfs(host, tree, out, { compression, content: 'system', epochSeconds, report }),
  );
}

async function describeLoaders(
  made: ReadonlySet<LoaderFile>,
  described: (file: string) => Promise<ManifestFile>,
): Promise<Manifest['loader']> {
  if (made.size === 0) return undefined;
  const { boot, core, efi } = LOADER_FILES;
  return {
    ...(made.has('core') && { bios: { boot: await described(boot), core: await described(core) } }),
    ...(made.has('efi') && { efi: await described(efi) }),
  };
}

async function describeFile({ files }: Host, dir: string, file: string): Promise<ManifestFile> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of files.readStream(`${dir}/${file}`)) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { file, sha256: hash.digest('hex'), sizeBytes };
}
