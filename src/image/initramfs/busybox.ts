import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { archOfElf } from '../arch.ts';
import { readElf } from '../elf/elf.ts';
import { readInTree } from '../tree/tree-content.ts';

export interface Busybox {
  readonly program: Buffer;
  /** Names it answers to, without its own. */
  readonly applets: readonly string[];
}

const PLACES = ['/bin/busybox', '/usr/bin/busybox', '/sbin/busybox', '/usr/lib/initcpio/busybox'] as const;
const APPLET_NAME = /^[a-z0-9_.+[-]{1,32}$/;

/** The static busybox of a tree, read and never run. Throws `tool-missing`, `tool-invalid`, `applet-missing`. */
export async function findBusybox(
  { files }: Pick<Host, 'files'>,
  tree: string,
  arch: string,
  needed: readonly string[],
): Promise<Busybox> {
  const hint =
    'the Debian package is busybox-static: add it to initramfs/tools-packages, or to the image for --tools image';
  for (const place of PLACES) {
    const program = await readInTree(files, tree, place);
    if (!program) continue;
    const elf = readElf(program, place);
    if (!elf || archOfElf(elf.machine) !== arch)
      throw new StatectlError('tool-invalid', `${place} of the tools is not for ${arch}`, { hint });
    // Before the runtime is mounted there are no libraries.
    if (elf.interpreter !== undefined)
      throw new StatectlError('tool-invalid', `${place} of the tools is not static, so /init could not run it`, {
        hint,
      });
    const applets = appletsOf(program);
    const missing = needed.filter((name) => !applets.includes(name));
    if (missing.length > 0)
      throw new StatectlError('applet-missing', `${place} of the tools lacks ${missing.join(', ')}, which /init uses`, {
        hint,
      });
    return { program, applets: applets.filter((name) => name !== 'busybox') };
  }
  throw new StatectlError('tool-missing', 'the tools have no busybox', { hint });
}

/**
 * The table of applets in a busybox: their names, sorted, each ended by a NUL (applet_names in include/applet_tables.h).
 * It is found as the longest such run that has `cat` in it.
 */
export function appletsOf(program: Buffer): readonly string[] {
  let best: readonly string[] = [];
  for (let at = program.indexOf('\0cat\0'); at >= 0; at = program.indexOf('\0cat\0', at + 1)) {
    const run = runAround(program, at + 1);
    if (run.length > best.length) best = run;
  }
  return best;
}

function runAround(program: Buffer, middle: number): readonly string[] {
  const isBefore = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other)) < 0;
  const names: string[] = [];
  for (let at = middle; ; ) {
    const end = program.indexOf(0, at);
    const name = program.toString('latin1', at, end < 0 ? at : end);
    if (!APPLET_NAME.test(name) || (names.length > 0 && !isBefore(names.at(-1) ?? '', name))) break;
    names.push(name);
    at = end + 1;
  }
  for (let end = middle - 1; end > 0; ) {
    const start = program.lastIndexOf(0, end - 1) + 1;
    const name = program.toString('latin1', start, end);
    if (!APPLET_NAME.test(name) || !isBefore(name, names[0] ?? '')) break;
    names.unshift(name);
    end = start - 1;
  }
  return names;
}
