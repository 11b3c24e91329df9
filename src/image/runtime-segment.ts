import { basename, dirname } from 'node:path/posix';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { readElf } from './elf.ts';
import { elfClosure } from './elf-closure.ts';
import { COMPRESSIONS, type CompressionName, makeSquashfs } from './squashfs.ts';
import { onMachine, resolveInTree } from './tree.ts';

/** Where the runtime is mounted, before and after the switch: the interpreter in the binary is bound to it. */
export const RUNTIME_MOUNT = '/run/initramfs/rt';
/** Libraries that a program opens without saying so in its headers: pthread_cancel(3) needs libgcc_s. */
const OPENED_BY_GLIBC = 'libgcc_s.so.1';

export interface RuntimeInput {
  /** dist/statectl. */
  readonly statectl: string;
  readonly tree: string;
  /** Path in the tree, and the name in /bin of the runtime. */
  readonly tools: readonly (readonly [path: string, name: string])[];
  readonly compression: CompressionName;
}

/** One squashfs with statectl, its tools, and the libraries of both: `ld.so`, `lib/`, `bin/`, `statectl`. */
export async function buildRuntime(host: Host, input: RuntimeInput, work: string, out: string): Promise<void> {
  const { files, exec } = host;
  const staged = `${work}/runtime`;
  for (const dir of ['', '/bin', '/lib']) await files.mkdir(staged + dir, 0o755);
  const libraries = await librariesOf(host, input);
  for (const realPath of libraries) await copy(host, onMachine(input.tree, realPath.from), `${staged}/lib/${realPath.name}`);
  const loader = libraries.find(({ name }) => /^ld-linux.*\.so\.\d+$/.test(name) || /^ld\.so/.test(name));
  if (!loader) throw new StatectlError('tool-missing', 'the tools tree has no dynamic linker', { hint: 'libc6 must be among initramfs/tools-packages' });
  await files.symlink(`lib/${loader.name}`, `${staged}/ld.so`);
  for (const [path, name] of input.tools) {
    const tool = await resolveInTree(files, input.tree, path);
    if (!tool) throw new StatectlError('tool-missing', `${path} is not in the tools tree ${input.tree}`, { hint: 'add its package to initramfs/tools-packages, or take it from initramfs/tools' });
    const target = basename(tool.path);
    if (!(await files.stat(`${staged}/bin/${target}`))) await copy(host, onMachine(input.tree, tool.path), `${staged}/bin/${target}`);
    if (name !== target) await files.symlink(target, `${staged}/bin/${name}`);
  }
  await copy(host, input.statectl, `${staged}/statectl`);
  // After the injection: patchelf keeps what the single executable holds, strip would not (measured, ARCHITECTURE.md).
  await must(host, ['patchelf', '--set-interpreter', `${RUNTIME_MOUNT}/ld.so`, '--set-rpath', `${RUNTIME_MOUNT}/lib`, `${staged}/statectl`]);
  await files.symlink('../statectl', `${staged}/bin/statectl`);
  await makeSquashfs({ exec, files }, staged, out, { compression: COMPRESSIONS[input.compression], allRoot: true });
}

async function librariesOf(host: Host, { statectl, tree, tools }: RuntimeInput): Promise<readonly { readonly name: string; readonly from: string }[]> {
  const fromTree = await elfClosure(host, tree, tools.map(([path]) => path), { dlopen: 'required' });
  // statectl is no file of the tree; what it needs is looked up as if it were.
  const own = await elfClosure(host, tree, await librariesOfStatectl(host, statectl, tree), { dlopen: 'required' });
  const missing = [...fromTree.missing, ...own.missing];
  if (missing.length > 0)
    throw new StatectlError('library-missing', missing.map(({ library, neededBy }) => `${library} is missing${neededBy ? `, ${neededBy} needs it` : ''}`).join('\n'), {
      hint: 'add the packages that hold them to initramfs/tools-packages',
    });
  const toolPaths = new Set(tools.map(([path]) => path));
  const found = new Map([...fromTree.files, ...own.files].filter(({ path }) => !toolPaths.has(path)).map(({ path, realPath }) => [basename(path), realPath]));
  return [...found].map(([name, from]) => ({ name, from })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function librariesOfStatectl({ files }: Host, statectl: string, tree: string): Promise<readonly string[]> {
  const elf = readElf(await files.read(statectl), statectl);
  if (!elf) throw new StatectlError('statectl-invalid', `${statectl} is no ELF program`, { hint: 'make it with `npm run build`' });
  const dirs = [`/lib/${elf.machine}-linux-gnu`, `/usr/lib/${elf.machine}-linux-gnu`, '/lib64', '/usr/lib64', '/lib', '/usr/lib'];
  const paths: string[] = [];
  for (const name of [...elf.needed, OPENED_BY_GLIBC]) {
    const found = [];
    for (const dir of dirs) if (await resolveInTree(files, tree, `${dir}/${name}`)) found.push(`${dir}/${name}`);
    // What is nowhere is reported as missing by the closure, under the first place.
    paths.push(found[0] ?? `${dirs[0]}/${name}`);
  }
  return paths;
}

async function copy(host: Host, from: string, to: string): Promise<void> {
  await host.files.mkdir(dirname(to), 0o755);
  await must(host, ['cp', '--reflink=auto', '--preserve=mode', from, to]);
}

async function must({ exec }: Host, argv: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await exec.run(argv);
  if (exitCode !== 0) throw new StatectlError('build-failed', `\`${argv.join(' ')}\` failed: ${stderr.trim().split('\n').at(-1)}`);
}
