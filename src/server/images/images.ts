import { StatectlError } from '../../error.ts';
import { lockStore } from '../lock.ts';
import { bootedImages } from '../reports/reports.ts';
import { imagePath, reportsPath, type Store } from '../store/store.ts';
import { type ImageName, parseImageName, parseImageReference, writeImageName } from './image-name.ts';
import { blobsOf, getImage, imageNames, removeUnusedBlobs, resolveImage, type StoredImage } from './image-record.ts';
import { choicesOf, readUses } from './uses.ts';

/** An image with everything that keeps it from being removed. */
export interface ImageInUse extends StoredImage {
  /** `default` and selectors. */
  readonly choices: readonly string[];
  /** Machines that booted it last, by MAC or UUID. */
  readonly machines: readonly string[];
}

async function withUses(store: Store, images: readonly StoredImage[]): Promise<readonly ImageInUse[]> {
  const uses = await readUses(store);
  const booted = await bootedImages(store);
  return images.map((image) => ({
    ...image,
    choices: choicesOf(uses, image),
    machines: booted.get(writeImageName(image)) ?? [],
  }));
}

/** By name, the newest version first. */
export async function listImages(store: Store): Promise<readonly ImageInUse[]> {
  const images: StoredImage[] = [];
  for (const name of await imageNames(store)) images.push(await getImage(store, name));
  return withUses(store, images);
}

/** NAME alone: its newest version. Throws `image-unknown`. */
export async function showImage(store: Store, reference: string): Promise<ImageInUse> {
  const found = await resolveImage(store, parseImageReference(reference));
  const [image] = await withUses(store, [found]);
  return image ?? { ...found, choices: [], machines: [] };
}

export interface RemovedImage extends ImageName {
  /** Blobs that only this image had. */
  readonly blobs: readonly string[];
}

/** Removes one version and the blobs that no other image has. Throws `image-in-use`. */
export async function removeImage(store: Store, text: string): Promise<RemovedImage> {
  const name = parseImageName(text);
  await using _lock = await lockStore(store);
  const image = await showImage(store, text);
  const [choice] = image.choices;
  if (choice !== undefined)
    throw new StatectlError('image-in-use', `${writeImageName(name)} is in use: ${image.choices.join(', ')}`, {
      hint: `choose another first with \`statectl image use\`, or \`statectl image release ${choice}\``,
    });
  if (image.machines.length > 0)
    throw new StatectlError('image-in-use', `${writeImageName(name)} runs on ${image.machines.join(', ')}`, {
      hint: `boot them from another image; for a machine that is gone, remove its file from ${reportsPath(store)}`,
    });
  await store.host.files.remove(imagePath(store, name));
  return { ...name, blobs: await removeUnusedBlobs(store, blobsOf(image.record)) };
}
