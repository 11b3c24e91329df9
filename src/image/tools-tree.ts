import { createHash } from 'node:crypto';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';

/** Lines of a list file that are neither empty nor comments. */
export const listLines = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter(Boolean);

/**
 * The tree that the initramfs takes its programs and libraries from: Debian packages of the target's architecture,
 * unpacked once without running anything of them, kept in the cache under the list they were made from.
 */
export async function toolsTree({ files, exec, console }: Host, { packages, cache, debianArch }: { readonly packages: readonly string[]; readonly cache: string; readonly debianArch: string }): Promise<string> {
  const key = createHash('sha256').update(packages.join('\n')).digest('hex').slice(0, 12);
  const tree = `${cache}/tools-${debianArch}-${key}`;
  if (await files.stat(tree)) return tree;
  console.line('info', `tools: unpacking ${packages.length} Debian packages for ${debianArch} (once; kept in ${cache})`);
  await files.mkdir(cache);
  const temporary = `${tree}.tmp`;
  await files.remove(temporary);
  const argv = ['mmdebstrap', '--variant=extract', `--architectures=${debianArch}`, `--include=${packages.join(',')}`, '--format=directory', '--quiet', 'bookworm', temporary];
  const { exitCode, stderr } = await exec.run(argv);
  if (exitCode !== 0)
    throw new StatectlError('tools-failed', `the tools cannot be unpacked: ${stderr.trim().split('\n').at(-1)}`, { hint: `run \`${argv.join(' ')}\` to see all of it; is Debian's archive in reach?` });
  await files.rename(temporary, tree);
  return tree;
}
