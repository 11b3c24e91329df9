import { dirname } from 'node:path/posix';
import type { Place } from '../../changes/changes.ts';
import type { MountInfo } from '../../host/kernel/mount-table.ts';
import type { BootRecord } from '../../machine/boot-record.ts';
import type { Place as BootPlace } from '../../machine/places/places.ts';

/** A writable place of the booted layout, or another file system that somebody mounted, as it is now. */
export interface PlaceStatus {
  readonly mountPoint: string;
  readonly kind: BootPlace['kind'] | 'disk';
  readonly persistent: boolean;
  /** What is mounted there: `tmpfs`, `/dev/vdb:/persistent/local/home`; undefined when nothing is (any more). */
  readonly source?: string;
  readonly fsType?: string;
  /** Most that a place in RAM may take. */
  readonly limitBytes?: number;
}

const NETWORK_TYPES = new Set(['nfs', 'nfs4', 'cifs', '9p', 'virtiofs', 'fuse.sshfs', 'ceph']);

const isDisk = ({ source, fsType }: MountInfo): boolean => source.startsWith('/dev/') || NETWORK_TYPES.has(fsType);

const isWritable = ({ options, superOptions }: MountInfo): boolean =>
  options.includes('rw') && superOptions.includes('rw');

const shownSource = ({ source, root }: MountInfo): string => (root === '/' ? source : `${source}:${root}`);

/** The kernel shows the limit of a tmpfs in KiB: `size=65536k`. */
function limitOf({ superOptions }: MountInfo): number | undefined {
  const size = /^size=(\d+)k$/.exec(superOptions.find((option) => option.startsWith('size=')) ?? '')?.[1];
  return size === undefined ? undefined : Number(size) * 1024;
}

function statusOf(
  mountPoint: string,
  kind: PlaceStatus['kind'],
  persistent: boolean,
  mount?: MountInfo,
  room = mount,
): PlaceStatus {
  const limitBytes = room && limitOf(room);
  return {
    mountPoint,
    kind,
    persistent,
    ...(mount ? { source: shownSource(mount), fsType: mount.fsType } : {}),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}

/** The places of the boot record, then /user-data and what else is mounted writable from a disk or a server. */
export function placeStatus(record: BootRecord, mounts: readonly MountInfo[]): readonly PlaceStatus[] {
  const at = (mountPoint: string) => mounts.findLast((mount) => mount.mountPoint === mountPoint);
  const known = new Set([...record.places.map(({ mountPoint }) => mountPoint), '/user-data']);
  const places = record.places.map(({ mountPoint, kind, persistent, upper }) => {
    // The changes of an overlay have a file system of their own.
    const room = upper === undefined || persistent ? at(mountPoint) : at(dirname(upper));
    const status = statusOf(mountPoint, kind, persistent, at(mountPoint), room);
    return upper !== undefined && persistent && status.source ? { ...status, source: upper } : status;
  });
  const userData = statusOf(
    '/user-data',
    record.persistent ? 'disk' : 'tmpfs',
    record.persistent !== undefined,
    at('/user-data'),
  );
  const others = mounts.filter(
    (mount) => isDisk(mount) && isWritable(mount) && !known.has(mount.mountPoint) && at(mount.mountPoint) === mount,
  );
  return [...places, userData, ...others.map((mount) => statusOf(mount.mountPoint, 'disk', true, mount))].sort(
    (a, b) => (a.mountPoint < b.mountPoint ? -1 : 1),
  );
}

/** Where a bind mount's directory lies when its file system is mounted as a whole on `/user-data`. */
export const boundBelowUserData = (mounts: readonly MountInfo[]): readonly string[] => {
  const userData = mounts.findLast(({ mountPoint }) => mountPoint === '/user-data');
  return mounts.flatMap(({ source, fsType, root }) =>
    userData && source === userData.source && fsType === userData.fsType && root !== '/' ? [`/user-data${root}`] : [],
  );
};

/** What a reboot takes with it, as the scan for changes wants it. A bind of /user-data in RAM began as a copy of the image. */
export function placesToScan(record: BootRecord): readonly Place[] {
  const places = record.places.flatMap((place): readonly Place[] => {
    if (place.persistent || place.kind === 'symlink' || place.kind === 'readonly') return [];
    if (place.kind === 'bind') return place.image === undefined ? [] : [{ ...place, kind: 'bind' }];
    return [{ ...place, kind: place.kind, ...(place.kind === 'overlay' ? { plain: true } : {}) }];
  });
  const userData: readonly Place[] = record.persistent
    ? []
    : [{ mountPoint: '/user-data', kind: 'tmpfs', persistent: false }];
  return [...places, ...userData];
}
