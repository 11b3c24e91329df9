import { createHash } from 'node:crypto';
import { configDigest } from '../config/digest.ts';
import { loadConfig } from '../config/load.ts';
import type { Host } from '../host/host.ts';
import { type CpioEntry, writeCpio } from './cpio.ts';
import { joinSegments } from './join-segments.ts';
import { buildLoader } from './loader-segment.ts';
import { buildModules, loaderModules } from './modules-segment.ts';
import { buildRuntime } from './runtime-segment.ts';
import type { CompressionName } from './squashfs.ts';
import { statectlEnv } from './statectl-env.ts';
import { listLines } from './tools-tree.ts';

export interface InitramfsInput {
  /** The system's tree, whose kernel modules and firmware are taken. */
  readonly tree: string;
  readonly release: string;
  readonly config: string;
  readonly statectl: string;
  readonly toolsTree: string;
  /** initramfs/ of the project: scripts and lists. */
  readonly scripts: string;
  readonly trustedKeys: Readonly<Record<string, string>>;
  readonly modules: readonly string[];
  readonly compression: CompressionName;
  readonly modulesCompression: CompressionName;
  readonly out: string;
  /** An empty folder to stage in. */
  readonly work: string;
}

export interface InitramfsResult {
  readonly out: string;
  readonly sizeBytes: number;
  readonly segments: readonly { readonly name: string; readonly sizeBytes: number }[];
  readonly modules: number;
  readonly missingFirmware: readonly string[];
}

/** Builds the segmented initramfs: loader, modules, runtime, config. The same input gives the same bytes. */
export async function buildInitramfs(host: Host, input: InitramfsInput): Promise<InitramfsResult> {
  const { files, console } = host;
  const config = await loadConfig(host, input.config);
  const modulesFile = `${input.work}/modules.squashfs`;
  const runtimeFile = `${input.work}/runtime.squashfs`;
  console.line('info', `initramfs: kernel modules of ${input.release}`);
  const modules = await buildModules(host, { tree: input.tree, release: input.release, select: input.modules, compression: input.modulesCompression }, input.work, modulesFile);
  console.line('info', `initramfs: runtime (statectl, tools, libraries)`);
  const tools = listLines(await files.readText(`${input.scripts}/tools`)).map((line) => {
    const [path = '', name = path.slice(path.lastIndexOf('/') + 1)] = line.split(/\s+/);
    return [path, name] as const;
  });
  await buildRuntime(host, { statectl: input.statectl, tree: input.toolsTree, tools, compression: input.compression }, input.work, runtimeFile);
  const modulesImage = await files.read(modulesFile);
  const runtimeImage = await files.read(runtimeFile);
  const forLoader = await loaderModules(host, input.tree, input.release);
  const loader = await buildLoader(host, {
    scripts: input.scripts,
    toolsTree: input.toolsTree,
    imageTree: input.tree,
    release: input.release,
    modules: forLoader,
    env: statectlEnv(config, forLoader.map((path) => path.slice(path.lastIndexOf('/') + 1).replace(/\.ko$/, ''))),
    segmentDigests: `${sha256(modulesImage)}  /modules.squashfs\n${sha256(runtimeImage)}  /runtime.squashfs\n`,
    trustedKeys: input.trustedKeys,
  });
  const parts = [
    ['loader', loader],
    ['modules', writeCpio([{ name: 'modules.squashfs', type: 'file', mode: 0o600, data: modulesImage }])],
    ['runtime', writeCpio([{ name: 'runtime.squashfs', type: 'file', mode: 0o600, data: runtimeImage }])],
    ['config', writeCpio(await configEntries(host, input.config, JSON.stringify({ digest: await configDigest(host, input.config), config })))],
  ] as const;
  const image = joinSegments(parts.map(([, data]) => data));
  await files.write(input.out, image, { mode: 0o600 });
  return {
    out: input.out,
    sizeBytes: image.length,
    segments: parts.map(([name, data]) => ({ name, sizeBytes: data.length })),
    modules: modules.count,
    missingFirmware: modules.missingFirmware,
  };
}

/** config.d as it is, and merged: the boot reads the latter while it is current. */
async function configEntries({ files }: Host, dir: string, compiled: string): Promise<readonly CpioEntry[]> {
  const entries: CpioEntry[] = [{ name: 'config.json', type: 'file', mode: 0o600, data: Buffer.from(compiled) }];
  const walk = async (folder: string, name: string): Promise<void> => {
    entries.push({ name, type: 'dir', mode: 0o755 });
    for (const child of await files.list(folder)) {
      const stat = await files.stat(`${folder}/${child}`);
      if (stat?.type === 'dir') await walk(`${folder}/${child}`, `${name}/${child}`);
      else if (stat?.type === 'file') entries.push({ name: `${name}/${child}`, type: 'file', mode: 0o600, data: await files.read(`${folder}/${child}`) });
    }
  };
  await walk(dir, 'config.d');
  return entries;
}

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
