import { parseRecord } from '../../../host/record.ts';

/** What a machine knows of its config besides the files: it lies with them, and goes with them. */
export interface ConfigNote {
  /** What the server calls it; null: it has nothing of it yet. */
  readonly id: string | null;
  /** What is so called: digests by path. What is different there is a change of the printer's. */
  readonly files: ReadonlyMap<string, string>;
  /** Where what the printer changes goes. */
  readonly on: 'line' | 'branch';
  /** Whose changes they are: a later boot ships what this one could not. */
  readonly boot: string;
  readonly lease: number;
  /** What that boot began with. */
  readonly base: string | null;
}

interface Written extends Omit<ConfigNote, 'files'> {
  readonly files: readonly (readonly [path: string, sha256: string])[];
}

export const writtenNote = ({ files, ...note }: ConfigNote): string =>
  `${JSON.stringify({ ...note, files: [...files] } satisfies Written)}\n`;

/** One that is torn is none: what is there then counts as new. */
export function readNote(text: string | undefined): ConfigNote | undefined {
  if (text === undefined) return undefined;
  try {
    const { files, ...note } = parseRecord<Written>(text, { files: 'list', on: 'text', boot: 'text', lease: 'number' });
    return { ...note, id: note.id ?? null, base: note.base ?? null, files: new Map(files) };
  } catch {
    return undefined;
  }
}
