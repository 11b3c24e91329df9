import { X509Certificate } from 'node:crypto';
import type { Host } from '../../host/host.ts';
import type { RootType } from '../../signed/image-manifest.ts';

/** A squashfs has its time at byte 8 of the superblock, an erofs at byte 24 of its own, which lies 1024 bytes in. */
const SUPERBLOCKS = {
  squashfs: { offset: 0, magic: 0x73717368, time: (block: Buffer) => block.readUInt32LE(8) },
  erofs: { offset: 1024, magic: 0xe0f5e1e2, time: (block: Buffer) => Number(block.readBigUInt64LE(24)) },
} as const;
const LONGEST_BYTES = 1024 + 32;

/** When a root image was made, in seconds since 1970, as its superblock says: SOURCE_DATE_EPOCH where that was given. */
async function rootMadeSeconds({ files }: Pick<Host, 'files'>, path: string, type: RootType): Promise<number> {
  const { offset, magic, time } = SUPERBLOCKS[type];
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of files.readStream(path)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= LONGEST_BYTES) break;
  }
  const block = Buffer.concat(chunks).subarray(offset);
  return block.length >= 32 && block.readUInt32LE(0) === magic ? time(block) : 0;
}

/**
 * No machine that boots an image is earlier than this, whatever its clock says, in seconds since 1970: the image was made
 * before, and so were the certificates that are baked in. It follows from the input alone, so that the same input gives the
 * same initramfs. 0: nothing tells.
 */
export async function builtAtSeconds(
  host: Pick<Host, 'files'>,
  root: { readonly path: string; readonly type: RootType },
  trusted: Readonly<Record<string, string>>,
): Promise<number> {
  const made = await rootMadeSeconds(host, root.path, root.type).catch(() => 0);
  const certificates = Object.entries(trusted).flatMap(([name, pem]) => (name.endsWith('ca.pem') ? [pem] : []));
  return Math.max(made, ...certificates.map(countsFromSeconds));
}

function countsFromSeconds(pem: string): number {
  try {
    return Math.floor(new X509Certificate(pem).validFromDate.getTime() / 1000);
  } catch {
    return 0;
  }
}
