import { dirname } from 'node:path/posix';
import { entryOf } from '../../entry-of.ts';
import type { Host } from '../../host/host.ts';
import { onMachine, type Resolved, resolveInTree, type TreeLink } from '../../host/tree.ts';
import { type DlopenPriority, type ElfInfo, readElf } from './elf.ts';
import { libDirs, PLATFORMS, systemDirs } from './library-dirs.ts';
import { readInterpreter } from './script.ts';

export interface ClosureFile {
  /** As it was asked for or as the dynamic linker finds it. */
  readonly path: string;
  /** The same file without links: what to copy. */
  readonly realPath: string;
}

export interface MissingLibrary {
  /** A library's name, an interpreter's path, or the asked path. */
  readonly library: string;
  /** Absent when the caller asked for it. */
  readonly neededBy: string | undefined;
}

/** All paths are inside the tree, and sorted. The `realPath`s and `links` together are a complete copy. */
export interface ElfClosure {
  readonly files: readonly ClosureFile[];
  /** Every symbolic link on the way: libraries' and folders' (`/lib` → `usr/lib`). */
  readonly links: readonly TreeLink[];
  readonly missing: readonly MissingLibrary[];
}

export interface ElfClosureOptions {
  /** How much of what programs open with dlopen(3) to take. What is only `recommended` is never missing. */
  readonly dlopen: 'required' | 'recommended';
  /** Programs that are no files of the tree, and shall find their libraries in it. */
  readonly outside?: readonly { readonly name: string; readonly info: ElfInfo }[];
}

/** A file as the dynamic linker of one program maps it. */
interface Loaded {
  /** What `$ORIGIN` means in it: ld.so takes a library's folder as found, a program's from /proc/self/exe. */
  readonly origin: string;
  readonly path: string;
  readonly info: ElfInfo;
  readonly loader?: Loaded;
}

type Found = Pick<Loaded, 'path' | 'info'>;

/** musl is all of these itself (ldso/dynlink.c, load_library: "Catch and block attempts to reload the implementation"). */
const MUSL_ITSELF = /^lib(c|pthread|rt|m|dl|util|xnet)\./;

/** Where `env` in a `#!` line finds programs. */
const PROGRAM_DIRS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const;

const sameAbi = (one: ElfInfo, other: ElfInfo): boolean =>
  one.bits === other.bits && one.endian === other.endian && one.machine === other.machine;

/** Paths with ld.so's tokens replaced; `$LIB` gives one path for each folder that distributions use. */
function expand({ info, origin }: Loaded, paths: readonly string[]): string[] {
  const token = (name: string) => new RegExp(`\\$(${name}\\b|\\{${name}\\})`, 'g');
  return paths
    .map((path) => path.replace(token('ORIGIN'), origin))
    .map((path) => path.replace(token('PLATFORM'), entryOf(PLATFORMS, info.machine) ?? info.machine))
    .flatMap((path) =>
      token('LIB').test(path) ? libDirs(info).map((lib) => path.replace(token('LIB'), lib)) : [path],
    );
}

/** The folders that `object` makes ld.so look in before the system's (ld.so(8), and _dl_map_object in elf/dl-load.c). */
function ownDirs(object: Loaded): string[] {
  const dirs: string[] = [];
  // DT_RPATH also counts for what is loaded on one's behalf, and not at all beside a DT_RUNPATH.
  if (object.info.runpath.length === 0)
    for (let at: Loaded | undefined = object; at; at = at.loader)
      if (at.info.runpath.length === 0) dirs.push(...expand(at, at.info.rpath));
  return [...dirs, ...expand(object, object.info.runpath)];
}

/**
 * All that these programs, libraries and scripts of a tree need to run, found by reading and never by running, so it works
 * for foreign machines. Directories of glibc-hwcaps are left out: they only hold faster copies.
 * What glibc opens by itself (libgcc_s for pthread_cancel, libnss_*) is in no header: ask for it by path.
 * Throws `elf-truncated` and `tree-loop`.
 */
