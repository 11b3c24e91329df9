import type { CommandLine } from '../../config/command-line/command-line.ts';
import { sameName } from '../../config/command-line/command-line.ts';

/**
 * Of one boot alone: what its loader or its server said of itself. `statectl.image` among them: the server writes it on each netboot's
 * command line, and a machine that boots from its disk would be tied to that version.
 */
const OF_ONE_BOOT = new Set([
  'initrd',
  'BOOT_IMAGE',
  'statectl.image',
  'statectl.slot',
  'statectl.break',
  'statectl.rescue',
]);

/**
 * A kernel that panics tries again, so that the loader's count goes down. rescue.sh takes a `panic=` of digits alone for a wish to
 * have no prompt, which this is not; the kernel reads the sign.
 */
const PANIC = 'panic=+10';

/** The kernel command line of entries on the disk: that of this boot, without what was of this boot alone. Pure. */
export function localWords({ words }: CommandLine): readonly string[] {
  const own = words.filter(({ origin, name }) => origin === '/proc/cmdline' && !OF_ONE_BOOT.has(sameName(name)));
  return [...own.map(({ raw }) => raw), ...(own.some(({ name }) => name === 'panic') ? [] : [PANIC])];
}

/** The word that tells which entry was booted. */
export const slotWord = (slot: string): string => `statectl.slot=${slot}`;
