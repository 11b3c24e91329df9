/** How a volume stands, as /proc/drbd says (DRBD 8.4). */
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

/** Undefined: the kernel knows no such volume. Pure. */
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
