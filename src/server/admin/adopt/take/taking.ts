import { StatectlError } from '../../../../error.ts';
import type { Standing } from '../../../../protocol/state/state.ts';
import type { Asker } from '../../../state/asker.ts';
import type { HistoryRefs } from '../../../state/git/take-history.ts';
import type { NodePrinter } from '../../../state/node-printer.ts';
import type { PrinterState } from '../../../state/printer-state.ts';
import type { FarHost } from '../far-host.ts';
import type { FarListing } from '../far-listing.ts';

/** What a printer of the host has, as it was found. */
export interface FoundPrinter {
  readonly name: string;
  readonly gcodes: { readonly folder: string; readonly listing: FarListing };
  /** By path, each whole. */
  readonly config: {
    readonly files: ReadonlyMap<string, Buffer>;
    readonly mtimeMs: number;
    readonly isWhole: boolean;
    /** Of a config that is a repository of its own. */
    readonly history?: FoundHistory;
  };
  readonly variables: Buffer | undefined;
  /** Asked for last: what it says of gcode is then there. */
  readonly database: () => Promise<
    { readonly file: Buffer; readonly uuid: Buffer | undefined; readonly how: string } | undefined
  >;
}

/** A history of the host, which is asked for where the server lacks any of it; undefined: it is larger than what is taken. */
export interface FoundHistory extends HistoryRefs {
  readonly commits: number;
  readonly read: () => Promise<Buffer | undefined>;
}

/** What was taken of one printer. */
export interface TakenPrinter {
  readonly printer: string;
  /** `commits`: of a history of its own, which is here now. */
  readonly config: { readonly changed: number; readonly commits?: number };
  readonly gcode: { readonly added: number; readonly removed: number; readonly bytes: number };
  readonly database: { readonly isNew: boolean; readonly bytes: number; readonly how: string } | null;
  readonly variables: { readonly isNew: boolean } | null;
  /** What is not there, and why. */
  readonly missed: readonly { readonly path: string; readonly why: string }[];
}

export interface TakeContext {
  readonly state: PrinterState;
  readonly far: FarHost;
  readonly asker: Asker & { readonly printer: NodePrinter };
  readonly boot: string;
  readonly nowMs: number;
  /** Hears of bytes as they come. */
  readonly onBytes: (bytes: number) => void;
}

/** One part of a printer, and the item of its state that this becomes. */
export interface Taking {
  readonly found: FoundPrinter;
  readonly context: TakeContext;
  readonly item: string;
  readonly standing: Standing;
  /** What the line has of it. */
  readonly head: unknown;
  /** Hears of what does not come, and why. */
  readonly miss: (path: string, why: string) => void;
}

/** Throws `adopt-line-taken`. */
export function mustBeLine(
  printer: string,
  answer: { readonly on: 'line' | 'branch'; readonly why?: string | undefined },
): void {
  if (answer.on === 'line') return;
  throw lineTaken(printer, answer.why ?? 'it is a branch');
}

export const lineTaken = (printer: string, why: string): StatectlError =>
  new StatectlError('adopt-line-taken', `somebody else goes on with ${printer}: ${why}`, {
    hint: `nothing of its line was changed. What changed at the old host since is not taken any more: copy single files by hand (git push, upload), or give it another name: --printer NAME=DIR`,
  });
