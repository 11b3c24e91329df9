import { getArgument } from '../../config/command-line/command-line.ts';
import { labelOf } from '../../config/made-label.ts';
import { entryOf } from '../../entry-of.ts';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { planSeenEnd, unseenEnd } from '../../machine/cycle/seen-end.ts';
import { slotPartitions } from '../../machine/cycle/slot-places.ts';
import { planSubvolumes, withSubvolumesThere } from '../../machine/disks/btrfs/plan-subvolumes.ts';
import { driveRounds, withoutUnfinished } from '../../machine/disks/drive-rounds.ts';
import { blockDevices } from '../../machine/facts/block-devices.ts';
import { cleanState } from '../../machine/facts/clean-state.ts';
import { bootsLocalRoot, findBlock, userDataDevice } from '../../machine/facts/disks.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { withFound } from '../../machine/facts/found-facts.ts';
import { planCheck } from '../../machine/places/check-disk.ts';
import { endFacts } from '../../machine/pstore/end-facts.ts';
import { failWithoutDrivers } from '../../machine/steps/refused-drivers.ts';
import type { Step, StepOf } from '../../machine/steps/step.ts';
import { clockFacts, planClock } from '../../machine/time/clock.ts';
import { watchdogFacts } from '../../machine/watchdog/watchdog-facts.ts';
import { CLOSED_FILE, STOPPING_FILE } from '../../slots/evidence.ts';
import type { Phase } from '../phase.ts';

const WAIT_SECONDS = 20;

/** Drivers, then the disks that the config names: the local root, and what holds the persistent state. */
export const devices: Phase = {
  name: 'devices',
  rounds: [
    { plan: () => [{ kind: 'coldplug' }, { kind: 'show-crashes' }] },
    // With the driver of the clock, which brings its time; before a disk is mounted, which remembers when.
    {
      gather: async (host) => ({ machine: { clock: await clockFacts(host), watchdog: await watchdogFacts(host) } }),
      plan: (facts) => [...planClock(facts), ...planDriveWaits(facts)],
    },
    ...driveRounds(),
    { plan: planWaits },
    {
      gather: async (host, facts) => ({
        root: { blocks: withoutUnfinished(await blockDevices(host), facts.root.drives) },
      }),
      plan: planSubvolumes,
    },
    {
      gather: async (host, facts, boot) => {
        const blocks = await withSubvolumesThere(host, facts);
        if (blocks.length === 0 && bootsLocalRoot(facts)) await failWithoutDrivers(host);
        sayMissing(withFound(facts, { root: { blocks } }), boot.warn);
        const userData = userDataDevice(withFound(facts, { root: { blocks } }));
        return { root: { blocks, stateClean: userData && (await cleanState(host, userData)) } };
      },
      plan: planUserData,
    },
    // The disk tells which of it earlier boots have told.
    {
      gather: async (host, facts, boot) => ({
        machine: { lastEnd: await endFacts(host, boot) },
        root: { cleanEnd: await cleanEnd(host, facts), unseenEnd: await unseenEnd(host, facts) },
      }),
      plan: (facts) => [...planCleanEnd(facts), ...planSeenEnd(facts)],
    },
  ],
};

/** From now on its file system is in use, whoever asks: a boot that is cut before it judged must not make that the verdict. */
async function cleanEnd({ files }: Pick<Host, 'files'>, { root }: Facts): Promise<'to be noted' | undefined> {
  const left = root.stateClean === true ? await files.stat(STOPPING_FILE).catch(() => undefined) : undefined;
  return left?.type === 'file' ? 'to be noted' : undefined;
}

function planCleanEnd({ root }: Facts): readonly Step[] {
  return root.cleanEnd ? [{ kind: 'note-clean-end', from: STOPPING_FILE, to: CLOSED_FILE }] : [];
}

const waitSeconds = ({ commandLine }: Pick<Facts, 'commandLine'>): number => {
  const delay = Number(getArgument(commandLine, 'rootdelay')?.value ?? WAIT_SECONDS);
  return Number.isFinite(delay) && delay > 0 ? delay : WAIT_SECONDS;
};

