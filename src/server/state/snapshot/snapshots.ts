import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { entryOf } from '../../../entry-of.ts';
import { StatectlError } from '../../../error.ts';
import type { Proof } from '../../../protocol/enrolment.ts';
import type { ItemHead, ShipAnswer, Shipment } from '../../../protocol/state.ts';
import { type Asker, mustBeTrusted, mustHave } from '../asker.ts';
import type { StateKind, StateStore } from '../kind.ts';
import { formerLease, quotasOf } from '../lease.ts';
import type { NodePrinter } from '../node-printer.ts';
import { standingOf } from '../standing.ts';
import { type HistoryPart, incomingPath, itemUnknown, LINE, lockPrinter, readPrinter } from '../state-folder.ts';
import type { CheckGeneration } from './check-apart.ts';
import { besides, LARGEST_GENERATION_BYTES, type SnapshotShape } from './check-generation.ts';
import type { Generation } from './generation.ts';
import {
  damagedIn,
  type FoundGeneration,
  generationsIn,
  keptOf,
  moveApart,
  placeGeneration,
  removeGeneration,
} from './generations.ts';
import { diskFull, LEAST_FREE, namingFullDisk, type Received, receive } from './receive.ts';
import { makeRoom, overdue } from './retention.ts';
import { lackingJobs, snapshotKind } from './snapshot-kind.ts';

/** Of those that are no good, for who wants to know why. */
const MOST_APART = 4;
/** Of what the line lacks, in an answer; `printer branches` tells all. */
const MOST_TOLD = 50;
const APART: HistoryPart = { part: 'apart' };

type SnapshotItem = Extract<NodePrinter['items'][number], { readonly kind: 'snapshot' }>;
type NewGeneration = Omit<Generation, 'id' | 'receivedAtMs'>;

export const shapeOf = ({ files, tables, with: beside }: SnapshotItem): SnapshotShape => ({
  files,
  tables,
  with: beside.map((path) => basename(path)),
});

export interface Snapshots extends StateKind {
  /** A generation of the line, to be sent. Throws `printer-unknown`, `state-untrusted`, `generation-unknown`. */
  find(printer: string, item: string, id: string, asker: Asker): Promise<FoundGeneration>;
  /** Throws `printer-unknown`, `item-unknown`, `generation-mismatch`, `generation-too-large`, `generation-damaged`, `state-full`. */
  ship(
    printer: string,
    item: string,
    shipment: Shipment,
    asker: Asker,
    body: AsyncIterable<Uint8Array>,
  ): Promise<ShipAnswer>;
}

/** Class `snapshot`: whole generations, tars of plain files, each of which is checked before it counts. */
export function snapshots(store: StateStore, check: CheckGeneration): Snapshots {
  const { files } = store.host;
  const swept = new Map<string, Promise<void>>();

  /** What was on its way when this server ended. */
  const sweep = (printer: string): Promise<void> => {
    const known =
      swept.get(printer) ??
      sweepNow(printer).catch((error: unknown) => {
        // It is tried again.
        swept.delete(printer);
        throw error;
      });
    swept.set(printer, known);
    return known;
  };
  async function sweepNow(printer: string): Promise<void> {
    await using _lock = await lockPrinter(store, printer);
    await files.remove(incomingPath(store, printer));
  }

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

  async function keepApart(printer: string, received: Received, generation: NewGeneration, fault: string) {
    const { id } = await placeGeneration(store, printer, APART, received.tar, { ...generation, fault });
    const apart = await generationsIn(store, printer, APART, generation.item);
    for (const old of apart.slice(MOST_APART)) await removeGeneration(store, old);
    store.alarm(`what ${generation.node} shipped of ${printer} is no good, and is kept apart as ${id}: ${fault}`);
    return new StatectlError('generation-damaged', `${generation.item} of ${printer} is no good: ${fault}`, {
      hint: `it is kept apart as ${id}; what was there before is given back`,
    });
  }

  /** Throws `state-full`. */
  async function room(printer: string, wanted: { sizeBytes: number; quotaBytes: number; proof: Proof }) {
    const { sizeBytes: wantedBytes, quotaBytes, proof } = wanted;
    const going = makeRoom(await keptOf(store, printer), { wantedBytes, quotaBytes, proof });
    if (!going)
      throw new StatectlError('state-full', `${printer} has as much as its quota of ${quotaBytes} bytes lets it have`, {
        hint: `\`statectl printer drop ${printer} BRANCH\` makes room, or a larger quota in system/state.conf`,
      });
    return going;
  }

  async function keep(
    printer: string,
    { item, ...generation }: NewGeneration,
    received: Received,
    quotaBytes: number,
  ): Promise<ShipAnswer> {
    const { node, proof, boot, lease, base, sha256 } = generation;
    await using _lock = await lockPrinter(store, printer);
    const line = await generationsIn(store, printer, LINE, item);
    const place = await standingOf(store, printer, item, { lease, boot, base }, { node, proof }, { newest: line[0] });
    const history = place.on === 'line' ? line : await generationsIn(store, printer, place.where, item);
    const answer = (id: string): ShipAnswer =>
      place.on === 'line'
        ? { on: 'line', id }
        : {
            on: 'branch',
            id,
            branch: place.branch,
            why: place.why,
            lacking: lackingJobs(generation, line[0]).slice(0, MOST_TOLD),
          };
    const [newest] = history;
    // Its answer was lost on the way, so it came again.
    if (newest?.sha256 === sha256 && newest.boot === boot && newest.base === base) return answer(newest.id);
    const going = await room(printer, { sizeBytes: received.sizeBytes, quotaBytes, proof });
    for (const old of going) {
      if (old.part !== 'apart') store.alarm(`${printer} is at its quota: ${old.tar} went to make room`);
      await removeGeneration(store, old);
    }
    const placed = await placeGeneration(store, printer, place.where, received.tar, { item, ...generation });
    for (const old of overdue(await generationsIn(store, printer, place.where, item)))
      await removeGeneration(store, old);
    return answer(placed.id);
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
      const { node, proof, printer: has } = asker;
      // Who had it once may still tell what it did, wherever the printer is now.
      const record = await readPrinter(store, printer);
      const isFormer = has ?? formerLease(record, { boot: shipment.boot, node });
      if (!isFormer) mustHave(printer, asker);
      const shape = await shapeNow(printer, item, asker);
      const { quotaBytes } = quotasOf(record, has);
      if ((await store.free()) < LEAST_FREE) throw diskFull();
      try {
        await sweep(printer);
        const mostBytes = Math.min(quotaBytes, LARGEST_GENERATION_BYTES);
        await using received = await receive(store, printer, body, { sha256: shipment.sha256, mostBytes });
        const generation = { ...shipment, item, node, proof, sizeBytes: received.sizeBytes };
        const checked = await check(received.tar, shape).finally(() => files.remove(besides(received.tar)));
        if ('fault' in checked) {
          await using _lock = await lockPrinter(store, printer);
          throw await keepApart(printer, received, generation, checked.fault);
        }
        return await keep(printer, { ...generation, jobs: checked.jobs }, received, quotaBytes);
      } catch (error) {
        throw namingFullDisk(error);
      }
    },
  };
}
