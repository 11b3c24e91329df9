import { type AddedImage, type AddOptions, addImage } from '../images/add-image.ts';
import type { ImageName } from '../images/image-name.ts';
import { type ImageInUse, listImages, type RemovedImage, removeImage, showImage } from '../images/images.ts';
import type { Selector } from '../images/selector.ts';
import { releaseChoice, useImage } from '../images/uses.ts';
import type { ServerState } from './server-state.ts';

/** By name, the newest version first. */
export const imagesInUse = async (state: ServerState): Promise<readonly ImageInUse[]> =>
  listImages(await state.files());

/** NAME@VERSION, or NAME for its newest version. Throws `image-unknown`. */
export const imageInUse = async (state: ServerState, reference: string): Promise<ImageInUse> =>
  showImage(await state.files(), reference);

/** The first one makes the state of the server. Throws what `addImage` throws. */
export const takeImage = async (state: ServerState, dir: string, options: AddOptions): Promise<AddedImage> =>
  addImage(await state.files('create'), dir, options);

/** Who is chosen boots it from now on. Throws `image-unknown`, `locked`. */
export const bootImage = async (state: ServerState, reference: string, selector?: Selector): Promise<ImageName> =>
  useImage(await state.files(), reference, selector);

/** False where nothing was chosen. Throws `locked`. */
export const releaseImage = async (state: ServerState, choice: Selector | 'default'): Promise<boolean> =>
  releaseChoice(await state.files(), choice);

/** Throws `image-unknown`, `image-in-use`, `locked`. */
export const dropImage = async (state: ServerState, name: string): Promise<RemovedImage> =>
  removeImage(await state.files(), name);
