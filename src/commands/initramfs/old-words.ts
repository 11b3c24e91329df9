/** The options of `build initramfs` that are verbs of their own by now. */
const VERBS = ['list', 'unpack', 'append'] as const;

/**
 * `build initramfs …` as it was said until 0.1, in today's words: `initramfs build …`, or `initramfs list FILE …` for `--list FILE` and its
 * like. Others stay as they are. Pure.
 */
export function todaysWords(words: readonly string[]): readonly string[] {
  const [build, initramfs, ...rest] = words;
  if (build !== 'build' || initramfs !== 'initramfs') return words;
  for (const verb of VERBS) {
    const at = rest.findIndex((word) => word === `--${verb}` || word.startsWith(`--${verb}=`));
    if (at < 0) continue;
    const [, value] = /=(.*)$/s.exec(rest[at] ?? '') ?? [];
    const others = rest.toSpliced(at, value === undefined ? 2 : 1);
    const file = value ?? rest[at + 1];
    return ['initramfs', verb, ...(file === undefined ? [] : [file]), ...others];
  }
  return ['initramfs', 'build', ...rest];
}