/** A disk that is to be made, or was, and holds what must be there: before it is made, nothing on it has a label. */
function planDriveWaits(facts: Facts): readonly StepOf<'wait-for-drive'>[] {
  const { drives, fstab } = facts.config;
  const labels = Object.values(fstab).flatMap(({ source, missing }) => (missing === 'ignore' ? [] : [labelOf(source)]));
  return Object.entries(drives).flatMap(([drive, { match, make, partitions }]) =>
    make !== 'never' &&
    // No other file tells who needs swap.
    Object.entries(partitions).some(([label, { type }]) => type === 'swap' || labels.includes(label))
      ? [{ kind: 'wait-for-drive', drive, match, seconds: waitSeconds(facts) }]
      : [],
  );
}

/** No disk fits this drive, which was waited for. */
const isOfAbsentDrive = ({ config, root: { drives = {} } }: Facts, source: string): boolean =>
  Object.entries(config.drives).some(
    ([name, { make, partitions }]) =>
      make !== 'never' &&
      Object.hasOwn(partitions, labelOf(source) ?? '') &&
      entryOf(drives, name)?.fitting.length === 0,
  );

/** Waits for what must be there. A disk that may be missing is taken when it is there, and not waited for. */
export function planWaits(facts: Facts): readonly StepOf<'wait-for-device'>[] {
  const { config } = facts;
  const seconds = waitSeconds(facts);
  const slots = slotPartitions(config);
  const partitions = slots ? [slots.a, slots.b] : [];
  const wanted = [
    ...partitions.filter((source) => !isOfAbsentDrive(facts, source)),
    ...(config.boot.root && bootsLocalRoot({ config }) ? [config.boot.root] : []),
    ...Object.values(config.fstab)
      .filter(({ missing, source }) => missing !== 'ignore' && !isOfAbsentDrive(facts, source))
      .map(({ source }) => source),
  ];
  return [...new Set(wanted)].map((reference) => ({ kind: 'wait-for-device', reference, seconds }));
}

/** Tells which disks of the config are missing. Throws `persistent-missing`, `device-missing` for `missing: fail`. */
export function sayMissing({ config, root: { blocks } }: Facts, warn: (text: string) => void): void {
  for (const [mountPoint, { source, missing }] of Object.entries(config.fstab)) {
    if (findBlock(blocks ?? [], source)) continue;
    const isUserData = mountPoint === '/user-data';
    if (missing === 'fail')
      throw new StatectlError(
        isUserData ? 'persistent-missing' : 'device-missing',
        `the disk for ${mountPoint} (${source}) is not there`,
        {
          hint: 'see the disks with `blkid`; system/fstab.conf: `missing: degraded` boots without it',
        },
      );
    if (missing === 'degraded')
      warn(
        `DEGRADED: the disk for ${mountPoint} (${source}) is missing; ${isUserData ? 'what should persist is in RAM and lost at the next reboot' : 'what should be on it is not there'}`,
      );
    else if (isUserData) warn(`no disk for /user-data (${source}): nothing persists on this machine`);
  }
}

/** The persistent file system is mounted early: it may hold a copy of the image. */
export function planUserData(facts: Facts): readonly Step[] {
  const entry = facts.config.fstab['/user-data'];
  const block = userDataDevice(facts);
  if (!entry || !block) return [];
  const type = entry.type === 'auto' ? (block.type ?? 'ext4') : entry.type;
  return [
    ...planCheck(block.device, type),
    { kind: 'mkdir', path: '/user-data' },
    { kind: 'mount', source: block.device, target: '/user-data', type, options: entry.options },
    {
      kind: 'check-mount',
      target: '/user-data',
      type,
      access: entry.options.includes('ro') ? 'read-only' : 'read-write',
    },
    { kind: 'mkdir', path: `/user-data/persistent`, mode: 0o755 },
    { kind: 'mkdir', path: `/user-data/persistent/statectl`, mode: 0o700 },
  ];
}
