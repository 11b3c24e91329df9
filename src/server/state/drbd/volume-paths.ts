import { join } from 'node:path';
import type { Volume } from './volume-record.ts';

/** Volumes that are files, and copies of volumes, below the state directory. */
export const volumesFolder = (root: string): string => join(root, 'drbd');
export const imagePath = (root: string, { resource }: Pick<Volume, 'resource'>): string =>
  join(volumesFolder(root), `${resource}.img`);
export const copiesFolder = (root: string, { resource }: Pick<Volume, 'resource'>): string =>
  join(volumesFolder(root), 'copies', resource);

/** Which loop device a file is behind is another one after each boot. */
const LOOP_LINKS = '/run/statectl/drbd';
export const loopLink = ({ resource }: Pick<Volume, 'resource'>): string => join(LOOP_LINKS, resource);

/** LVM takes these letters, and no name that begins with a dash. */
export const lvmName = ({ resource }: Pick<Volume, 'resource'>): string => `statectl-${resource}`;

/** What DRBD lies on. */
export function diskOf({ backing, resource }: Pick<Volume, 'backing' | 'resource'>): string {
  if (backing?.on === 'lvm') return `/dev/${backing.group}/${lvmName({ resource })}`;
  return backing?.on === 'device' ? backing.path : loopLink({ resource });
}

/** Where its bytes are looked at: a file before it has a device. */
export const bytesPath = (root: string, volume: Pick<Volume, 'backing' | 'resource'>): string =>
  volume.backing === undefined || volume.backing.on === 'file' ? imagePath(root, volume) : diskOf(volume);
