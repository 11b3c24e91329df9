import { dirname } from 'node:path/posix';
import { reasonOf, StatectlError } from '../error.ts';
import type { Stat } from '../host/host.ts';
import { unescapeOctal } from '../host/kernel/octal-escapes.ts';
import { diffTrees, type IsGone, type Trees } from './ramdisk-diff.ts';
import type { Scan } from './scan.ts';

/** Names after `trusted.overlay.` by path, with their values. See the kernel's filesystems/overlayfs.rst. */
export type Marks = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Reads what getfattr(1) prints: blocks of `# file: PATH` and `name="value"` lines, odd characters in octal. */
export function parseMarks(text: string): Marks {
  const marks = new Map<string, Map<string, string>>();
  let current = new Map<string, string>();
  for (const line of text.split('\n')) {
    const path = /^# file: (.*)$/.exec(line)?.[1];
    if (path !== undefined) {
      current = new Map();
      marks.set(unescapeOctal(path), current);
    }
    const [, name, value] = /^trusted\.overlay\.([^=]+)(?:="(.*)")?$/.exec(line) ?? [];
    if (name !== undefined) current.set(name, value ?? '');
  }
  return marks;
}

/** Undefined, with a limit, where no getfattr is installed: node:fs has no call for extended attributes. */
async function readMarks(scan: Scan, upper: string): Promise<Marks | undefined> {
  const options = ['-R', '-P', '-h', '-d', '-m', '^trusted\\.overlay\\.', '--absolute-names', '-e', 'text'];
  try {
    const { stdout, stderr } = await scan.exec.run(['getfattr', ...options, upper]);
    const complaint = stderr.split('\n').find((line) => line !== '' && !line.endsWith(': No such file or directory'));
    if (complaint !== undefined) scan.limit(`xattrs: not all read (${complaint})`);
    return parseMarks(stdout);
  } catch (error) {
    scan.limit(`xattrs: unread (${reasonOf(error)})`);
    return undefined;
  }
}

function refuseIndirect(upper: string, marks: Marks): void {
  for (const [path, names] of marks)
    for (const name of ['redirect', 'metacopy'])
      if (names.has(name))
        throw new StatectlError(
          'overlay-not-plain',
          `${path} is marked trusted.overlay.${name}: the upper ${upper} cannot be read without the lower it points to`,
          {
            hint: 'copy the path away and back in the running system; statectl mounts with redirect_dir=off,metacopy=off',
          },
        );
}

const isDeviceZero = (stat: Stat): boolean => stat.type === 'char' && stat.rdev.major === 0 && stat.rdev.minor === 0;

/** The kernel's own answer: what the mounted overlay does not show is gone. */
const goneFromMount =
  (scan: Scan): IsGone =>
  async (at, live) =>
    live !== undefined && isDeviceZero(live)
      ? true
      : (live === undefined || (live.type === 'file' && live.sizeBytes === 0)) &&
        (await scan.stat(at.shown)) === undefined;

/** Of an upper that is not mounted, by its marks: an opaque directory hides all of the image's below it. */
function goneByMarks(upper: string, marks: Marks): IsGone {
  const isOpaque = (dir: string): boolean =>
    marks.get(dir)?.get('opaque') === 'y' || (dir.length > upper.length && isOpaque(dirname(dir)));
  return (at, live) =>
    live === undefined
      ? isOpaque(dirname(at.live))
      : isDeviceZero(live) || marks.get(at.live)?.has('whiteout') === true;
}

/**
 * An upper holds what was written; what it lacks shows through from the image, unless a whiteout or an opaque directory hides
 * it. A directory copied up for its children's sake equals the image's. Throws `overlay-not-plain`.
 */
export async function scanOverlay(scan: Scan, trees: Trees, plain = false): Promise<void> {
  const upper = trees.live;
  // Mounted twice means that something else covers it.
  const visible = scan.mountPoints.filter((path) => path === trees.shown).length === 1;
  const marks = plain && visible ? undefined : await readMarks(scan, upper);
  if (marks) refuseIndirect(upper, marks);
  if (!visible && !marks) scan.limit('xattrs: unread and not mounted, so what opaque directories hide is not listed');
  await diffTrees(scan, trees, visible ? goneFromMount(scan) : goneByMarks(upper, marks ?? new Map()));
}
