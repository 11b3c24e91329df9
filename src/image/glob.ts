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
  return new RegExp(`^${parts.map(translate).join('')}$`, 's');
}
