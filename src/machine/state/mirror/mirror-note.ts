import { recordOrNone } from '../../../host/record.ts';

/** What is known of a name of the tree. */
export interface NotedFile {
  readonly path: string;
  /** Of the file as it was when it was last in step or sent; absent: it is not here. */
  readonly stamp?: string;
  /** Of the content here, or of the one that was; null: it was deleted here. */
  readonly version: string | null;
  /** What the line had when the two were compared last; null: nothing. */
  readonly line: string | null;
  /** A server has it, beside the line. */
  readonly isSent?: boolean;
  /** What the line has of it, where the folder is shown as a cache. */
  readonly lineFile?: { readonly sizeBytes: number; readonly mtimeNs: string };
  /** When it was last open, Unix milliseconds. */
  readonly usedMs?: number;
}

/** What a machine knows of its tree, kept in the tree itself: it is as old as that, and goes with it. */
export interface MirrorNote {
  readonly printer: string;
  readonly item: string;
  /** Head of the line that it was made with last. */
  readonly base: string | null;
  readonly files: readonly NotedFile[];
}

/** A note of another printer is none: somebody moved a folder. */
export function readNote(text: string | undefined, printer: string, item: string): MirrorNote | undefined {
  const note = recordOrNone<MirrorNote>(text, { printer: 'text', item: 'text', files: 'list' });
  return note?.printer === printer && note.item === item ? note : undefined;
}

export const writeNote = (note: MirrorNote): string => `${JSON.stringify(note)}\n`;
