import { createPublicKey, sign as edSign, verify as edVerify, type KeyObject } from 'node:crypto';
import * as z from 'zod/mini';
import { StatectlError } from '../error.ts';
import { readSaid } from '../protocol/read-answer.ts';

const HEX64 = /^[0-9a-f]{64}$/;
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;

/** A name or version that is one harmless part of a path and of a URL. */
export const isPlainName = (text: string): boolean => PLAIN_NAME.test(text);

const plainName = () => z.string().check(z.regex(PLAIN_NAME));

/** One file of an image, by content. */
const ManifestFile = z.object({
  /** Its name beside the manifest. */
  file: plainName(),
  /** Lower-case hex. */
  sha256: z.string().check(z.regex(HEX64)),
  sizeBytes: z.int().check(z.minimum(0)),
});
export type ManifestFile = z.infer<typeof ManifestFile>;

export type RootType = 'squashfs' | 'erofs';

/** The signed list of an image's files: `manifest.json`, with its Ed25519 signature (64 bytes) in `manifest.json.sig`. */
export const Manifest = z.object({
  format: z.literal(1),
  name: plainName(),
  /** Sorts by time: `20261120.1`, or what the builder was told. */
  version: plainName(),
  /** As `uname -m` prints it. */
  arch: plainName(),
  /** `uname -r` of the kernel, whose modules are in the root. */
  kernelRelease: plainName(),
  kernel: ManifestFile,
  root: z.extend(ManifestFile, { type: z.enum(['squashfs', 'erofs']) }),
  /** What its root is made of, file by file, to make and to judge a copy of it by: `file-list/layout.ts`. */
  fileList: z.optional(ManifestFile),
  /** Boot loaders for disks of machines. Absent: they boot from the network alone, or as they do. */
  loader: z.optional(
    z.object({
      /** GRUB: the code of a disk's first sector, and core.img. */
      bios: z.optional(z.object({ boot: ManifestFile, core: ManifestFile })),
      /** systemd-boot, as /EFI/BOOT/BOOTX64.EFI. */
      efi: z.optional(ManifestFile),
    }),
  ),
  /** By folder, the version of each Klipper in it, as `git describe` has it, or its commit. Absent: none that says it. */
  klipper: z.optional(z.record(z.string().check(z.maxLength(300)), z.string().check(z.maxLength(100)))),
});
export type Manifest = z.infer<typeof Manifest>;

/** Every file that the manifest names: what a server keeps of an image, each by its digest. */
export const filesOf = ({ kernel, root, fileList, loader }: Manifest): readonly ManifestFile[] =>
  [kernel, root, fileList, loader?.bios?.boot, loader?.bios?.core, loader?.efi].filter((file) => file !== undefined);

/** Reads a manifest whose signature was checked, or is about to be. Throws `manifest-invalid`. */
export function parseManifest(text: string): Manifest {
  const { value, fault } = readSaid(text, Manifest);
  if (fault === undefined) return value;
  throw new StatectlError('manifest-invalid', `the image's manifest is not valid: ${fault}`, {
    hint: 'build the image again with `statectl build image`, or take it from the server anew',
  });
}

export const writeManifest = (manifest: Manifest): string => `${JSON.stringify(manifest, null, 2)}\n`;

export const signManifest = (text: string, key: KeyObject): Buffer => edSign(null, Buffer.from(text), key);

/** True when one of the trusted public keys (PEM) made this signature over these very bytes. */
export function manifestIsSigned(text: string, signature: Uint8Array, trustedPems: readonly string[]): boolean {
  return trustedPems.some((pem) => {
    try {
      return edVerify(null, Buffer.from(text), createPublicKey(pem), signature);
    } catch {
      return false;
    }
  });
}
