import { createHash } from 'node:crypto';
import { entryOf } from '../../../entry-of.ts';
import { StatectlError } from '../../../error.ts';
import type { ItemHead } from '../../../protocol/state/state.ts';
import { type Asker, mustBeTrusted, mustHave } from '../asker.ts';
import type { StateKind, StateStore } from '../kind.ts';
import { formerLease, quotasOf } from '../lease.ts';
import { standingOf } from '../standing.ts';
import { itemUnknown, LINE, readPrinter } from '../state-folder.ts';
import type { CheckGeneration } from './check-apart.ts';
import { besides, LARGEST_GENERATION_BYTES, type SnapshotShape } from './check-generation.ts';
import { damagedIn, type FoundGeneration, generationsIn, moveApart } from './generations.ts';
import { shapeOf } from './shape.ts';
import type { Ship, Shipping } from './shipping.ts';
import { snapshotKind } from './snapshot-kind.ts';

export interface Snapshots extends StateKind {
  /** A generation of the line, to be sent. Throws `printer-unknown`, `state-untrusted`, `generation-unknown`. */
  find(printer: string, item: string, id: string, asker: Asker): Promise<FoundGeneration>;
  /** Throws `printer-unknown`, `item-unknown`, and what `Shipping` throws. */
  readonly ship: Ship;
}

/** Class `snapshot`: whole generations, tars of plain files, each of which is checked before it counts. */
export function snapshots(store: StateStore, check: CheckGeneration, { ship }: Shipping): Snapshots {
  const { files } = store.host;

  async function digestOf(path: string): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of files.readStream(path)) hash.update(chunk);
    return hash.digest('hex');
  }

  /** As config.d has it, or had it when the lease was given. Throws `item-unknown`. */
  async function shapeNow(printer: string, item: string, { printer: has }: Asker): Promise<SnapshotShape> {
    const now = has?.items.find(({ name }) => name === item);
    if (now?.kind === 'snapshot') return shapeOf(now);
    const then = now ? undefined : entryOf((await readPrinter(store, printer)).items, item)?.shape;
    if (then) return then;
    throw itemUnknown();
  }

  return {
    ...snapshotKind(store),
    /** The newest of the line whose bytes are still what they were; others are put apart, and told. */
    async head(printer, item): Promise<ItemHead | null> {
      for (const one of await damagedIn(store, printer, LINE, item)) {
        store.alarm(`${one.json} or its tar is not whole: the disk changed it; ${printer} gets another`);
        await moveApart(store, printer, one);
      }
      for (const one of await generationsIn(store, printer, LINE, item)) {
        const { id, sha256, sizeBytes, takenAtMs } = one;
        if ((await digestOf(one.tar)) === sha256) return { id, sha256, sizeBytes, takenAtMs };
        store.alarm(`${one.tar} is not what ${one.node} shipped: the disk changed it; ${printer} gets the one before`);
        await moveApart(store, printer, one);
      }
      return null;
    },
    async find(printer, item, id, asker) {
      mustBeTrusted(printer, asker);
      const found = (await generationsIn(store, printer, LINE, item)).find((one) => one.id === id);
      if (found) return found;
      throw new StatectlError('generation-unknown', `the line of ${printer} has no ${item} ${id}`, {
        hint: 'ask for the lease again: it names the newest',
      });
    },
    async ship(printer, item, shipment, asker, body) {
      const { node, printer: has } = asker;
      // Who had it once may still tell what it did, wherever the printer is now.
      const record = await readPrinter(store, printer);
      const isFormer = has ?? formerLease(record, { boot: shipment.boot, node });
      if (!isFormer) mustHave(printer, asker);
      const shape = await shapeNow(printer, item, asker);
      const { quotaBytes } = quotasOf(record, has);
      return ship(printer, item, shipment, asker, body, {
        quotaBytes,
        mostBytes: Math.min(quotaBytes, LARGEST_GENERATION_BYTES),
        check: (tar) => check(tar, shape).finally(() => files.remove(besides(tar))),
        placeOf: (newest) => standingOf(store, printer, item, shipment, asker, { newest }),
      });
    },
  };
}
