import { entryOf } from '../../entry-of.ts';
import type { TaskContext } from '../../host/task-context.ts';
import type { Facts } from '../facts/facts.ts';
import type { FoundFacts } from '../facts/found-facts.ts';
import type { BlockFacts } from '../facts/root-facts.ts';
import type { MachineHost } from '../roots.ts';
import type { Round } from '../sequence.ts';
import type { Step } from '../steps/step.ts';
import type { DriveLook } from './disk-facts.ts';
import { PARTITION_TYPES } from './guid.ts';
import type { Drive } from './layout.ts';
import { type DrivePlan, type Known, planActivation, planFileSystems, planTable } from './plan-drives.ts';
import { lookAtDrives } from './read-disk.ts';

type PlanDrive = (name: string, drive: Drive, look: DriveLook) => DrivePlan;
type OfDrives = Pick<Facts, 'config' | 'root'>;

const planEach = ({ config, root: { drives = {} } }: OfDrives, plan: PlanDrive): readonly DrivePlan[] =>
  Object.entries(config.drives).flatMap(([name, drive]) => {
    const look = entryOf(drives, name);
    return look ? [plan(name, drive, look)] : [];
  });

/** What is to be done to the tables of disks. Pure. */
const planTables = (facts: OfDrives, known?: Readonly<Record<string, Known>>): readonly Step[] =>
  planEach(facts, (name, drive, look) => planTable(name, drive, look, known && entryOf(known, name))).flatMap(
    ({ steps }) => steps,
  );

/** What is to be done to the file systems of disks whose tables are whole. Pure. */
const planFormats = (facts: OfDrives): readonly Step[] =>
  planEach(facts, planFileSystems).flatMap(({ steps }) => steps);

/** What each boot makes anew, or switches on. Pure. */
const planActivations = (facts: OfDrives): readonly Step[] =>
  planEach(facts, planActivation).flatMap(({ steps }) => steps);

/** What of the drives an operator must know. Pure. */
const notesOf = (facts: OfDrives, known?: Readonly<Record<string, Known>>): readonly string[] =>
  planEach(facts, (name, drive, look) => planTable(name, drive, look, known && entryOf(known, name))).flatMap(
    ({ notes }) => notes,
  );

/** Looks, and says what was not said before. */
async function look(host: MachineHost, facts: Facts, task: TaskContext, known?: Readonly<Record<string, Known>>) {
  const drives = await lookAtDrives(host, facts.config.drives);
  const before = facts.root.driveNotes ?? [];
  const fresh = notesOf({ ...facts, root: { drives } }, known).filter((text) => !before.includes(text));
  for (const text of fresh) task.warn(text);
  return { root: { drives, driveNotes: [...before, ...fresh] } };
}

/** Looks again where something was done since. */
const lookAfter =
  (did: (facts: Facts) => readonly Step[], known?: Readonly<Record<string, Known>>) =>
  async (host: MachineHost, facts: Facts, task: TaskContext): Promise<FoundFacts> =>
    did(facts).length > 0 ? look(host, facts, task, known) : {};

/**
 * Disks as drives.conf wants them: tables are put back, then made, completed and grown, then file systems as the tables say, and
 * last what is of this boot alone. Each look is of what is there then, and what failed is not tried twice.
 */
export const driveRounds = (known?: Readonly<Record<string, Known>>): readonly Round[] => {
  const planned =
    (kind: Step['kind']) =>
    (facts: OfDrives): readonly Step[] =>
      planTables(facts, known).filter((step) => step.kind === kind);
  const [restores, writes] = [planned('restore-table'), planned('write-table')];
  return [
    {
      gather: async (host, facts, task) =>
        Object.keys(facts.config.drives).length > 0 ? look(host, facts, task, known) : {},
      plan: restores,
    },
    { gather: lookAfter(restores, known), plan: writes },
    { gather: lookAfter(writes, known), plan: planFormats },
    { gather: lookAfter(planFormats, known), plan: planActivations },
  ];
};

/** Without those whose file system was not wholly made: nothing is mounted of them, whatever they seem to hold. Pure. */
export function withoutUnfinished(blocks: readonly BlockFacts[], drives: Readonly<Record<string, DriveLook>> = {}) {
  const unfinished = Object.values(drives).flatMap(({ content }) =>
    content?.primary.state === 'good'
      ? content.primary.table.partitions.filter(({ type }) => type === PARTITION_TYPES.unfinished)
      : [],
  );
  return blocks.filter(({ partuuid }) => !unfinished.some(({ uuid }) => uuid === partuuid?.toLowerCase()));
}
