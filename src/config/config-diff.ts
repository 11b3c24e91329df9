import { type CheckedFault, checkConfigDir } from './check/check.ts';
import type { ConfigFault } from './check/fault.ts';
import type { LoadedConfig } from './load-revision.ts';
import { type Change, type MachineChanges, machineChanges } from './nodes/machine-changes.ts';
import { type MachineState, machinesOf, stateOf } from './nodes/machine-state.ts';
import { CONFIG_FILES } from './settings/files.ts';

/** One of two states of a config.d. */
export interface DiffSide extends LoadedConfig {
  /** Of reading, beside those that `dir` has. */
  readonly faults: readonly ConfigFault[];
}

/** The same change on these machines. */
export interface GroupedChange {
  readonly nodes: readonly string[];
  /** Where machines differ in their own values alone, these are named: `{{ node.name }}`. */
  readonly changes: readonly Change[];
}

export interface ConfigDiff {
  readonly from: { readonly faults: readonly CheckedFault[] };
  readonly to: { readonly faults: readonly CheckedFault[] };
  /** Machines of which nothing can be said: what they get has a fault on one side. */
  readonly notCompared: readonly string[];
  readonly groups: readonly GroupedChange[];
}

/** What differs between two states, for every machine that can be compared. Pure. */
export function configDiff(from: DiffSide, to: DiffSide): ConfigDiff {
  const broken = brokenFiles([from, to]);
  const pairs = machinesOf([from.dir, to.dir]).map((looked) => {
    const [old, now] = [stateOf(from, looked), stateOf(to, looked)];
    return { looked, old, now, isBroken: broken.all || isBroken(old, broken.files) || isBroken(now, broken.files) };
  });
  const whole = pairs.filter(({ isBroken }) => !isBroken);
  return {
    from: { faults: faultsOf(from) },
    to: { faults: faultsOf(to) },
    notCompared: pairs.filter(({ isBroken }) => isBroken).map(({ looked }) => looked.label),
    groups: groupChanges(whole.map(({ looked, old, now }) => [looked.label, machineChanges(old, now)] as const)),
  };
}

/** Files that are not what they say on one side: `all` where every machine's settings come from one of them. */
function brokenFiles(sides: readonly DiffSide[]): { readonly all: boolean; readonly files: ReadonlySet<string> } {
  const files = new Set(sides.flatMap(({ faults, dir }) => [...faults, ...dir.faults].map(({ file }) => file)));
  return {
    all: Object.values(CONFIG_FILES).some(({ path, override }) => files.has(path) || files.has(override)),
    files,
  };
}

const isBroken = (state: MachineState | undefined, files: ReadonlySet<string>): boolean =>
  state !== undefined && (state.faults.length > 0 || state.sources.some((file) => files.has(file)));

const faultsOf = ({ dir, templates, faults }: DiffSide): readonly CheckedFault[] =>
  checkConfigDir({ ...dir, faults: [...faults, ...dir.faults] }, templates).faults;

/** Machines with the same changes are told once, the largest group first. */
function groupChanges(byNode: Iterable<readonly [string, MachineChanges]>): readonly GroupedChange[] {
  let groups = [...byNode]
    .filter(([, [changes]]) => changes.length > 0)
    .map(([label, said]) => ({ nodes: [label], said, changes: said[0] }));
  for (const way of [0, 1, 2] as const) {
    const byText = Map.groupBy(groups, ({ said }) => JSON.stringify(said[way]));
    groups = [...byText.values()].map((alike) => {
      const [first] = alike as [(typeof alike)[0]];
      const changes = alike.length > 1 ? first.said[way] : first.changes;
      return { nodes: alike.flatMap(({ nodes }) => nodes), said: first.said, changes };
    });
  }
  return groups.map(({ nodes, changes }) => ({ nodes, changes })).toSorted((a, b) => b.nodes.length - a.nodes.length);
}
