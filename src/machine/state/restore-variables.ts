import { reasonOf, StatectlError } from '../../error.ts';
import { readBody } from '../../host/http/read-body.ts';
import { readSaid } from '../../protocol/read-answer.ts';
import type { ItemHead } from '../../protocol/state/state.ts';
import { VariablesHead } from '../../protocol/variables/shipment.ts';
import { LARGEST_VARIABLES_BYTES, readVariables } from '../../protocol/variables/variables-file.ts';
import { sha256Of } from '../../signed/bundle/manifest.ts';
import { statePath } from './ask-state.ts';
import { writeOwnedFile } from './owned-file.ts';
import type { ItemSession } from './printer-session.ts';
import { freeEnd } from './put-aside.ts';
import type { Restore, StateItem } from './restore.ts';
import { NO_VARIABLES, readVariablesFile, type VariablesRecord, variablesRecord } from './variables-record.ts';

type RestoreOne = Restore<StateItem<'variables'>>;

/**
 * The file of the line, byte by byte, unless what this machine has on its disk goes on with it: that may be ahead. Without a server
 * it is what the machine had last. What lies there and is neither is put aside and told.
 */
export async function restoreVariables(restore: RestoreOne): Promise<ItemSession> {
  const { host, task, printer, item, kept, spool } = restore;
  const records = variablesRecord(host.files, kept ?? spool);
  const record = await records.read();
  const here = await textHere(restore);
  const line = restore.head ? headOf(restore.head) : restore.head;
  const ours = here ?? record?.text ?? undefined;
  /** A full disk is no reason to begin with nothing. */
  const onDisk = (work: Promise<void>): Promise<void> =>
    work.catch((error) => task.warn(`${printer}: ${item.name} is not kept on this machine: ${reasonOf(error)}`));

  if (line === undefined || (record && goesOnWith(record, line))) {
    if (here === undefined && ours !== undefined) await place(restore, ours);
    const base = line?.id ?? record?.id ?? null;
    if (record) await onDisk(records.write({ ...record, id: base }));
    return { base, ...(line === undefined && { why: 'no server said what it has' }) };
  }
  // Nothing is another thing before it is there.
  const text = line && (here !== undefined && sha256Of(here) === line.sha256 ? here : await fetchText(restore, line));
  if (record) await onDisk(records.leave(record));
  const fresh = {
    ...NO_VARIABLES,
    lease: 0,
    boot: '',
    base: null,
    seq: record?.seq ?? 0,
    shippedSeq: record?.seq ?? 0,
  };
  if (line === null || text === null) {
    // The server has nothing: what there is here is better than that, and is told whole.
    if (here === undefined && ours !== undefined) await place(restore, ours);
    await onDisk(records.write(fresh));
    return { base: null };
  }
  if (here !== undefined && here !== text) {
    const aside = `${item.path}${await freeEnd(host.files, [item.path], `.before-${line.id}`)}`;
    await host.files.rename(item.path, aside);
    task.warn(`${printer}: ${item.path} has other variables than the line: it is put aside as ${aside}`);
  }
  if (here !== text) await place(restore, text);
  await onDisk(records.write({ ...fresh, id: line.id, text }));
  return { base: line.id };
}

/** Throws `state-damaged`. */
function headOf(head: ItemHead): VariablesHead {
  const { value, fault } = readSaid(JSON.stringify(head), VariablesHead);
  if (fault === undefined) return value;
  throw new StatectlError('state-damaged', `what the server says of them: ${fault}`);
}

/** Whether what was here last is what the line has, or what came after that: also where the answer to it was lost. */
function goesOnWith(record: VariablesRecord, line: VariablesHead | null): boolean {
  if (record.branch !== undefined || record.text === null) return false;
  if (record.id === (line?.id ?? null)) return true;
  return line !== null && record.boots.includes(line.boot) && line.seq <= record.seq;
}

/** undefined: there is none, or none that Klipper could read. */
async function textHere({ host, task, printer, item, account }: RestoreOne): Promise<string | undefined> {
  try {
    const found = await readVariablesFile(host.files, item.path, account);
    if (found === undefined) return undefined;
    return readVariables(found.bytes, item.path).literals.size > 0 ? found.bytes.toString() : undefined;
  } catch (error) {
    const aside = `${item.path}${await freeEnd(host.files, [item.path], '.bad')}`;
    task.warn(`${printer}: ${reasonOf(error)}; it is put aside as ${aside}`);
    await host.files.rename(item.path, aside);
    return undefined;
  }
}

async function place({ host, task, printer, item, account }: RestoreOne, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  await writeOwnedFile(host, item.path, bytes, { ...account, mode: 0o644 });
  try {
    const { unreadable } = readVariables(bytes, item.path);
    if (unreadable.length > 0)
      task.warn(
        `${printer}: Klipper cannot read ${unreadable.join(', ')} in ${item.path}, which it wrote itself, and stops there: write a number in its place`,
      );
  } catch (error) {
    // The server thought otherwise of it.
    task.warn(`${printer}: Klipper may stop there: ${reasonOf(error)}`);
  }
}

async function fetchText({ ask, printer, item }: RestoreOne, line: VariablesHead): Promise<string> {
  if (!ask) throw new StatectlError('state-failed', 'there is no server to ask');
  const { body } = await ask(statePath(printer, item.name, 'variables'));
  const bytes = await readBody(body, LARGEST_VARIABLES_BYTES);
  if (sha256Of(bytes) === line.sha256) return bytes.toString();
  throw new StatectlError('state-damaged', `what came of ${item.name} ${line.id} is not what the server has`, {
    hint: 'boot again: it is fetched anew',
  });
}
