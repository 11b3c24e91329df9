import { entryOf } from '../entry-of.ts';
import { SLOTS, type Slot } from './cycle-state.ts';

/** On persistent storage: what is known of an image that lies on a partition. */
export const slotFolder = (slot: Slot): string => `/user-data/persistent/slots/${slot}`;
/** In a slot's folder: the PARTUUID of the partition that we wrote, and how far a copy is that has not ended. */
export const OWNED_NAME = 'partition';
export const COPYING_NAME = 'copying.json';
/** The list of an image's files. In a slot's folder it tells that its partition has the tree of the image, unpacked. */
export const LIST_NAME = 'files.zst';

/**
 * How an image is called that lies in a slot of its own, a partition: two slots may have the same one, and one of them be damaged. What
 * lies in a folder is called by its digest.
 */
export const placeName = (slot: Slot, digest: string): string => `${slot}:${digest}`;

/** What is known of the image of this slot, wherever it lies. Pure. */
export const inPlace = <Value>(known: Readonly<Record<string, Value>>, slot: Slot, digest: string): Value | undefined =>
  entryOf(known, placeName(slot, digest)) ?? entryOf(known, digest);

/** Whether the image of this slot is among these. Pure. */
export const isAmong = (names: readonly string[], slot: Slot, digest: string): boolean =>
  names.includes(digest) || names.includes(placeName(slot, digest));

/** The slot where it lies, if it has a place of its own, and its digest. Pure. */
export function readPlaceName(name: string): { readonly slot?: Slot; readonly digest: string } {
  const slot = SLOTS.find((each) => name.startsWith(`${each}:`));
  return slot ? { slot, digest: name.slice(2) } : { digest: name };
}
