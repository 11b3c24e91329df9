import type { Host } from '../../host/host.ts';
import { shellLine } from '../../host/shell-line.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { at, type Roots } from '../roots.ts';
import { addresses } from './addresses.ts';
import { bundles } from './bundles.ts';
import { clock } from './clock.ts';
import { cycles } from './cycles.ts';
import { devices } from './devices.ts';
import { disks } from './disks.ts';
import { downloads } from './downloads.ts';
import { files } from './files.ts';
import { handOver } from './hand-over.ts';
import { identity } from './identity.ts';
import type { Kind } from './kind.ts';
import { links } from './links.ts';
import { loader } from './loader.ts';
import { mounts } from './mounts.ts';
import { state } from './state.ts';

/** Every kind of step by its name: a family a file, each kind whole in one place. */
const KINDS = {
  ...files,
  ...mounts,
  ...devices,
  ...disks,
  ...loader,
  ...clock,
  ...links,
  ...addresses,
  ...identity,
  ...downloads,
  ...bundles,
  ...cycles,
  ...state,
  ...handOver,
};

export type StepKind = keyof typeof KINDS;
type BodyOf<K extends StepKind> = (typeof KINDS)[K] extends Kind<infer Body> ? Body : never;
export type StepOf<K extends StepKind> = { [Each in K]: { readonly kind: Each } & BodyOf<Each> }[K];

/**
 * A step is one thing a boot does, as a value: planners make steps, `applyStep` does them, and each can be shown as the command
 * an admin would type in the rescue shell.
 */
export type Step = StepOf<StepKind>;

/** The step for whoever has the parts of the machine at `roots`: paths of plans are those of the machine. Pure. */
export const locate = (step: Step, roots: Roots): Step => {
  const { located } = kindOf(step);
  return located ? located(step, (path) => at(roots, path)) : step;
};

const kindOf = (step: Step): Kind<Step> => KINDS[step.kind] as unknown as Kind<Step>;

/** The sentence for the log: what is being done, in the words of an admin. */
export const describe = (step: Step): string => kindOf(step).describe(step);

/** The command that does the same by hand; undefined where only the controller can. */
export const commandOf = (step: Step): string | undefined => kindOf(step).command?.(step);

/** The same for a script: where only the controller can do it, the line says so. */
export const shellOf = (step: Step): string =>
  commandOf(step) ?? shellLine(['echo', `only the controller can: ${describe(step)}`]);

/** Does one step. Errors say what was done, what the machine answered, and what to look at. */
export const applyStep = (step: Step, host: Host, task: TaskContext): Promise<void> =>
  kindOf(step).apply(step, host, task);
