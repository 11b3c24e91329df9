import { basename, dirname } from 'node:path/posix';
import { StatectlError } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { onMachine, type Resolved, resolveInTree } from '../../../host/tree.ts';
import { type ElfInfo, readElf } from '../../elf/elf.ts';
import { elfClosure } from '../../elf/elf-closure.ts';
import { readInterpreter } from '../../elf/script.ts';
import { readInTree } from '../../tree/tree-content.ts';

/** Where the runtime is mounted, before and after the switch: the interpreter in the binary is bound to it. */
export const RUNTIME_MOUNT = '/run/initramfs/rt';
/** A library that glibc opens without saying so in any header: pthread_cancel(3) needs it. */
const OPENED_BY_GLIBC = 'libgcc_s.so.1';

/** A program of the tools tree: its path there, and its name in the runtime's /bin. */
export type Tool = readonly [path: string, name: string];

export interface Copy {
  /** In the runtime's folder. */
  readonly name: string;
  /** In the tree, without links. */
  readonly from: string;
}
/** A symlink: its path relative to the root it is in, and its text. */
export interface Link {
  readonly name: string;
  readonly target: string;
}

/**
 * What the runtime is made of. All libraries lie in one folder, which the tools reach by `loaderLinks`: what ld.so does not
 * find in a program's private folders, it looks for in the system's, and those lead to it.
 */
export interface RuntimePlan {
  readonly tools: readonly Copy[];
  /** Further names of the tools. */
  readonly aliases: readonly Link[];
  readonly libraries: readonly Copy[];
  /** The dynamic linker's name among the libraries. */
  readonly linker: string;
  /** Symlinks for the loader's root, so that programs start and find their libraries and interpreters. */
  readonly loaderLinks: readonly Link[];
}

export interface RuntimeQuestion {
  readonly tree: string;
  readonly tools: readonly Tool[];
  /** Of the binary that becomes `statectl`, which is no file of the tree. */
  readonly statectl: ElfInfo;
  /** What busybox has in /bin. */
  readonly applets: readonly string[];
}

/** Looks up everything and copies nothing. Throws `tool-missing`, `tool-invalid`, `library-missing`, `library-conflict`. */
export async function planRuntime(host: Pick<Host, 'files'>, question: RuntimeQuestion): Promise<RuntimePlan> {
  const { tree, statectl, applets } = question;
  const found = await findTools(host, question);
  const tools = new Map(found.map(({ target, resolved }) => [target, resolved.path]));
  const own = new Set(tools.values());
  const named = new Set([...tools.keys(), ...found.map(({ name }) => name)]);
  const programs = found.filter(({ elf }) => elf !== undefined);
  const closure = await elfClosure(
    host,
    tree,
    programs.map(({ path }) => path),
    {
      dlopen: 'recommended',
      outside: [{ name: 'statectl', info: { ...statectl, needed: [...statectl.needed, OPENED_BY_GLIBC] } }],
    },
  );
  if (closure.missing.length > 0)
    throw new StatectlError(
      'library-missing',
      closure.missing
        .map(({ library, neededBy }) => `the tools lack ${library}, which ${neededBy ?? 'was asked for'} needs`)
        .join('\n'),
      { hint: 'add the packages that hold them to initramfs/tools-packages, or to the image for --tools image' },
    );
  const libraries = closure.files.filter(({ realPath }) => !own.has(realPath));
  return {
    tools: [...tools].map(([name, from]) => ({ name, from })).sort(byName),
    aliases: found.filter(({ name, target }) => name !== target).map(({ name, target }) => ({ name, target })),
    libraries: await flatten(host, tree, libraries),
    linker: basename(statectl.interpreter ?? ''),
    loaderLinks: [...libraryLinks(libraries.map(({ path }) => path)), ...scriptLinks(found, named, applets)].sort(
      byName,
    ),
  };
}

const byName = (one: { readonly name: string }, other: { readonly name: string }) => (one.name < other.name ? -1 : 1);

interface FoundTool {
  readonly path: string;
  readonly name: string;
  /** The file's own name. */
  readonly target: string;
  readonly resolved: Resolved;
  readonly elf: ElfInfo | undefined;
  readonly start: string;
}

