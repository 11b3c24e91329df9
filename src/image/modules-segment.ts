import { basename, dirname } from 'node:path/posix';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { hostModules, MODULE_CLASSES, type ModuleClass, modulesOfClass } from './module-classes.ts';
import { moduleClosure } from './kernel-modules.ts';
import { COMPRESSIONS, type CompressionName, makeSquashfs } from './squashfs.ts';
import { onMachine } from './tree.ts';

/** What /init loads from the loader itself, to be able to mount the other segments. */
export const LOADER_MODULES = ['loop', 'squashfs'];

export interface ModulesInput {
  readonly tree: string;
  readonly release: string;
  /** `all`, `host`, or names of modules and classes. */
  readonly select: readonly string[];
  readonly compression: CompressionName;
}

export interface ModulesResult {
  readonly count: number;
  readonly bytes: number;
  readonly missingFirmware: readonly string[];
}

/** Paths in the tree of the modules that the loader needs, in load order. */
export async function loaderModules(host: Host, tree: string, release: string): Promise<readonly string[]> {
  const closure = await moduleClosure(host, tree, release, LOADER_MODULES);
  if (closure.missing.length > 0)
    throw new StatectlError('module-missing', `the kernel ${release} lacks ${closure.missing.join(', ')}, which mounting the runtime needs`, { hint: 'use a kernel with loop and squashfs, as modules or built in' });
  return closure.modules;
}

/** The modules of these classes with all they need, their firmware and fresh indexes: one squashfs keyed by the kernel's release. */
export async function buildModules(host: Host, { tree, release, select, compression }: ModulesInput, work: string, out: string): Promise<ModulesResult> {
  const closure = await moduleClosure(host, tree, release, await selected(host, tree, release, select));
  if (closure.missing.length > 0)
    throw new StatectlError('module-missing', `the kernel ${release} has no module ${closure.missing.join(', ')}`, { hint: `see what it has below ${tree}/lib/modules/${release}` });
  const staged = `${work}/modules`;
  const target = `${staged}/lib/modules/${release}`;
  await host.files.mkdir(target, 0o755);
  const paths = [...new Set([...closure.modules, ...closure.requested])];
  let bytes = 0;
  const folders = new Set<string>();
  for (const path of paths) {
    const to = `${target}/${path.slice(path.indexOf(`/${release}/`) + release.length + 2)}`;
    if (!folders.has(dirname(to))) await host.files.mkdir(dirname(to), 0o755);
    folders.add(dirname(to));
    const data = await host.files.read(onMachine(tree, path));
    bytes += data.length;
    await host.files.write(to, data);
  }
  for (const path of closure.firmware) {
    const to = `${target}/firmware/${path.replace(/^(\/usr)?\/lib\/firmware\//, '')}`;
    await host.files.mkdir(dirname(to), 0o755);
    await host.files.write(to, await host.files.read(onMachine(tree, path)));
  }
  const home = dirname(paths[0] ?? '').split(`/${release}`)[0];
  for (const name of ['modules.builtin', 'modules.builtin.modinfo', 'modules.order', 'modules.softdep'])
    if (await host.files.stat(`${tree}${home}/${release}/${name}`)) await host.files.write(`${target}/${name}`, await host.files.read(`${tree}${home}/${release}/${name}`));
  const { exitCode, stderr } = await host.exec.run(['depmod', '-b', staged, release]);
  if (exitCode !== 0) throw new StatectlError('build-failed', `depmod failed: ${stderr.trim()}`);
  await makeSquashfs(host, target, out, { compression: COMPRESSIONS[compression], allRoot: true });
  return { count: paths.length, bytes, missingFirmware: closure.missingFirmware };
}

async function selected(host: Host, tree: string, release: string, select: readonly string[]): Promise<readonly string[]> {
  const classes = Object.keys(MODULE_CLASSES) as ModuleClass[];
  const base: readonly ModuleClass[] = ['core', 'filesystems', 'keyboard'];
  if (select.includes('all')) return modulesOfClass(host, tree, release, classes);
  const named = select.filter((name) => name !== 'host').map((name) => basename(name, '.ko'));
  return [
    ...(await modulesOfClass(host, tree, release, [...base, ...classes.filter((name) => named.includes(name))])),
    ...named.filter((name) => !classes.includes(name as ModuleClass)),
    ...(select.includes('host') ? await hostModules(host, tree, release) : []),
  ];
}
