/** A shell's wildcard as fnmatch(3) without flags has it: `*` and `?` match anything, `[…]` and `[!…]` sets. */
export function patternOf(glob: string): RegExp {
  const parts = glob.match(/\[[^\]]+\]|[\s\S]/g) ?? [];
  const translate = (part: string): string => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    return part.length > 1
      ? part.replace(/^\[!/, '[^').replace(/\\/g, '\\\\')
      : part.replace(/[.+^${}()|[\]\\/]/, '\\$&');
  };
  try {
    return new RegExp(`^${parts.map(translate).join('')}$`, 's');
  } catch {
    // A set such as [z-a], in a list of an image: nothing is in it.
    return /(?!)/;
  }
}