async function findTools(
  { files }: Pick<Host, 'files'>,
  { tree, tools }: RuntimeQuestion,
): Promise<readonly FoundTool[]> {
  const found: FoundTool[] = [];
  for (const [path, name] of tools) {
    const resolved = await resolveInTree(files, tree, path);
    if (resolved?.stat.type !== 'file')
      throw new StatectlError('tool-missing', `the tools lack ${path}`, {
        hint: 'add its package to initramfs/tools-packages (or to the image for --tools image), or take it from initramfs/tools',
      });
    const target = basename(resolved.path);
    const other = found.find((one) => one.target === target && one.resolved.path !== resolved.path);
    if (other)
      throw new StatectlError('tool-invalid', `${path} and ${other.path} are two programs with one name`, {
        hint: 'take one of them from initramfs/tools',
      });
    const bytes = (await readInTree(files, tree, resolved.path)) ?? Buffer.alloc(0);
    const start = bytes.subarray(0, 256).toString('latin1');
    const elf = readElf(bytes, path);
    if (!elf && !start.startsWith('#!'))
      throw new StatectlError('tool-invalid', `${path} is neither a program nor a script`);
    found.push({ path, name, target, resolved, elf, start });
  }
  return found;
}

/** Into one folder, where a name can stand for one library only. */
async function flatten(
  { files }: Pick<Host, 'files'>,
  tree: string,
  libraries: readonly { path: string; realPath: string }[],
): Promise<readonly Copy[]> {
  const byBase = new Map<string, { path: string; realPath: string }>();
  for (const library of libraries) {
    const name = basename(library.path);
    const other = byBase.get(name);
    byBase.set(name, other ?? library);
    if (!other || other.realPath === library.realPath) continue;
    const [one, two] = await Promise.all([other, library].map(({ realPath }) => files.read(onMachine(tree, realPath))));
    if (!one?.equals(two ?? one))
      throw new StatectlError('library-conflict', `${other.path} and ${library.path} are two libraries with one name`, {
        hint: 'leave out the tool that brings a private copy, in initramfs/tools',
      });
  }
  return [...byBase].map(([name, { realPath }]) => ({ name, from: realPath })).sort(byName);
}

/**
 * The places where programs look, as links to the one folder: `/lib/x86_64-linux-gnu`, `/lib64`. In the loader /usr is `/`,
 * and /lib is a folder of its own, so what lies in it directly (Arch's libraries, some interpreters) gets a link each.
 */
export function libraryLinks(paths: readonly string[]): readonly Link[] {
  const links = new Map<string, string>();
  for (const path of paths) {
    const folder = dirname(path).replace(/^\/usr(?=\/)/, '');
    if (folder === '/lib') links.set(`lib/${basename(path)}`, `${RUNTIME_MOUNT}/lib/${basename(path)}`);
    // Deeper ones are private, and found by name in the system's folders, which libc's is one of.
    else if (/^\/lib[^/]*(\/[^/]+)?$/.test(folder)) links.set(folder.slice(1), `${RUNTIME_MOUNT}/lib`);
  }
  return [...links].map(([name, target]) => ({ name, target }));
}

/** Scripts name their interpreter by path: it must be an applet, or a tool that gets a link there. */
function scriptLinks(
  found: readonly FoundTool[],
  named: ReadonlySet<string>,
  applets: readonly string[],
): readonly Link[] {
  const links = new Map<string, string>();
  for (const { path, elf, start } of found) {
    if (elf) continue;
    const { interpreter, program } = readInterpreter(start);
    for (const one of program === undefined ? [interpreter] : [interpreter, program]) {
      const name = basename(one);
      // /usr and /sbin of the loader are links, so all programs are in /bin; `env` looks in the runtime's, too.
      const isReached = one === program || /^(\/usr)?\/s?bin\/[^/]+$/.test(one);
      if (isReached && applets.includes(name)) continue;
      if (!isReached || !named.has(name))
        throw new StatectlError('tool-invalid', `${path} is a script for ${one}, which is not in the initramfs`, {
          hint: `add ${one.startsWith('/') ? one : `/usr/bin/${one}`} to initramfs/tools, or leave the script out`,
        });
      if (one !== program) links.set(`bin/${name}`, `${RUNTIME_MOUNT}/bin/${name}`);
    }
  }
  return [...links].map(([name, target]) => ({ name, target }));
}
