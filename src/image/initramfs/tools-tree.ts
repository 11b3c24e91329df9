import { createHash } from 'node:crypto';
import { basename } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import { debianArch } from '../arch.ts';
import { runProgram } from '../host-programs.ts';
import { byLine, withProgress } from '../progress.ts';
import { countPackages } from '../tree/root-tree.ts';
import { workFolder } from '../work-folder.ts';
import type { Tool } from './segments/runtime-plan.ts';

/** Lines of a list file that are neither empty nor comments. */
export const listLines = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter(Boolean);

/** Reads initramfs/applets: names, any number a line. */
export const parseApplets = (text: string): readonly string[] => listLines(text).flatMap((line) => line.split(/\s+/));

/** Programs of the runtime, and those of the tool sets by the set's name. */
export interface ToolList {
  readonly runtime: readonly Tool[];
  readonly sets: ReadonlyMap<string, readonly Tool[]>;
}

/** Reads initramfs/tools: a path in the tools tree, and where it differs, the name it gets; below `[NAME]` those of a set. */
export function parseTools(text: string): ToolList {
  const runtime: Tool[] = [];
  const sets = new Map<string, Tool[]>();
  let into = runtime;
  for (const line of listLines(text)) {
    const set = /^\[([a-z0-9-]+)\]$/.exec(line)?.[1];
    const [path = '', name = basename(path)] = line.split(/\s+/);
    if (set === undefined) into.push([path, name]);
    else {
      into = sets.get(set) ?? [];
      sets.set(set, into);
    }
  }
  return { runtime, sets };
}

/**
 * The tree that the initramfs takes its programs and libraries from: Debian packages of the image's architecture,
 * unpacked once without running anything of them, kept in the cache under the list they were made from.
 */
export async function toolsTree(
  host: Host,
  { packages, cache, arch }: { readonly packages: readonly string[]; readonly cache: string; readonly arch: string },
): Promise<string> {
  const { files } = host;
  const debian = debianArch(arch);
  const key = createHash('sha256').update(packages.join('\n')).digest('hex').slice(0, 12);
  const tree = `${cache}/tools-${debian}-${key}`;
  if (await files.stat(tree)) return tree;
  await using work = await workFolder(host, tree);
  const options = ['--variant=extract', `--architectures=${debian}`, `--include=${packages.join(',')}`];
  await withProgress(host, `tools: unpacking Debian's for ${debian} (once; kept in ${cache})`, 'packages', (report) =>
    runProgram(host, ['mmdebstrap', ...options, '--format=directory', '--verbose', 'bookworm', `${work.path}/tree`], {
      onOutput: byLine(countPackages(report)),
      hint: `is Debian's archive in reach? Or take the image's own tools: --tools image`,
    }),
  );
  await files.rename(`${work.path}/tree`, tree);
  return tree;
}
