import { isDeepStrictEqual } from 'node:util';
import { entryOf } from '../../../entry-of.ts';
import type { Config } from '../../config.ts';
import { labelOf } from '../../made-label.ts';
import type { Inconsistency } from './inconsistency.ts';

/** Disks, file systems and slots that contradict each other. */
export function diskFaults(config: Config): readonly Inconsistency[] {
  return [
    ...sameDisks(config),
    ...sameLabels(config),
    ...sameRoles(config),
    ...wrongTypes(config),
    ...subvolumes(config),
    ...slots(config),
  ];
}

function sameDisks({ drives }: Config): readonly Inconsistency[] {
  const disks = Object.entries(drives);
  return disks.flatMap(([name, { match }], index) => {
    const { id, minSizeBytes = 0, maxSizeBytes = Number.POSITIVE_INFINITY } = match;
    if (minSizeBytes > maxSizeBytes)
      return [{ path: ['drives', name, 'match', 'minSize'], message: 'no disk is larger than maxSize and minSize' }];
    const same = disks
      .slice(0, index)
      .find(([, other]) => isDeepStrictEqual(other.match, match) || (id !== undefined && other.match.id === id));
    return same
      ? [{ path: ['drives', name, 'match'], message: `${same[0]} is the same disk: tell them apart by id or serial` }]
      : [];
  });
}

function sameLabels({ drives }: Config): readonly Inconsistency[] {
  const seen = new Map<string, string>();
  return Object.entries(drives).flatMap(([name, { partitions }]) =>
    Object.keys(partitions).flatMap((label) => {
      const other = seen.get(label);
      seen.set(label, other ?? name);
      return other === undefined
        ? []
        : [
            {
              path: ['drives', name, 'partitions', label],
              message: `the disk ${other} has a ${label}, too: each label is there once`,
            },
          ];
    }),
  );
}

/** Firmware and boot loaders take the first that they find, and that need not be the one that is written. */
function sameRoles({ drives }: Config): readonly Inconsistency[] {
  return Object.entries(drives).flatMap(([name, { partitions }]) => {
    const parts = Object.entries(partitions);
    return parts.flatMap(([label, { role }], index) => {
      const first = parts.slice(0, index).find(([, other]) => role !== undefined && other.role === role);
      return first
        ? [
            {
              path: ['drives', name, 'partitions', label, 'role'],
              message: `${first[0]} has the role ${role} already: a disk has one of each`,
            },
          ]
        : [];
    });
  });
}

/** The partition that drives.conf makes, if it makes it. */
function madePartition({ drives }: Config, reference: string) {
  const label = labelOf(reference);
  if (label === undefined) return undefined;
  return entryOf(Object.values(drives).find(({ partitions }) => Object.hasOwn(partitions, label))?.partitions, label);
}

const madeAs = (config: Config, reference: string): string | undefined => madePartition(config, reference)?.type;

function wrongTypes(config: Config): readonly Inconsistency[] {
  return Object.entries(config.fstab).flatMap(([mountPoint, { source, type }]) => {
    const path = ['fstab', mountPoint, 'source'];
    const { type: made, encrypt } = madePartition(config, source) ?? {};
    if (made === 'swap' || made === 'raw') return [{ path, message: `drives.conf makes ${source} as ${made}` }];
    if (encrypt && mountPoint === '/user-data')
      return [{ path, message: `drives.conf encrypts ${source} by a key of each boot: nothing would persist` }];
    const label = labelOf(source);
    if (encrypt && source.startsWith('PARTLABEL='))
      return [
        { path, message: `that is the encrypted side of ${label}: write LABEL=${label} or /dev/mapper/${label}` },
      ];
    if (!encrypt && made !== undefined && source.startsWith('/dev/mapper/'))
      return [{ path, message: `drives.conf does not encrypt ${label}: write LABEL=${label}` }];
    return made === undefined || type === 'auto' || type === made
      ? []
      : [{ path: ['fstab', mountPoint, 'type'], message: `drives.conf makes ${source} as ${made}` }];
  });
}

function subvolumes(config: Config): readonly Inconsistency[] {
  const { btrfs, fstab } = config;
  const mounted = new Map(Object.keys(fstab).map((mountPoint) => [mountPoint, 'fstab.conf']));
  return Object.entries(btrfs).flatMap(([source, file]): readonly Inconsistency[] => {
    const entry = Object.entries(fstab).find(([, { source: other }]) => other === source);
    const type = madeAs(config, source) ?? entry?.[1].type ?? 'auto';
    if (type !== 'auto' && type !== 'btrfs')
      return [{ path: ['btrfs', source], message: `there are no subvolumes on ${type}, which ${source} is` }];
    return Object.entries(file.subvolumes).flatMap(([name, { mount }]) => {
      if (mount === undefined) return [];
      const other = mounted.get(mount);
      mounted.set(mount, other ?? name);
      return other === undefined
        ? []
        : [{ path: ['btrfs', source, 'subvolumes', name, 'mount'], message: `${mount} is taken by ${other}` }];
    });
  });
}

/** Slots that are partitions, each with an image or its tree. */
function partitions(config: Config, slots: Readonly<Record<'a' | 'b', string>>): readonly Inconsistency[] {
  if (config.server.agent === 'off' || !config.boot.keepCopy)
    return [
      {
        path: ['update', 'slots', 'kind'],
        message: `nobody says that a system started with ${config.boot.keepCopy ? 'agent: off' : 'keepCopy: false'}: slots on partitions need it`,
      },
    ];
  return (['a', 'b'] as const).flatMap((slot) => {
    const path = ['update', 'slots', slot];
    const reference = slots[slot];
    if (/^(?:LABEL|UUID)=/.test(reference))
      return [
        { path, message: `what statectl writes there has no label or UUID that stays: write PARTLABEL= or PARTUUID=` },
      ];
    const made = madePartition(config, reference);
    return made === undefined || (made.type === 'raw' && made.role === undefined)
      ? []
      : [{ path, message: `drives.conf makes ${reference} as ${made.role ?? made.type}, and a slot is raw` }];
  });
}

function slots(config: Config): readonly Inconsistency[] {
  const { update, fstab } = config;
  if (update.slots.kind === 'file') return [];
  const { a, b } = update.slots;
  const apart = update.slots.kind === 'tree' ? update.slots.subvolumes : undefined;
  if (apart === undefined) {
    const faults = partitions(config, { a, b });
    if (faults.length > 0) return faults;
  }
  if (a === b && (apart === undefined || apart.a === apart.b))
    return [{ path: ['update', 'slots', 'b'], message: 'the backup cannot be on the partition of the other' }];
  return Object.entries(fstab).flatMap(([mountPoint, { source }]) =>
    source === a || source === b
      ? [{ path: ['fstab', mountPoint, 'source'], message: `${source} is a slot: it is for the system alone` }]
      : [],
  );
}
