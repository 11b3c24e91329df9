import { join } from 'node:path';
import { z } from 'zod';
import { parseInWords } from '../../config/settings/schema-words.ts';
import { reasonOf, StatectlError } from '../../error.ts';
import { filesOf, type Manifest, parseManifest } from '../../signed/image-manifest.ts';
import { blobPath, imagePath, imagesPath, isDigest, type Store } from '../store/store.ts';
import type { Digest } from './blob-file.ts';
import { compareVersions, type ImageName, isPlainName, writeImageName } from './image-name.ts';

const DigestSchema = z.strictObject({
  sha256: z.string().refine(isDigest),
  sizeBytes: z.number().int().nonnegative(),
});

const RecordSchema = z.strictObject({
  format: z.literal(1),
  /** The very bytes that were signed. */
  manifest: z.string(),
  /** Base64. */
  signature: z.base64(),
  files: z.strictObject({ kernel: DigestSchema, root: DigestSchema, initramfs: DigestSchema }),
  /** What the builder signed of the initramfs; the signature in base64. Absent: no machine keeps it on its disk. */
  initramfsNote: z.strictObject({ text: z.string(), signature: z.base64() }).optional(),
  /** ISO 8601. */
  addedAt: z.string(),
});

/** `images/NAME/VERSION.json`: what the server keeps of an image besides its blobs. */
export type ImageRecord = z.infer<typeof RecordSchema>;

export interface StoredImage extends ImageName {
  readonly manifest: Manifest;
  readonly record: ImageRecord;
}

/** All that an image has here: what its manifest names, and its initramfs. */
export const blobsOf = ({ manifest, files }: ImageRecord): readonly Digest[] => [
  ...filesOf(parseManifest(manifest)),
  files.initramfs,
];

/** undefined when there is no such image. Throws `image-record-invalid` when its record was damaged. */
export async function readImage(store: Store, image: ImageName): Promise<StoredImage | undefined> {
  const path = imagePath(store, image);
  if ((await store.host.files.stat(path)) === undefined) return undefined;
  try {
    const record = parseInWords(RecordSchema, JSON.parse(await store.host.files.readText(path)));
    return { name: image.name, version: image.version, manifest: parseManifest(record.manifest), record };
  } catch (cause) {
    throw new StatectlError('image-record-invalid', `${path} cannot be read: ${reasonOf(cause)}`, {
      cause,
      hint: 'remove that file and add the image again with `statectl image add`',
    });
  }
}

/** Like `readImage`, but a missing image is `image-unknown`. */
export async function getImage(store: Store, image: ImageName): Promise<StoredImage> {
  const found = await readImage(store, image);
  if (found !== undefined) return found;
  throw new StatectlError('image-unknown', `there is no image ${writeImageName(image)} on this server`, {
    hint: '`statectl image list` shows what is there',
  });
}

export async function writeImage(store: Store, image: ImageName, record: ImageRecord): Promise<void> {
  await store.host.files.mkdir(join(imagesPath(store), image.name));
  await store.host.files.write(imagePath(store, image), `${JSON.stringify(record, null, 2)}\n`);
}

/** Every image, by name, the newest version first. */
export async function imageNames(store: Store): Promise<readonly ImageName[]> {
  const { files } = store.host;
  const names = (await files.list(imagesPath(store))).filter(isPlainName);
  const found: ImageName[] = [];
  for (const name of names) {
    const entries = await files.list(join(imagesPath(store), name));
    const versions = entries.filter((entry) => entry.endsWith('.json')).map((entry) => entry.slice(0, -'.json'.length));
    for (const version of versions.filter(isPlainName).sort(compareVersions).reverse()) found.push({ name, version });
  }
  return found;
}

/** `NAME` means its newest version. Throws `image-unknown`. */
export async function resolveImage(
  store: Store,
  reference: { readonly name: string; readonly version?: string },
): Promise<StoredImage> {
  const { name, version } = reference;
  if (version !== undefined) return getImage(store, { name, version });
  const newest = (await imageNames(store)).find((image) => image.name === name);
  if (newest !== undefined) return getImage(store, newest);
  throw new StatectlError('image-unknown', `there is no image ${name} on this server`, {
    hint: '`statectl image list` shows what is there, `statectl image add DIR` adds one',
  });
}

/** Removes blobs that no image has (any more). Call it with the store locked. A damaged record stops it: nothing is lost. */
export async function removeUnusedBlobs(store: Store, blobs: readonly Digest[]): Promise<readonly string[]> {
  const used = new Set<string>();
  for (const image of await imageNames(store))
    for (const blob of blobsOf((await getImage(store, image)).record)) used.add(blob.sha256);
  const unused = [...new Set(blobs.map((blob) => blob.sha256))].filter((sha256) => !used.has(sha256));
  for (const sha256 of unused) await store.host.files.remove(blobPath(store, sha256));
  return unused;
}
