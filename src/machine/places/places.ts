import type { Config, OverlayEntry } from '../../config/config.ts';
import { IMAGE_MOUNT, UPPERS } from '../paths.ts';

/** One place that is not just the image's, as `statectl status` reports it; all paths are those of the running system. */
export interface Place {
  readonly mountPoint: string;
  readonly kind: OverlayEntry['kind'];
  /** True when it survives a reboot. */
  readonly persistent: boolean;
  /** Of an overlay: where its changes are, and the image's directory below them. */
  readonly upper?: string;
  readonly lower?: string;
  /** The image's directory that it began as a copy of. */
  readonly image?: string;
}

/** The places of a config, parents first. `persistent` says whether /user-data is on a disk. */
export function places(config: Config, persistent: boolean): readonly Place[] {
  const overlays = Object.entries(config.overlays).map(([mountPoint, entry]) => placeOf(mountPoint, entry, persistent));
  const tmpfs = Object.keys(config.tmpfs).map(
    (mountPoint): Place => ({ mountPoint, kind: 'tmpfs', persistent: false }),
  );
  return [...overlays, ...tmpfs].sort((a, b) => (a.mountPoint < b.mountPoint ? -1 : 1));
}

function placeOf(mountPoint: string, entry: OverlayEntry, persistent: boolean): Place {
  const image = IMAGE_MOUNT + mountPoint;
  switch (entry.kind) {
    case 'overlay': {
      const kept = entry.upper === 'persistent' && persistent;
      const upper = `${upperHome(mountPoint, kept)}/upper`;
      return { mountPoint, kind: 'overlay', persistent: kept, upper, lower: image };
    }
    case 'bind': {
      if (!entry.source.startsWith('/user-data/')) return { mountPoint, kind: 'bind', persistent: false };
      return persistent ? { mountPoint, kind: 'bind', persistent } : { mountPoint, kind: 'bind', persistent, image };
    }
    case 'ramdisk':
      return { mountPoint, kind: 'ramdisk', persistent: false, image };
    case 'tmpfs':
    case 'readonly':
    case 'symlink':
      return { mountPoint, kind: entry.kind, persistent: false };
  }
}

/** Where an overlay's upper and work directories are while the root is put together. */
export const upperHome = (mountPoint: string, kept: boolean): string =>
  kept ? `/user-data/persistent${mountPoint}` : `${UPPERS}${mountPoint}`;
