import { readBody } from '../../host/http/read-body.ts';
import { statePath } from '../../machine/state/ask-state.ts';
import type { AnyItem } from '../../machine/state/restore.ts';
import { readAnswer } from '../../protocol/read-answer.ts';
import { ShipAnswer, shipmentHeaders } from '../../protocol/state/state.ts';
import { sha256Of } from '../../signed/bundle/manifest.ts';
import type { KeeperContext } from './keeper.ts';

const LARGEST_ANSWER_BYTES = 64 << 10;

/** Sends a whole generation, a tar. Gives what the server made of it. Throws what it refuses, and what the network has against it. */
export async function shipGeneration(
  {
    ask,
    printer,
    item,
    standing,
    host,
  }: Pick<KeeperContext<AnyItem>, 'ask' | 'printer' | 'item' | 'standing' | 'host'>,
  tar: Buffer,
  signal: AbortSignal,
): Promise<ShipAnswer> {
  const { body } = await ask(statePath(printer, item.name, 'generations'), {
    method: 'POST',
    headers: shipmentHeaders({ ...standing, sha256: sha256Of(tar), takenAtMs: host.clock.now() }),
    body: tar,
    signal,
  });
  return readAnswer('the server', await readBody(body, LARGEST_ANSWER_BYTES), ShipAnswer);
}
