import { join } from 'node:path';
import { recordOrNone } from '../../../host/record.ts';
import type { Proof } from '../../../protocol/enrolment.ts';
import type { Standing } from '../../../protocol/state/state.ts';
import { literalsOf } from '../../../protocol/variables/variables-file.ts';
import { writtenText } from '../../../protocol/variables/written-text.ts';
import { sha256Of } from '../../../signed/bundle/manifest.ts';
import type { Store } from '../../store/store.ts';
import { type HistoryPart, itemPath } from '../state-folder.ts';
import { type JournalEntry, journalLines, readJournal, rotated } from './history.ts';

/**
 * A history of saved variables, in the folder of its item: `last.json` what the file is, `before.json` what it was an hour ago or
 * more, in case the disk damages that, and `journal.jsonl` the values that each variable had.
 */
export interface KeptVariables extends Standing {
  /** Counts what came. */
  readonly number: number;
  readonly id: string;
  readonly node: string;
  readonly proof: Proof;
  readonly seq: number;
  readonly receivedAtMs: number;
  readonly sha256: string;
  /** The file, byte by byte: it is UTF-8. */
  readonly text: string;
  /** Of a branch: what its boot changed. What it began with may be older than the line. */
  readonly changed?: readonly string[];
  /** The branch that an admin took. */
  readonly takenFrom?: string;
}

const BEFORE_MS = 3_600_000;
/** A journal is rotated at this size, to half of it. */
const LONGEST_JOURNAL_BYTES = 4 << 20;

export const variablesHistory = (store: Store, printer: string, where: HistoryPart, item: string) => {
  const { files } = store.host;
  const folder = itemPath(store, printer, where, item);
  const [lastPath, beforePath, journalPath] = ['last.json', 'before.json', 'journal.jsonl'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const textOf = (path: string) => files.readText(path).catch(() => undefined);
  const sizeOf = async (path: string) => (await files.stat(path))?.sizeBytes ?? 0;

  async function read(path: string): Promise<KeptVariables | undefined> {
    const kept = recordOrNone<KeptVariables>(await textOf(path), {
      ...{ number: 'number', id: 'text', boot: 'text', lease: 'number', seq: 'number', sha256: 'text', text: 'text' },
    });
    return kept && sha256Of(kept.text) === kept.sha256 ? kept : undefined;
  }

  const journal = async (): Promise<readonly JournalEntry[]> => readJournal((await textOf(journalPath)) ?? '');

  return {
    folder,
    journal,

    /** What the file is; of one that the disk damaged what is known by the one before and the journal, `mended`. */
    async last(): Promise<{ readonly kept: KeptVariables; readonly isMended: boolean } | undefined> {
      const kept = await read(lastPath);
      if (kept) return { kept, isMended: false };
      const before = await read(beforePath);
      if (!before) return undefined;
      const literals = new Map(literalsOf(before.text));
      let { number, seq } = before;
      for (const entry of await journal()) {
        if (entry.number <= before.number) continue;
        if (entry.literal === null) literals.delete(entry.key);
        else literals.set(entry.key, entry.literal);
        number = Math.max(number, entry.number);
        seq = entry.seq;
      }
      const isSame = number === before.number;
      const text = isSame ? before.text : writtenText(literals);
      return {
        kept: { ...before, number, seq, text, sha256: sha256Of(text), ...(!isSame && { id: `${before.id}-mended` }) },
        isMended: true,
      };
    },

    /** The journal first: what is in it twice counts once. */
    async place(kept: KeptVariables, entries: readonly JournalEntry[], quotaBytes: number): Promise<void> {
      await files.mkdir(folder, 0o700);
      if (entries.length > 0) await files.append(journalPath, journalLines(entries));
      const before = await files.stat(beforePath);
      const last = await read(lastPath);
      if (last && (!before || Math.abs(kept.receivedAtMs - before.mtimeMs) >= BEFORE_MS))
        await files.write(beforePath, `${JSON.stringify(last)}\n`, { mode: 0o600 });
      await files.write(lastPath, `${JSON.stringify(kept)}\n`, { mode: 0o600 });
      const mostBytes = Math.min(LONGEST_JOURNAL_BYTES, quotaBytes / 8);
      if ((await sizeOf(journalPath)) > mostBytes)
        await files.write(journalPath, journalLines(rotated(await journal(), mostBytes / 2)), { mode: 0o600 });
    },

    async bytes(): Promise<number> {
      return (await sizeOf(lastPath)) + (await sizeOf(beforePath)) + (await sizeOf(journalPath));
    },
  };
};

/** `00000042-20261130T061706Z` */
export const variablesId = (number: number, nowMs: number): string =>
  `${String(number).padStart(8, '0')}-${new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
