import { listInitramfs } from '../../src/image/initramfs/initramfs-listing.ts';

export interface NamedSize {
  readonly name: string;
  readonly sizeBytes: number;
}

/** The segments of an initramfs of ours, in their order. */
export async function segmentSizes(initramfs: Buffer): Promise<readonly NamedSize[]> {
  const { segments } = await listInitramfs(initramfs);
  return segments.map(({ name, sizeBytes }, index) => ({ name: name ?? `segment ${index + 1}`, sizeBytes }));
}
