import { type Place, type PlaceReport, scanPlaces } from '../changes/changes.ts';
import { reasonOf } from '../error.ts';
import type { Host } from '../host/host.ts';
import { type MountInfo, parseMountInfo } from '../host/kernel/mount-table.ts';
import type { BootRecord } from '../machine/boot-record.ts';
import { type AgentState, readAgentState } from './agent-state.ts';
import { type AppliedRecord, readApplied } from './apply/applied-record.ts';
import { readBootRecord } from './apply/booted.ts';
import { boundBelowUserData, type PlaceStatus, placeStatus, placesToScan } from './apply/places.ts';
import { remadeAtBoot } from './apply/remade.ts';
import { type SlotsStatus, slotsStatus } from './slots-status.ts';

/** What `statectl status` knows of the running system. */
export interface Status {
  readonly boot: BootRecord;
  /** What the agent applied since; undefined: nothing. */
  readonly applied?: Pick<AppliedRecord, 'bundle' | 'atMs' | 'needsReboot' | 'keptLocal' | 'warnings'>;
  /** The two systems of this machine; undefined: it keeps no cycles, or who asks may not read them. */
  readonly slots?: SlotsStatus;
  /** Undefined where no agent ever ran since the boot. */
  readonly agent?: AgentState & { readonly runs: boolean };
  readonly places: readonly PlaceStatus[];
  /** Undefined when nobody looked. */
  readonly changes?: readonly PlaceReport[];
}

export async function systemStatus(
  host: Pick<Host, 'files' | 'exec'>,
  look: 'for changes' | 'no changes',
): Promise<Status> {
  const boot = await readBootRecord(host);
  const mounts = parseMountInfo(await host.files.readText('/proc/self/mountinfo'));
  const places = placeStatus(boot, mounts);
  const record = await readApplied(host.files);
  const agent = await readAgentState(host);
  const slots = await slotsStatus(host).catch(() => undefined);
  const known = {
    boot,
    places,
    ...(slots && { slots }),
    ...(record && { applied: shown(record, boot) }),
    ...(agent && { agent }),
  };
  if (look === 'no changes') return known;
  // What the agent put there is in config.d: no reboot loses it.
  const ours = Object.keys(record?.files ?? {}).filter((path) => !record?.keptLocal.includes(path));
  return { ...known, changes: await lostAtReboot(host, { ...boot, wrote: [...boot.wrote, ...ours] }, mounts) };
}

/** Without what is said elsewhere: by the boot, or as a path that somebody edited. */
const shown = (record: AppliedRecord, boot: BootRecord): NonNullable<Status['applied']> => {
  const { bundle, atMs, needsReboot, keptLocal, warnings } = record;
  const isSaid = (text: string) =>
    boot.warnings.includes(text) || keptLocal.some((path) => text.startsWith(`${path} was edited`));
  return {
    ...(bundle && { bundle }),
    atMs,
    needsReboot,
    keptLocal,
    warnings: warnings.filter((text) => !isSaid(text)),
  };
};

/** The changes that no disk keeps, without what the boot itself wrote and the system makes anew. */
async function lostAtReboot(
  host: Pick<Host, 'files' | 'exec'>,
  boot: BootRecord,
  mounts: readonly MountInfo[],
): Promise<readonly PlaceReport[]> {
  const mountPoints = mounts.map(({ mountPoint }) => mountPoint);
  const remade = await remadeAtBoot(host);
  const options = {
    mountPoints,
    // What is bound elsewhere is counted there.
    excludes: [...boot.wrote, ...remade.paths, ...boundBelowUserData(mounts)],
    excludedPatterns: remade.patterns,
    made: new Set([...remade.alone, ...(boot.folders ?? [])]),
  };
  const reports: PlaceReport[] = [];
  for (const place of placesToScan(boot)) {
    if (!mountPoints.includes(place.mountPoint)) continue;
    const scanned = await scanPlaces(host, [place], options).catch((error: unknown) => [
      unscanned(place, reasonOf(error)),
    ]);
    reports.push(...scanned);
  }
  return reports;
}

/** One place that cannot be compared is no reason to say nothing of the others. */
const unscanned = (place: Place, reason: string): PlaceReport => ({
  place,
  changes: [],
  totals: { added: 0, changed: 0, deleted: 0, bytes: 0 },
  limits: [reason],
});
