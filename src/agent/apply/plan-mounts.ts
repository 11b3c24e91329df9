import type { Config, FstabEntry } from '../../config/config.ts';
import { entryOf } from '../../entry-of.ts';
import type { Mount } from '../../host/kernel/mount-table.ts';
import { findBlock } from '../../machine/facts/disks.ts';
import type { BlockFacts } from '../../machine/facts/root-facts.ts';
import { planFstabEntry } from '../../machine/places/fstab-entry.ts';
import type { Step } from '../../machine/steps/step.ts';

/** What a running system does to its mounts, besides what a boot does. A mount that is busy stays: nothing is detached lazily. */
export type MountStep =
  | Step
  | { readonly kind: 'unmount'; readonly target: string }
  | { readonly kind: 'remount'; readonly source: string; readonly target: string; readonly options: readonly string[] };

export type MountPlan = { readonly mountPoint: string } & (
  | { readonly steps: readonly MountStep[] }
  | { readonly needsReboot: string }
);

export interface MountFacts {
  /** As it was last applied, and as it shall be. */
  readonly before: Config['fstab'];
  readonly now: Config['fstab'];
  /** What may be mounted besides: by an agent that was killed. */
  readonly meanwhile: Config['fstab'];
  /** Of the running system. */
  readonly mounts: readonly Mount[];
  readonly blocks: readonly BlockFacts[];
  /** Mount points of the layout: another file system shows there when nothing of fstab does. */
  readonly places: readonly string[];
}

/** What differs between two fstabs, mount point by mount point. /user-data is the boot's: no bundle says where it is. Pure. */
export function planMountChanges(facts: MountFacts): readonly MountPlan[] {
  const { before, now, meanwhile } = facts;
  const removed = Object.keys({ ...meanwhile, ...before }).filter((path) => !Object.hasOwn(now, path));
  return [
    // What lies inside goes first, what lies around comes first.
    ...removed.toSorted().toReversed(),
    ...Object.keys(now).toSorted(),
  ]
    .filter((mountPoint) => mountPoint !== '/user-data')
    .flatMap((mountPoint) => {
      const plan = planChange(facts, mountPoint);
      return plan ? [{ mountPoint, ...plan }] : [];
    });
}

type Change = { readonly steps: readonly MountStep[] } | { readonly needsReboot: string };

function planChange(facts: MountFacts, mountPoint: string): Change | undefined {
  const [old, entry] = [entryOf(facts.before, mountPoint), entryOf(facts.now, mountPoint)];
  if (old && entry && isSameMount(old, entry) && isSameOptions(old, entry)) return undefined;
  const maybe = entryOf(facts.meanwhile, mountPoint);
  const mount = facts.mounts.findLast(({ target }) => target === mountPoint);
  const isOurs = (each: FstabEntry | undefined) =>
    each !== undefined && mount !== undefined && findBlock(facts.blocks, each.source)?.device === mount.source;
  const isPlace = facts.places.includes(mountPoint);
  if (isPlace && !(entry && isOurs(entry))) return { needsReboot: 'it takes the place of another file system' };
  if (!entry) return isOurs(old) || isOurs(maybe) ? { steps: [{ kind: 'unmount', target: mountPoint }] } : undefined;
  if (mount && isOurs(entry)) {
    const isChanged = !(old && isSameOptions(old, entry)) || !hasOptions(mount, entry);
    return isChanged ? { steps: [planRemount(mount, entry)] } : undefined;
  }
  if (mount && !isOurs(old) && !isOurs(maybe)) return { needsReboot: `${mount.source} is mounted there` };
  const block = findBlock(facts.blocks, entry.source);
  if (!block) return { needsReboot: `${entry.source} is not there` };
  return {
    steps: [
      ...(mount ? [{ kind: 'unmount', target: mountPoint } as const] : []),
      ...planFstabEntry(mountPoint, entry, block, [{ kind: 'mkdir', path: mountPoint, mode: 0o755 }]),
    ],
  };
}

const isSameMount = (a: FstabEntry, b: FstabEntry): boolean => a.source === b.source && a.type === b.type;
const isSameOptions = (a: FstabEntry, b: FstabEntry): boolean => a.options.join() === b.options.join();

/** Flags that a mount keeps unless it is told otherwise, each with its opposite: mount(8). */
const OPPOSITES: readonly (readonly [option: string, opposite: string])[] = [
  ['ro', 'rw'],
  ['nosuid', 'suid'],
  ['nodev', 'dev'],
  ['noexec', 'exec'],
];

/** The flags that /proc/mounts shows, as far as an entry speaks of them. */
const hasOptions = ({ options }: Mount, entry: FstabEntry): boolean =>
  OPPOSITES.every(([option]) => options.includes(option) === entry.options.includes(option));

const planRemount = ({ source, target }: Mount, { options }: FstabEntry): MountStep => ({
  kind: 'remount',
  source,
  target,
  options: [
    ...OPPOSITES.flatMap(([option, opposite]) =>
      options.includes(option) || options.includes(opposite) ? [] : [opposite],
    ),
    ...options,
  ],
});
