/** A file that only this segment of ours has. */
const SIGNS = [
  ['etc/segments.sha256', 'loader'],
  ['modules.squashfs', 'modules'],
  ['runtime.squashfs', 'runtime'],
  ['config.json', 'config.d'],
] as const;

/** Where the loader looks for tool sets: `sets/fsck.squashfs`. */
export const setFile = (set: string): string => `sets/${set}.squashfs`;

/** Of `tools fsck` the set; undefined of what is no tool set. */
export const setOfSegment = (name: string | undefined): string | undefined => /^tools (.+)$/.exec(name ?? '')?.[1];

/** What a segment of ours is called, by what is in it; undefined: it is somebody else's. */
export function segmentName(members: readonly { readonly name: string }[]): string | undefined {
  const sign = SIGNS.find(([file]) => members.some(({ name }) => name === file));
  if (sign) return sign[1];
  const set = members.map(({ name }) => /^sets\/([a-z0-9-]+)\.squashfs$/.exec(name)?.[1]).find(Boolean);
  return set && `tools ${set}`;
}
