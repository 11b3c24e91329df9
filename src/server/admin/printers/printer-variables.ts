import { entryOf } from '../../../entry-of.ts';
import { StatectlError } from '../../../error.ts';
import { literalsOf } from '../../../protocol/variables/variables-file.ts';
import { branchesIn, branchUnknown, itemsIn, LINE, readPrinter } from '../../state/state-folder.ts';
import { variablesHistory } from '../../state/variables/kept-variables.ts';
import type { ServerState } from '../server-state.ts';
import { mustExist } from './printers.ts';

/** A value that a variable had. */
export interface VariableValue {
  /** As it stands in the file; null: the variable went away. */
  readonly literal: string | null;
  /** By the clock of the machine. */
  readonly at: string;
  readonly node: string;
}

/** What `printer variables` says of a variable. */
export interface VariableStatus {
  readonly item: string;
  readonly key: string;
  /** As it is; null: it went away. */
  readonly literal: string | null;
  /** The newest first. */
  readonly values: readonly VariableValue[];
}

const timeOf = (ms: number): string =>
  Number.isFinite(new Date(ms).getTime()) ? new Date(ms).toISOString() : 'unknown';

/** The saved variables of a printer, by name, or one of them, of the line or a branch. Throws `printer-unknown`, `branch-unknown`, `variable-unknown`. */
export async function printerVariables(
  state: ServerState,
  printer: string,
  { key: wanted, branch }: { readonly key?: string | undefined; readonly branch?: string | undefined },
): Promise<readonly VariableStatus[]> {
  const store = await state.files();
  await mustExist(store, printer);
  if (branch !== undefined && !(await branchesIn(store, printer)).includes(branch))
    throw branchUnknown(printer, `${printer} has no branch ${branch}`);
  const where = branch === undefined ? LINE : ({ part: 'branch', branch } as const);
  const { items } = await readPrinter(store, printer);
  const key = wanted?.toLowerCase();
  const found: VariableStatus[] = [];
  for (const item of await itemsIn(store, printer, where)) {
    if (entryOf(items, item)?.kind !== 'variables') continue;
    const history = variablesHistory(store, printer, where, item);
    const kept = (await history.last())?.kept;
    const literals = literalsOf(kept?.text);
    const values = Map.groupBy(await history.journal(), (entry) => entry.key);
    const keys = [...new Set([...literals.keys(), ...values.keys()])].toSorted();
    for (const one of keys) {
      if (key !== undefined && one !== key) continue;
      found.push({
        item,
        key: one,
        literal: literals.get(one) ?? null,
        values: (values.get(one) ?? [])
          .toReversed()
          .map(({ literal, atMs, node }) => ({ literal, at: timeOf(atMs), node })),
      });
    }
  }
  if (key === undefined || found.length > 0) return found;
  throw new StatectlError('variable-unknown', `${printer} never had a variable ${key}`, {
    hint: `\`statectl printer variables ${printer}\` names those that it has`,
  });
}
