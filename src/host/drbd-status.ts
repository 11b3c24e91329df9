import { parseRecords, type RecordShape } from './record.ts';

/** How a volume of DRBD stands on this host, in DRBD's own words; what it does not say is absent. */
export interface DrbdStatus {
  /** `Connected`, `WFConnection` (9: `Connecting`), `StandAlone`, `SyncSource`, `Ahead` … */
  readonly connection: string;
  readonly role: string;
  readonly peerRole?: string;
  /** `UpToDate`, `Inconsistent` … */
  readonly disk: string;
  readonly peerDisk?: string;
  /** What the other side lacks. */
  readonly outOfSyncBytes?: number;
}

/** The major version of the module, as /proc/drbd begins. Pure. */
export const drbdVersion = (procDrbd: string): number | undefined => {
  const version = /^version: (\d+)\./m.exec(procDrbd)?.[1];
  return version === undefined ? undefined : Number(version);
};

/** One minor in /proc/drbd of version 8; undefined: it is not set up. Pure. */
export function parseProcDrbd(text: string, minor: number): DrbdStatus | undefined {
  const [, rest = ''] = text.split(new RegExp(`^\\s*${minor}: `, 'm'));
  // The next minor begins on a line of its own.
  const [own = ''] = rest.split(/^\s*\d+: cs:/m);
  const [, connection] = /^cs:(\w+)/.exec(own) ?? [];
  const [, role, peerRole] = /\bro:(\w+)\/(\w+)/.exec(own) ?? [];
  const [, disk, peerDisk] = /\bds:(\w+)\/(\w+)/.exec(own) ?? [];
  const kib = /\boos:(\d+)/.exec(own)?.[1];
  if (!connection || !role || !disk) return undefined;
  return {
    ...{ connection, role, disk },
    ...(peerRole && { peerRole }),
    ...(peerDisk && { peerDisk }),
    ...(kib !== undefined && { outOfSyncBytes: Number(kib) * 1024 }),
  };
}

interface Resource {
  readonly name: string;
  readonly role: string;
  readonly devices: readonly Readonly<Record<string, unknown>>[];
  readonly connections: readonly Readonly<Record<string, unknown>>[];
}
const RESOURCE: RecordShape<Resource> = { name: 'text', role: 'text', devices: 'list', connections: 'list' };

/** One resource in what `drbdsetup status --json` of version 9 prints; undefined: it is not set up. Pure. */
export function parseDrbdsetupStatus(json: string, resource: string): DrbdStatus | undefined {
  let all: readonly Resource[];
  try {
    all = parseRecords<Resource>(json, RESOURCE);
  } catch {
    return undefined;
  }
  const found = all.find(({ name }) => name === resource);
  if (!found) return undefined;
  const { role, devices, connections } = found;
  const [device, peer] = [devices[0], connections[0]];
  const [of] = Array.isArray(peer?.peer_devices) ? (peer.peer_devices as readonly Record<string, unknown>[]) : [];
  const state = text(peer?.['connection-state']) ?? 'StandAlone';
  const replication = text(of?.['replication-state']);
  const [peerRole, peerDisk] = [text(peer?.['peer-role']), text(of?.['peer-disk-state'])];
  const kib = of?.['out-of-sync'];
  return {
    // What 8 has as one state.
    connection:
      state === 'Connected' && replication !== undefined && !['Established', 'Off'].includes(replication)
        ? replication
        : state,
    role,
    disk: text(device?.['disk-state']) ?? 'Diskless',
    ...(peerRole && { peerRole }),
    ...(peerDisk && { peerDisk }),
    ...(typeof kib === 'number' && { outOfSyncBytes: kib * 1024 }),
  };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
