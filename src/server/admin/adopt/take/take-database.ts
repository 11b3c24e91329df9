import { StatectlError } from '../../../../error.ts';
import { sha256Of } from '../../../../signed/bundle/manifest.ts';
import { writeTar } from '../../../../signed/plain-tar.ts';
import { mustBeLine, type TakenPrinter, type Taking } from './taking.ts';

/** A copy of its database, as a generation. */
export async function takeDatabase(taking: Taking): Promise<TakenPrinter['database']> {
  const { found, context, item, standing, head, miss } = taking;
  const { name: printer, database } = found;
  const { state, asker, nowMs, onBytes } = context;
  const copy = await database();
  if (!copy) return null;
  const { file, uuid, how } = copy;
  const tar = writeTar(new Map([['moonraker-sql.db', file], ...(uuid ? [['.moonraker.uuid', uuid] as const] : [])]));
  const sha256 = sha256Of(tar);
  onBytes(tar.length);
  const isNew = (head as { readonly sha256?: unknown } | null | undefined)?.sha256 !== sha256;
  async function* body(): AsyncIterable<Uint8Array> {
    yield tar;
  }
  const shipment = { ...standing, sha256, takenAtMs: nowMs };
  try {
    if (isNew) mustBeLine(printer, await state.snapshot.ship(printer, item, shipment, asker, body()));
  } catch (error) {
    // All else of the printer is good; what is damaged is kept apart.
    if (!(error instanceof StatectlError) || error.code !== 'generation-damaged') throw error;
    miss('moonraker-sql.db', `${error.message}; ${error.hint}`);
    return null;
  }
  return { isNew, bytes: file.length, how };
}
