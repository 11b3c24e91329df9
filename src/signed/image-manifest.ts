import { createPublicKey, sign as edSign, verify as edVerify, type KeyObject } from 'node:crypto';
import { StatectlError } from '../error.ts';

/** One file of an image, by content. `file` is its name beside the manifest. */
export interface ManifestFile {
  readonly file: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export type RootType = 'squashfs' | 'erofs';

/** The signed list of an image's files: `manifest.json`, with its Ed25519 signature (64 bytes) in `manifest.json.sig`. */
export interface Manifest {
  readonly format: 1;
  readonly name: string;
  /** Sorts by time: `20261120.1`, or what the builder was told. */
  readonly version: string;
  /** As `uname -m` prints it. */
  readonly arch: string;
  /** `uname -r` of the kernel, whose modules are in the root. */
  readonly kernelRelease: string;
  readonly kernel: ManifestFile;
  readonly root: ManifestFile & { readonly type: RootType };
}

const HEX64 = /^[0-9a-f]{64}$/;
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;

/** A name or version that is one harmless part of a path and of a URL. */
export const isPlainName = (text: string): boolean => PLAIN_NAME.test(text);

function isManifestFile(value: unknown): value is ManifestFile {
  const file = value as ManifestFile;
  return (
    typeof value === 'object' &&
    value !== null &&
    PLAIN_NAME.test(file.file) &&
    HEX64.test(file.sha256) &&
    Number.isSafeInteger(file.sizeBytes) &&
    file.sizeBytes >= 0
  );
}

/** Reads a manifest whose signature was checked, or is about to be. Throws `manifest-invalid`. */
export function parseManifest(text: string): Manifest {
  const fail = (why: string) =>
    new StatectlError('manifest-invalid', `the image's manifest is not valid: ${why}`, {
      hint: 'build the image again with `statectl build image`, or take it from the server anew',
    });
  let value: Manifest;
  try {
    value = JSON.parse(text) as Manifest;
  } catch (error) {
    throw fail(`no JSON (${(error as Error).message})`);
  }
  if (typeof value !== 'object' || value === null) throw fail('no JSON object');
  if (value.format !== 1) throw fail(`format ${String(value.format)}, this statectl reads format 1`);
  for (const key of ['name', 'version', 'arch', 'kernelRelease'] as const)
    if (typeof value[key] !== 'string' || !PLAIN_NAME.test(value[key]))
      throw fail(`"${key}" is missing or has odd characters`);
  if (!isManifestFile(value.kernel)) throw fail('"kernel" needs file, sha256 and sizeBytes');
  if (!isManifestFile(value.root)) throw fail('"root" needs file, sha256 and sizeBytes');
  if (value.root.type !== 'squashfs' && value.root.type !== 'erofs')
    throw fail('"root.type" is neither squashfs nor erofs');
  return value;
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
