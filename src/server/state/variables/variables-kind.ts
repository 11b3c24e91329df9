import { literalsOf } from '../../../protocol/variables/variables-file.ts';
import type { Store } from '../../store/store.ts';
import type { StateKind } from '../kind.ts';
import { DEFAULT_QUOTA_BYTES } from '../node-printer.ts';
import { LINE } from '../state-folder.ts';
import { changesBetween, lackingOf } from './history.ts';
import { variablesHistory, variablesId } from './kept-variables.ts';

/** What an admin may do with the saved variables of a printer: tell of them, take those of a branch, export them. */
export const variablesKind = (store: Store): Omit<StateKind, 'head'> => ({
  async summary(printer, where, item) {
    const history = variablesHistory(store, printer, where, item);
    const found = await history.last();
    if (!found) return undefined;
    const { id, receivedAtMs, text, changed } = found.kept;
    const journal = await history.journal();
    const summary = { id, atMs: receivedAtMs, kept: journal.length, bytes: await history.bytes() };
    if (where.part !== 'branch') return summary;
    const line = literalsOf((await variablesHistory(store, printer, LINE, item).last())?.kept.text);
    return { ...summary, lacking: lackingOf(line, literalsOf(text), changed) };
  },

  /** The file as it is in the branch. What the line had stays in the history of each variable. */
  async take(printer, branch, item) {
    const own = (await variablesHistory(store, printer, { part: 'branch', branch }, item).last())?.kept;
    if (!own) return undefined;
    const history = variablesHistory(store, printer, LINE, item);
    const before = (await history.last())?.kept;
    const nowMs = store.host.clock.now();
    const number = (before?.number ?? 0) + 1;
    const { changed: _, ...of } = own;
    const kept = {
      ...of,
      ...{ number, id: variablesId(number, nowMs), lease: 0, receivedAtMs: nowMs, takenFrom: `${branch}/${own.id}` },
    };
    const changes = changesBetween(literalsOf(before?.text), literalsOf(own.text), [], {
      seq: own.seq,
      atMs: nowMs,
    });
    const { node, boot } = own;
    // Apart from what this boot tells itself.
    const entries = changes.map((one) => ({
      ...one,
      number,
      node,
      boot: `${boot}-taken-${number}`,
      receivedAtMs: nowMs,
    }));
    await history.place(kept, entries, DEFAULT_QUOTA_BYTES);
    return own.id;
  },

  /** The file as Klipper has it, and the values that each variable had. */
  async *export(printer, where, item) {
    const history = variablesHistory(store, printer, where, item);
    const found = await history.last();
    if (!found) return;
    const { text, ...said } = found.kept;
    yield { path: `${item}.cfg`, content: Buffer.from(text) };
    yield { path: 'last.json', content: Buffer.from(`${JSON.stringify(said, null, 2)}\n`) };
    const journal = (await history.journal()).map((entry) => `${JSON.stringify(entry)}\n`).join('');
    yield { path: 'journal.jsonl', content: Buffer.from(journal) };
  },
});
