import type { Config } from '../../config/config.ts';
import type { Account, Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import type { ItemHead } from '../../protocol/state/state.ts';
import type { AskState } from './ask-state.ts';

/** An item of a printer as config.d has it, of the class `Kind`. */
export type StateItem<Kind extends string = string> = Extract<
  Config['state']['printers'][string]['items'][number],
  { readonly kind: Kind }
>;
/** Of any class. */
export type AnyItem = Config['state']['printers'][string]['items'][number];

/** What a class needs to give an item back. */
export interface Restore<Item> {
  readonly host: Host;
  readonly task: TaskContext;
  readonly printer: string;
  readonly item: Item;
  /** Whose the files are. */
  readonly account: Account;
  /** What the line has; undefined: no server said. */
  readonly head: ItemHead | null | undefined;
  /** Why it has none, as the server says. */
  readonly why?: string;
  /** Asks the server that said so. */
  readonly ask?: AskState;
  /** This boot to that server; lease 0: what it ships is a branch. */
  readonly boot: string;
  readonly lease: number;
  /** A boot waits no longer for a printer: what did not come by then comes later. */
  readonly bound: AbortSignal;
  /** What is another item's, below the path of this one: `placesWithin`. */
  readonly apart: readonly string[];
  /** A folder that outlives the machine, for this item alone; absent without a disk. */
  readonly kept?: string;
  /** The same in RAM, for this boot alone. */
  readonly spool: string;
}

/** Places of other items that lie in one, as paths below it. Pure. */
export const placesWithin = (items: readonly { readonly path: string }[], path: string): readonly string[] =>
  items.flatMap((other) => (other.path.startsWith(`${path}/`) ? [other.path.slice(path.length + 1)] : []));