export async function elfClosure(
  host: Pick<Host, 'files'>,
  root: string,
  paths: readonly string[],
  { dlopen, outside = [] }: ElfClosureOptions,
): Promise<ElfClosure> {
  const { files } = host;
  const found = new Map<string, ClosureFile>();
  const links = new Map<string, TreeLink>();
  const missing = new Map<string, MissingLibrary>();
  const read = new Map<string, Promise<ElfInfo | undefined>>();
  const searched = new Map<string, Found | undefined>();
  const wanted: readonly DlopenPriority[] = dlopen === 'required' ? ['required'] : ['required', 'recommended'];

  const report = (library: string, neededBy: string | undefined) =>
    missing.set(`${library}\0${neededBy}`, { library, neededBy });

  function keep(path: string, resolved: Resolved): void {
    found.set(path, { path, realPath: resolved.path });
    for (const link of resolved.links) links.set(link.path, link);
  }

  function elfAt(realPath: string): Promise<ElfInfo | undefined> {
    const reading =
      read.get(realPath) ?? files.read(onMachine(root, realPath)).then((bytes) => readElf(bytes, realPath));
    read.set(realPath, reading);
    return reading;
  }

  /** The first file of that name that this program could load. */
  async function search(candidates: readonly string[], program: ElfInfo): Promise<Found | undefined> {
    const key = [program.machine, program.bits, program.endian, ...candidates].join('\0');
    if (searched.has(key)) return searched.get(key);
    let result: Found | undefined;
    for (const path of candidates) {
      const resolved = await resolveInTree(files, root, path);
      const info = resolved?.stat.type === 'file' ? await elfAt(resolved.path) : undefined;
      if (!resolved || !info || !sameAbi(info, program)) continue;
      keep(path, resolved);
      result = { path, info };
      break;
    }
    searched.set(key, result);
    return result;
  }

  /** Loads as ld.so would: breadth first, and each name once. */
  async function load(program: Loaded): Promise<void> {
    const names = new Set<string>();
    const queue: Loaded[] = [program];
    const dirs = await systemDirs(files, root, program.info);
    const isLoaded = (name: string): boolean =>
      names.has(name) || (MUSL_ITSELF.test(name) && /ld-musl-/.test(program.info.interpreter ?? ''));
    const loadFirst = async (sonames: readonly string[], object: Loaded): Promise<boolean> => {
      if (sonames.some(isLoaded)) return true;
      for (const name of sonames) {
        const inDirs = () => [...ownDirs(object), ...dirs].map((dir) => `${dir.replace(/\/+$/, '')}/${name}`);
        const library = await search(name.includes('/') ? expand(object, [name]) : inDirs(), program.info);
        if (!library) continue;
        for (const known of [name, library.info.soname ?? name]) names.add(known);
        queue.push({ ...library, origin: dirname(library.path), loader: object });
        return true;
      }
      return false;
    };
    const interpreter = program.info.interpreter;
    if (interpreter !== undefined && !(await loadFirst([interpreter], program))) report(interpreter, program.path);
    for (let object = queue.shift(); object; object = queue.shift()) {
      for (const name of object.info.needed) if (!(await loadFirst([name], object))) report(name, object.path);
      for (const { sonames, priority } of object.info.dlopen)
        if (wanted.includes(priority) && !(await loadFirst(sonames, object)) && priority === 'required')
          report(sonames[0] ?? '', object.path);
    }
  }

  async function takeScript(start: string, script: string): Promise<void> {
    const { interpreter, program } = readInterpreter(start);
    await take(interpreter, script);
    if (program === undefined) return;
    for (const dir of PROGRAM_DIRS)
      if (await resolveInTree(files, root, `${dir}/${program}`)) return take(`${dir}/${program}`, script);
    report(program, script);
  }

  async function take(path: string, neededBy?: string): Promise<void> {
    if (found.has(path)) return;
    const resolved = await resolveInTree(files, root, path);
    if (!resolved) return void report(path, neededBy);
    keep(path, resolved);
    if (resolved.stat.type !== 'file') return;
    const info = await elfAt(resolved.path);
    if (info) return load({ path, info, origin: dirname(resolved.path) });
    const start = (await files.read(onMachine(root, resolved.path))).subarray(0, 256).toString('latin1');
    if (start.startsWith('#!')) await takeScript(start, path);
  }

  for (const path of paths) await take(path);
  for (const { name, info } of outside) await load({ path: name, info, origin: '/' });
  const byPath = (one: { readonly path: string }, other: { readonly path: string }) => (one.path < other.path ? -1 : 1);
  return {
    files: [...found.values()].sort(byPath),
    links: [...links.values()].sort(byPath),
    missing: [...missing.values()],
  };
}
