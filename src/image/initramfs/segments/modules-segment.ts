import { basename, dirname } from 'node:path/posix';
import { StatectlError } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { onMachine, resolveInTree } from '../../../host/tree.ts';
import { runProgram } from '../../host-programs.ts';
import { type ModuleClosure, moduleClosure } from '../../kernel/kernel-modules.ts';
import { MODULE_PACKERS } from '../../kernel/module-file.ts';
import { type ModuleSelection, selectModules } from '../../kernel/module-selection.ts';
import type { Report } from '../../progress.ts';
import { type CompressionName, makeSquashfs } from '../../squashfs.ts';

/** What /init loads from the loader itself, to be able to mount the other segments. */
const LOADER_MODULES = ['loop', 'squashfs'];
/** What depmod reads besides the modules, and what modprobe reads besides depmod's files. */
const KERNEL_FILES = [
  'modules.builtin',
  'modules.builtin.modinfo',
  'modules.order',
  'modules.softdep',
  'modules.weakdep',
];

export interface ModulesInput {
  readonly tree: string;
  readonly release: string;
  /** `all`, `host`, names of classes and of modules: all of what they mean together. */
  readonly select: readonly string[];
  readonly compression: CompressionName;
  readonly report?: Report;
}

export interface ModulesResult extends Pick<ModuleSelection, 'leftOut'> {
  readonly count: number;
  readonly missingFirmware: readonly string[];
}

/** Paths in the tree of the modules that the loader needs, in load order. Throws `module-missing`. */
export async function loaderModules(host: Host, tree: string, release: string): Promise<readonly string[]> {
  const closure = await moduleClosure(host, tree, release, LOADER_MODULES);
  if (closure.missing.length > 0)
    throw new StatectlError(
      'module-missing',
      `the kernel ${release} lacks ${closure.missing.join(', ')}, which mounting the runtime needs`,
      { hint: 'use a kernel with loop and squashfs, as modules or built in' },
    );
  return closure.modules;
}

/**
 * The selected modules with all they need, their firmware and fresh indexes: one squashfs keyed by the kernel's release.
 * Throws `module-missing` for what was named and is not there.
 */
export async function buildModules(host: Host, input: ModulesInput, work: string, out: string): Promise<ModulesResult> {
  const { tree, release, select, compression, report } = input;
  const { names, leftOut } = await selectModules(host, tree, release, select);
  const closure = await moduleClosure(host, tree, release, names);
  if (closure.missing.length > 0)
    throw new StatectlError(
      'module-missing',
      `the image's kernel ${release} has no module ${closure.missing.join(', ')}`,
      {
        hint: 'see `find TREE/lib/modules -name "*.ko*"` for what it has; --modules takes names and classes',
      },
    );
  const staged = `${work}/modules`;
  const target = `${staged}/lib/modules/${release}`;
  await stage(host, tree, release, closure, target);
  await runProgram(host, ['depmod', '-b', staged, release]);
  // The same for every umask.
  await runProgram(host, ['chmod', '-R', 'u=rwX,go=rX', target]);
  await makeSquashfs(host, target, out, { compression, content: 'ours', ...(report && { report }) });
  return {
    count: closure.modules.length + closure.requested.length,
    leftOut,
    missingFirmware: closure.missingFirmware,
  };
}

async function stage(host: Host, tree: string, release: string, closure: ModuleClosure, target: string): Promise<void> {
  const { files } = host;
  const all = [...closure.modules, ...closure.requested];
  const [first = ''] = all;
  const home = first.slice(0, first.indexOf(`/${release}/`) + release.length + 1);
  const staged = all.map((path) => [path, target + path.slice(home.length)] as const);
  const wanted = [
    ...staged,
    ...closure.firmware.map(
      (path) => [path, `${target}/firmware/${path.replace(/^(\/usr)?\/lib\/firmware\//, '')}`] as const,
    ),
    ...KERNEL_FILES.map((name) => [`${home}/${name}`, `${target}/${name}`] as const),
  ];
  const folders = new Map<string, string[]>();
  for (const [path, to] of wanted) {
    const found = await resolveInTree(files, tree, path);
    if (found?.stat.type !== 'file') continue;
    const from = onMachine(tree, found.path);
    if (!folders.has(dirname(to))) await files.mkdir(dirname(to), 0o755);
    const together = folders.get(dirname(to)) ?? [];
    folders.set(dirname(to), together);
    // A link to a file with another name, as for firmware of several revisions: the name that is asked for counts.
    if (basename(from) === basename(to)) together.push(from);
    else await files.write(to, await files.read(from));
  }
  // By one cp for each folder: hundreds of files, each written durably, would take a minute on a slow disk.
  for (const [folder, sources] of folders)
    if (sources.length > 0) await runProgram(host, ['cp', '--reflink=auto', '-t', folder, ...sources]);
  await unpackModules(
    host,
    staged.map(([, to]) => to),
  );
}

/**
 * Unpacks modules where they lie: the first drivers are loaded by busybox, which reads none that is packed. By one program
 * for all of a kind. depmod then writes their new names down.
 */
async function unpackModules(host: Host, paths: readonly string[]): Promise<void> {
  for (const [suffix, argv] of Object.entries(MODULE_PACKERS)) {
    const packed = paths.filter((path) => path.endsWith(`.ko${suffix}`));
    if (packed.length === 0) continue;
    await runProgram(host, [...argv, ...packed], { hint: 'is there room on the disk, and the kernel package whole?' });
  }
}
