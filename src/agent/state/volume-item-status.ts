import type { VolumeStatus } from '../../host/kernel/drbd-status.ts';
import type { ItemStatus } from './item-status.ts';

/** `132 KiB`, `1.5 MiB`. */
const shownBytes = (bytes: number): string =>
  bytes < 1 << 20 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / (1 << 20)).toFixed(1)} MiB`;

export interface VolumeStanding {
  /** Undefined: the kernel has no such volume. */
  readonly status: VolumeStatus | undefined;
  readonly peer: string;
  readonly nowMs: number;
  /** How it stood when it was looked at last. */
  readonly before?: ItemStatus;
}

/** How a volume stands to its server: nothing that it has not is news, also while it is away. Pure. */
export function volumeItemStatus({ status, peer, nowMs, before }: VolumeStanding): ItemStatus {
  const since = (state: ItemStatus['state']): number =>
    before?.state === state && before.sinceMs !== undefined ? before.sinceMs : nowMs;
  const fault = (why: string): ItemStatus => ({ state: 'fault', sinceMs: since('fault'), why });
  if (!status) return fault('the kernel has no such volume any more');
  const { connection, disk, peerDisk, outOfSyncBytes } = status;
  const lacks = outOfSyncBytes > 0 ? { ahead: shownBytes(outOfSyncBytes) } : {};
  if (connection === 'StandAlone')
    return { ...fault(`${peer} and this machine gave each other up (StandAlone)`), ...lacks };
  if (disk !== 'UpToDate') return fault(`its side in RAM is ${disk}: only ${peer} has what is written`);
  const isAway = !isConnected(status);
  if (outOfSyncBytes === 0 && (isAway || peerDisk === 'UpToDate'))
    return isAway ? { state: 'in-step', why: `no connection to ${peer} (${connection})` } : { state: 'in-step' };
  const why = isAway
    ? `no connection to ${peer} (${connection})`
    : connection === 'Ahead'
      ? 'more is written than the line takes'
      : `${peer} is ${peerDisk} (${connection})`;
  return { state: 'ahead', sinceMs: since('ahead'), ...lacks, why };
}

/** Whether there is a peer that answers, as DRBD 8.4 calls it. */
export const isConnected = ({ connection }: Pick<VolumeStatus, 'connection'>): boolean =>
  /^(?:Connected|StartingSync[ST]|WFBitMap[ST]|WFSyncUUID|Sync(?:Source|Target)|Verify[ST]|PausedSync[ST]|Ahead|Behind)$/.test(
    connection,
  );
