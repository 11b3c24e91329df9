import type { ItemHead } from '../../protocol/state/state.ts';
import type { Store } from '../store/store.ts';
import type { Asker } from './asker.ts';
import type { HistoryPart } from './state-folder.ts';

/** The store of a server that takes states in. */
export interface StateStore extends Store {
  /** Gets what an admin should look at. */
  readonly alarm: (text: string) => void;
  /** How much of the disk is free: 1 is all. */
  readonly free: () => Promise<number>;
}

/** One plain file of an export. */
export interface StateFile {
  /** Below the folder of its item. */
  readonly path: string;
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
}

/** What there is of an item, for `printer list` and `printer branches`. Times are Unix milliseconds. */
export interface ItemSummary {
  /** Names the newest. */
  readonly id: string;
  readonly atMs: number;
  /** So many versions are kept. */
  readonly kept: number;
  readonly bytes: number;
  /** Of a branch: what the line lacks, by names. */
  readonly lacking?: readonly string[];
  /** How it stands now, where it is more than files. */
  readonly standing?: string;
}

/** What a person does, in a sentence. */
export interface ByHand {
  readonly byHand: string;
}

/** What one class of state does on the server, besides its routes. All of it below `itemPath` (`state-folder.ts`). */
export interface StateKind {
  /** What a machine that boots is told of the line; null: there is nothing yet, or nothing for it. */
  head(printer: string, item: string, asker: Asker): Promise<ItemHead | null>;
  /** Why that is null, where a boot can say more than that there is nothing yet. */
  whyNone?(printer: string, item: string, asker: Asker): Promise<string | undefined>;
  /** undefined: there is nothing. */
  summary(printer: string, where: HistoryPart, item: string): Promise<ItemSummary | undefined>;
  /**
   * Puts what a branch has of the item on the line; nobody else changes the printer meanwhile. Gives the id of what it took, or what
   * a person does where a server cannot.
   */
  take(printer: string, branch: string, item: string): Promise<string | ByHand | undefined>;
  /** Forgets what is of a branch and lies elsewhere than in its folder. */
  drop?(printer: string, branch: string, item: string): Promise<void>;
  /** All of it as plain files. */
  export(printer: string, where: HistoryPart, item: string): AsyncIterable<StateFile>;
}
