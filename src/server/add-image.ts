import { join } from 'node:path';
import { reasonOf, StatectlError } from '../error.ts';
import { type Manifest, parseManifest } from '../image/manifest.ts';
import { copyHashed, type Digest, digestFile, sameDigest } from './blob-file.ts';
import { type ImageName, writeImageName } from './image-name.ts';
import { blobsOf, type ImageRecord, readImage, removeUnusedBlobs, writeImage } from './image-record.ts';
import { lockStore } from './lock.ts';
import { blobPath, type Store, temporaryPath } from './store.ts';

const LARGEST_MANIFEST_BYTES = 1024 * 1024;
const SIGNATURE_BYTES = 64;

export interface AddOptions {
  /** Default: `initramfs.img` beside the manifest. It is not in the manifest: it was trusted before that could be read. */
  readonly initramfs?: string;
  /** Told which file is being copied, since that can take a while. */
  readonly onFile?: (path: string, sizeBytes: number) => void;
}

export interface AddedImage extends ImageName {
  readonly outcome: 'added' | 'already-there';
  readonly record: ImageRecord;
}

async function readSmall(store: Store, path: string): Promise<Buffer> {
  try {
    const sizeBytes = (await store.host.files.stat(path))?.sizeBytes ?? 0;
    if (sizeBytes > LARGEST_MANIFEST_BYTES) throw new Error(`it has ${sizeBytes} bytes, that is too many`);
    return await store.host.files.read(path);
  } catch (cause) {
    throw new StatectlError('image-incomplete', `${path} cannot be read: ${reasonOf(cause)}`, {
      cause,
      hint: 'name the folder that `statectl build image` filled: it has manifest.json and manifest.json.sig',
    });
  }
}

/** Copies a file into the store unless it is there, reading every byte of it either way. Throws `image-mismatch`. */
async function keepBlob(store: Store, from: string, expected: Digest): Promise<void> {
  const check = (found: Digest) => {
    if (sameDigest(found, expected)) return;
    const what =
      found.sizeBytes === expected.sizeBytes
        ? `has sha256 ${found.sha256}, the manifest says ${expected.sha256}`
        : `has ${found.sizeBytes} bytes, the manifest says ${expected.sizeBytes}`;
    throw new StatectlError('image-mismatch', `${from} is not the file of this image: it ${what}`, {
      hint: 'it was changed or cut off after the image was signed: copy or build the image again',
    });
  };
  const path = blobPath(store, expected.sha256);
  // A blob that rotted on the disk is replaced by the good copy; its readers keep the file they opened.
  const there = (await store.host.files.stat(path)) !== undefined && sameDigest(await digestFile(path), expected);
  if (there) return check(await digestFile(from));
  await copyHashed(from, temporaryPath(store), (found) => {
    check(found);
    return path;
  });
}

/** Refuses another content under a version that machines may be booting right now: `image-differs`. */
function refuseDifference(image: ImageName, old: ImageRecord, now: ImageRecord): void {
  const differing = [
    ...(old.manifest === now.manifest ? [] : ['manifest']),
    ...(old.signature === now.signature ? [] : ['signature']),
    ...(['kernel', 'root', 'initramfs'] as const).filter((part) => !sameDigest(old.files[part], now.files[part])),
  ];
  if (differing.length === 0) return;
  throw new StatectlError(
    'image-differs',
    `${writeImageName(image)} is there already with another ${differing.join(', ')}: versions are never replaced in place`,
    { hint: 'build it with a new version, or remove the old one first with `statectl image remove`' },
  );
}

async function recordOf(
  store: Store,
  dir: string,
  initramfs: string,
): Promise<{ manifest: Manifest; record: ImageRecord }> {
  const text = (await readSmall(store, join(dir, 'manifest.json'))).toString('utf8');
  const manifest = parseManifest(text);
  const signature = await readSmall(store, join(dir, 'manifest.json.sig'));
  if (signature.length !== SIGNATURE_BYTES)
    throw new StatectlError('image-unsigned', `${join(dir, 'manifest.json.sig')} is no Ed25519 signature`, {
      hint: 'it has 64 bytes; sign the image with `statectl build image --keys DIR`',
    });
  const only = ({ sha256, sizeBytes }: Digest): Digest => ({ sha256, sizeBytes });
  const record: ImageRecord = {
    format: 1,
    manifest: text,
    signature: signature.toString('base64'),
    files: { kernel: only(manifest.kernel), root: only(manifest.root), initramfs: await digestFile(initramfs) },
    addedAt: new Date(store.host.clock.now()).toISOString(),
  };
  return { manifest, record };
}

/**
 * Takes the image in `dir` into the store. Every file is read and checked against the manifest; the record is written
 * last, so an interrupted call leaves no image. The signature is kept, not judged: machines do that with the keys they trust.
 */
export async function addImage(store: Store, dir: string, options: AddOptions = {}): Promise<AddedImage> {
  const initramfs = options.initramfs ?? join(dir, 'initramfs.img');
  const { manifest, record } = await recordOf(store, dir, initramfs);
  const image = { name: manifest.name, version: manifest.version };
  await using _lock = await lockStore(store);
  // Under the lock nobody else has a temporary file: what is here was left by a power cut.
  for (const left of await store.host.files.list(temporaryPath(store)))
    await store.host.files.remove(join(temporaryPath(store), left));
  const old = (await readImage(store, image))?.record;
  if (old !== undefined) refuseDifference(image, old, record);
  const sources = [join(dir, manifest.kernel.file), join(dir, manifest.root.file), initramfs];
  try {
    for (const [i, blob] of blobsOf(record).entries()) {
      const from = sources[i] as string;
      options.onFile?.(from, blob.sizeBytes);
      await keepBlob(store, from, blob);
    }
    if (old === undefined) await writeImage(store, image, record);
  } catch (error) {
    // What went wrong first is what the operator must read.
    await removeUnusedBlobs(store, blobsOf(record)).catch(() => []);
    throw error;
  }
  return { ...image, outcome: old === undefined ? 'added' : 'already-there', record: old ?? record };
}
