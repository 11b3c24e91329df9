import { entryOf } from '../../entry-of.ts';
import type { BundleFacts } from '../../fetch/kept-bundle.ts';
import type { BootRecord, History } from '../../machine/boot-record.ts';
import { decisionOf } from '../../machine/cycle/cycle-decision.ts';
import { userDataDevice } from '../../machine/facts/disks.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import type { IdentityFacts, InstallFacts } from '../../machine/facts/system-facts.ts';
import { planAccounts, planInstall } from '../../machine/install/plan-install.ts';
import { places } from '../../machine/places/places.ts';
import { chooseSource, typeOf } from '../../machine/places/source.ts';
import { SLOTS } from '../../slots/cycle-state.ts';
import { VERSION } from '../../version.ts';
import type { EngineResult } from '../engine.ts';
import { PHASE_NAMES } from '../phase.ts';
import { NO_HISTORY } from './journal-reader.ts';

/** Of the try that succeeded, with what `earlier` ones did before a person or a retry went on. */
export function bootRecord(
  { facts, phases, warnings }: EngineResult,
  bootMs: number,
  earlier: History = NO_HISTORY,
): BootRecord {
  const ran = new Map([...earlier.phases, ...phases].map((phase) => [phase.name, phase]));
  const source = chooseSource(facts);
  const disk = userDataDevice(facts);
  const image = source.kind === 'partition' ? undefined : source.manifest;
  return {
    statectl: VERSION,
    source: source.kind,
    root:
      source.kind === 'partition'
        ? { type: source.type, from: source.device, verified: false }
        : {
            type: typeOf(source),
            from: source.kind === 'copy' ? source.dir : (source.urls[0] ?? ''),
            verified: true,
          },
    ...(image ? { image: { name: image.name, version: image.version, sha256: image.root.sha256 } } : {}),
    ...cycleRecord(facts),
    ...(facts.root.offer?.server !== undefined && { server: facts.root.offer.server }),
    ...(facts.servers.inOrder ? { servers: facts.servers.inOrder } : {}),
    kernelRelease: facts.machine.kernelRelease,
    configDigest: facts.machine.configDigest,
    configOrigin: facts.machine.configOrigin,
    ...(facts.bundle.inForce ? { bundle: bundleRecord(facts.bundle.inForce) } : {}),
    ...(facts.system.identity ? { identity: identityRecord(facts.system.identity) } : {}),
    ...(disk ? { persistent: { device: disk.device, ...(disk.type !== undefined && { type: disk.type }) } } : {}),
    // What is a link in the image leads into another place, and nothing is mounted there.
    places: places(facts.config, disk !== undefined).filter(
      ({ mountPoint }) => entryOf(facts.root.tree?.paths, mountPoint) !== 'symlink',
    ),
    ...installed(facts),
    leases: facts.network.leases ?? [],
    ...(facts.system.install && { machineId: machineIdRecord(facts.system.install) }),
    init: facts.root.init?.path ?? '',
    warnings: [...new Set([...earlier.warnings, ...warnings])],
    failures: earlier.failures,
    skipped: PHASE_NAMES.filter((name) => !ran.has(name)),
    phases: PHASE_NAMES.flatMap((name) => ran.get(name) ?? []).map((phase) => ({
      ...phase,
      startedMs: Math.round(phase.startedMs),
      tookMs: Math.round(phase.tookMs),
    })),
    bootMs: Math.round(bootMs),
  };
}

/** As it was planned; that the disk did not take it is among the warnings. */
function cycleRecord(facts: Facts): Pick<BootRecord, 'cycle'> {
  const decision = decisionOf(facts);
  const attempt = decision?.state.attempt;
  if (!decision || !attempt) return {};
  const healthy = SLOTS.flatMap((slot) => {
    const record = decision.state[slot];
    return record ? [[slot, record.healthyCycles] as const] : [];
  });
  return {
    cycle: {
      cycle: attempt.cycle,
      slot: attempt.slot,
      ...(decision.judged && { before: decision.judged }),
      healthyCycles: Object.fromEntries(healthy),
    },
  };
}

const identityRecord = ({ secrets, ...identity }: IdentityFacts) => ({
  ...identity,
  secrets: secrets.map(({ to }) => to),
});

const machineIdRecord = ({ machineId, machineIdOrigin }: InstallFacts) => ({ machineId, machineIdOrigin });

const bundleRecord = ({ node, epoch, sequence, contentDigest, server }: BundleFacts) => ({
  ...(node !== undefined && { node }),
  epoch,
  sequence,
  contentDigest,
  ...(server !== undefined && { server }),
});

/** What the install phase does to the system. */
function installed(facts: Facts): Pick<BootRecord, 'wrote' | 'folders'> {
  const wrote: string[] = [];
  const folders: string[] = [];
  for (const step of [...planAccounts(facts), ...planInstall(facts)])
    switch (step.kind) {
      case 'write':
      case 'symlink':
      case 'remove':
      case 'drop':
        wrote.push(step.path);
        break;
      case 'copy-file':
      case 'deliver':
        wrote.push(step.to);
        break;
      case 'mkdir':
        folders.push(step.path);
        break;
      case 'accounts':
        wrote.push(...['passwd', 'group', 'shadow', 'gshadow'].map((name) => `/etc/${name}`));
        break;
    }
  return { wrote, folders };
}
