import type { Config } from '../../config/config.ts';
import { unfinishedName } from '../../machine/delivery/deliver.ts';
import type { Step } from '../../machine/steps/step.ts';
import { type Entry, isSameEntry, type Wanted } from '../entry.ts';

/** Who wins where a person edited a file that config.d brought. */
export type Edits = Config['etc']['edits'];

/** One path: what shall be there, what we put there, what is there. */
export interface FileFacts {
  readonly path: string;
  readonly wanted: Wanted;
  /** Any of these is ours; what else is there is a person's. */
  readonly applied: readonly Entry[];
  readonly present: Entry;
}

export interface FilePlan {
  readonly path: string;
  readonly entry: Entry;
  /** What it takes the place of. */
  readonly present: Entry;
  readonly steps: readonly Step[];
}

/** The three-way decision of `statectl agent`: base, local, new. What is as it should be is not touched. Pure. */
export function planFiles(
  files: readonly FileFacts[],
  edits: Edits,
): { readonly plans: readonly FilePlan[]; readonly edited: readonly string[] } {
  const plans: FilePlan[] = [];
  const edited: string[] = [];
  for (const { path, wanted, applied, present } of files) {
    if (isSameEntry(present, wanted.entry)) continue;
    const isOurs = applied.some((entry) => isSameEntry(entry, present));
    // A folder is never taken away: nobody knows what is in it.
    if (present.kind !== 'other' && (isOurs || edits === 'overwrite'))
      plans.push({ path, entry: wanted.entry, present, steps: atomically(wanted.step) });
    else edited.push(path);
  }
  return { plans, edited };
}

/** As the executor of the boot makes a link, nothing is there for a moment. */
function atomically(step: Step): readonly Step[] {
  if (step.kind !== 'symlink') return [step];
  const fresh = unfinishedName(step.path);
  return [
    { ...step, path: fresh },
    { kind: 'rename', from: fresh, to: step.path },
  ];
}
