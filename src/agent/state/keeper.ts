import type { Account } from '../../host/host.ts';
import type { AskState } from '../../machine/state/ask-state.ts';
import type { ItemSession, PrinterSession } from '../../machine/state/printer-session.ts';
import type { Standing } from '../../protocol/state/state.ts';
import type { AgentHost } from '../agent.ts';
import type { ItemStatus } from './item-status.ts';

/** What the keeper of an item has at hand. */
export interface KeeperContext<Item> {
  readonly host: AgentHost;
  readonly printer: string;
  readonly item: Item;
  /** Whose the files are. */
  readonly account: Account;
  readonly session: PrinterSession;
  /** What this boot began with of this item. */
  readonly began: ItemSession;
  /** What is sent with all that changes something. */
  readonly standing: Standing;
  /** Asks the server that gave the lease; without one, each in turn. */
  readonly ask: AskState;
  readonly tell: (status: ItemStatus) => void;
  /** No burst of work meanwhile, and nothing of it is replaced. */
  readonly isPrinting: () => boolean;
  /** What is another item's, below the path of this one: `placesWithin`. */
  readonly apart: readonly string[];
  /** A folder for this item alone: of root, in RAM. */
  readonly spool: string;
  /** The same on a disk, where there is one. */
  readonly kept?: string;
  /** Names in a folder that change, until the signal; undefined: it is not known which. */
  readonly watch: (folder: string, signal: AbortSignal) => AsyncIterable<string | undefined>;
}

/** Keeps an item until the signal. What it throws is told, and it begins anew. */
export type Keep<Item> = (context: KeeperContext<Item>, signal: AbortSignal) => Promise<never>;
