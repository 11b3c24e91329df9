import { type ListedSegment, listInitramfs } from '../../src/image/initramfs/initramfs-listing.ts';

export interface NamedSize {
  readonly name: string;
  readonly sizeBytes: number;
}

/** A member that only this segment of ours has. */
const SIGNS = [
  ['init', 'loader'],
  ['modules.squashfs', 'modules'],
  ['runtime.squashfs', 'runtime'],
  ['config.json', 'config.d'],
] as const;

const nameOf = ({ members }: ListedSegment, index: number): string =>
  SIGNS.find(([sign]) => members.some(({ name }) => name === sign))?.[1] ?? `segment ${index + 1}`;

/** The segments of an initramfs of ours, in their order. */
export async function segmentSizes(initramfs: Buffer): Promise<readonly NamedSize[]> {
  const { segments } = await listInitramfs(initramfs);
  return segments.map((segment, index) => ({ name: nameOf(segment, index), sizeBytes: segment.sizeBytes }));
}
