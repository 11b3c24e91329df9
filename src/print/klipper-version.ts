/** `git describe --tags --long` as Klipper calls itself and its firmware, or a commit alone where there are no tags. */
const COMMIT = /(?:-g|^)([0-9a-f]{7,40})(?=-|$)/;
/** What buildcommands.py puts after it where the tree was changed, or a tool unknown: a time and the name of a machine. */
const BUILT = /-\d{8}_\d{6}-.*$/;

/**
 * Whether a board's firmware was made of the same sources as this Klipper. What each says after its commit (`-dirty`, when and where it
 * was built) tells nothing of the commands that it knows. `unknown`: one of them does not know what it is. Pure.
 */
export function compareVersions(klipper: string, firmware: string): 'same' | 'differs' | 'unknown' {
  if ([klipper, firmware].some((version) => version === '' || version.startsWith('?'))) return 'unknown';
  const [one, other] = [klipper, firmware].map((version) => COMMIT.exec(version)?.[1]);
  // git shortens a commit as far as each repository needs it.
  if (one !== undefined && other !== undefined)
    return one.startsWith(other) || other.startsWith(one) ? 'same' : 'differs';
  return bare(klipper) === bare(firmware) ? 'same' : 'differs';
}

const bare = (version: string): string => version.replace(BUILT, '').replace(/-dirty$/, '');
