import type { Host } from '../../../host/host.ts';
import { drbdStatus, loadedDrbd } from '../../../host/kernel/drbd.ts';
import type { VolumeStatus } from '../../../host/kernel/drbd-status.ts';
import type { VolumeRecord } from './volume-record.ts';

/** How a volume stands on this host, or why it is not up here. */
export type VolumeStanding = VolumeStatus | { readonly why: string };

export async function volumeStanding(
  host: Pick<Host, 'files' | 'exec'>,
  volume: Pick<VolumeRecord, 'resource' | 'minor'>,
): Promise<VolumeStanding> {
  if ((await loadedDrbd(host.files)) === undefined) return { why: 'this kernel has no drbd loaded' };
  try {
    const status = await drbdStatus(host, volume, ['drbdsetup']);
    return status && status.connection !== 'Unconfigured' ? status : NOT_UP;
  } catch {
    return { why: 'drbdsetup is missing here' };
  }
}

const NOT_UP: VolumeStanding = { why: 'it is not up here' };

/** In one line, this side first. Pure. */
export function standingText(standing: VolumeStanding): string {
  if ('why' in standing) return standing.why;
  const { connection, role, peerRole, disk, peerDisk, outOfSyncBytes } = standing;
  const behind = outOfSyncBytes === 0 ? '' : `, ${Math.ceil(outOfSyncBytes / 1024)} KiB out of sync`;
  return `${connection}, ${role}/${peerRole}, ${disk}/${peerDisk}${behind}`;
}

/** Why what lies on this side may not be what the machine had at any moment; undefined: it is. Pure. */
export function unfitReason(standing: VolumeStanding): string | undefined {
  // Nobody writes to what is not up.
  if ('why' in standing || standing.disk === 'UpToDate') return undefined;
  return `this side is ${standing.disk} (${standing.connection}): it is catching up, or was cut off while it did`;
}
