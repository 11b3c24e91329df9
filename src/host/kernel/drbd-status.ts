import { parseRecords, type RecordShape } from '../record.ts';

/** How a volume stands, in words that both DRBD 8.4 and 9 have. */
export interface VolumeStatus {
  /** `Connected`, `WFConnection`, `SyncSource`, `StandAlone`, `Ahead` …; `Unconfigured`: it has neither disk nor peer. */
  readonly connection: string;
  readonly role: string;
  readonly peerRole: string;
  readonly disk: string;
  readonly peerDisk: string;
  /** What one side has and the other has not. */
  readonly outOfSyncBytes: number;
  /** Per cent of a synchronisation that runs. */
  readonly syncedPercent?: number;
}

/** A line of a minor, with its counters on the line below. */
const STATE =
  /^ *(?<minor>\d+): cs:(?<connection>\w+)(?: ro:(?<role>\w+)\/(?<peerRole>\w+) ds:(?<disk>\w+)\/(?<peerDisk>\w+))?/;

/** `version: 8.4.11 (api:1/proto:86-101)`: what the module in the kernel is; undefined: there is none. Pure. */
export const moduleVersion = (text: string): string | undefined => /^version: (\S+)/m.exec(text)?.[1];

/** The two kinds of module that there are: each is told and asked in words of its own. */
export type DrbdVersion = 8 | 9;

/** Of `moduleVersion`; undefined: there is none, or one that nobody here knows. Pure. */
export const drbdVersion = (version: string | undefined): DrbdVersion | undefined =>
  version?.startsWith('8.4.') ? 8 : version?.startsWith('9.') ? 9 : undefined;

/** What /proc/drbd of 8.4 says; undefined: the kernel knows no such volume. Pure. */
export function volumeStatus(text: string, minor: number): VolumeStatus | undefined {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => STATE.exec(line)?.groups?.minor === String(minor));
  const said = STATE.exec(lines[at] ?? '')?.groups;
  if (!said) return undefined;
  const next = lines.findIndex((line, index) => index > at && STATE.test(line));
  const counters = lines.slice(at + 1, next < 0 ? undefined : next).join('\n');
  const { connection = '', role = 'Unknown', peerRole = 'Unknown', disk = 'Diskless', peerDisk = 'DUnknown' } = said;
  const percent = /sync'ed: *([\d.]+)%/.exec(counters)?.[1];
  return {
    ...{ connection, role, peerRole, disk, peerDisk },
    outOfSyncBytes: Number(/\boos:(\d+)/.exec(counters)?.[1] ?? 0) * 1024,
    ...(percent !== undefined && { syncedPercent: Number(percent) }),
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
export function drbdsetupStatus(json: string, resource: string): VolumeStatus | undefined {
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
  const kib = of?.['out-of-sync'];
  const percent = of?.['percent-in-sync'];
  return {
    // What 8 has as one state.
    connection:
      state === 'Connected' && replication !== undefined && !['Established', 'Off'].includes(replication)
        ? replication
        : state,
    role,
    peerRole: text(peer?.['peer-role']) ?? 'Unknown',
    disk: text(device?.['disk-state']) ?? 'Diskless',
    peerDisk: text(of?.['peer-disk-state']) ?? 'DUnknown',
    outOfSyncBytes: typeof kib === 'number' ? kib * 1024 : 0,
    ...(typeof percent === 'number' && SYNCING.test(replication ?? '') && { syncedPercent: percent }),
  };
}

const SYNCING = /^(?:Paused)?Sync(?:Source|Target|[ST])$/;

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
