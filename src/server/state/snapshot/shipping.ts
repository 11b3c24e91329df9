import { StatectlError } from '../../../error.ts';
import type { CheckedDatabase } from '../../../host/linux/databases/check-database.ts';
import { formatSize } from '../../../image/format-size.ts';
import type { Proof } from '../../../protocol/enrolment.ts';
import type { ShipAnswer, Shipment } from '../../../protocol/state/state.ts';
import type { Asker } from '../asker.ts';
import type { StateStore } from '../kind.ts';
import type { Newest } from '../line-or-branch.ts';
import type { Place } from '../standing.ts';
import { type HistoryPart, incomingPath, LINE, lockPrinter } from '../state-folder.ts';
import type { Generation } from './generation.ts';
import { generationsIn, keptOf, placeGeneration, removeGeneration } from './generations.ts';
import { diskFull, LEAST_FREE, namingFullDisk, type Received, receive } from './receive.ts';
import { makeRoom, overdue } from './retention.ts';
import { lackingJobs } from './snapshot-kind.ts';

/** Of those that are no good, for who wants to know why. */
const MOST_APART = 4;
/** Of what the line lacks, in an answer; `printer branches` tells all. */
const MOST_TOLD = 50;
const APART: HistoryPart = { part: 'apart' };

type NewGeneration = Omit<Generation, 'id' | 'receivedAtMs'>;

/** What one class of state wants of the generations that come. */
export interface ShippingRule {
  readonly quotaBytes: number;
  readonly mostBytes: number;
  readonly check: (tar: string) => Promise<CheckedDatabase>;
  /** Where it belongs; `newest` of the line. Under the printer's lock. */
  readonly placeOf: (newest: Newest | undefined) => Promise<Place>;
}

/** A generation that a machine sends. */
export type Ship = (
  printer: string,
  item: string,
  shipment: Shipment,
  asker: Asker,
  body: AsyncIterable<Uint8Array>,
) => Promise<ShipAnswer>;

/** Takes in whole generations, tars, for each class that ships such. */
export interface Shipping {
  /** Throws `generation-mismatch`, `generation-too-large`, `generation-damaged`, `state-full`. */
  ship(...shipped: [...Parameters<Ship>, rule: ShippingRule]): Promise<ShipAnswer>;
}

export function shipping(store: StateStore): Shipping {
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
      throw new StatectlError(
        'state-full',
        `${printer} has as much as its quota of ${formatSize(quotaBytes)} lets it have`,
        {
          hint: `\`statectl printer drop ${printer} BRANCH\` makes room, or a larger quota in system/state.conf`,
        },
      );
    return going;
  }

  async function keep(
    printer: string,
    { item, ...generation }: NewGeneration,
    received: Received,
    { quotaBytes, placeOf }: ShippingRule,
  ): Promise<ShipAnswer> {
    const { proof, boot, base, sha256 } = generation;
    await using _lock = await lockPrinter(store, printer);
    const line = await generationsIn(store, printer, LINE, item);
    const place = await placeOf(line[0]);
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
    async ship(printer, item, shipment, { node, proof }, body, rule) {
      if ((await store.free()) < LEAST_FREE) throw diskFull();
      try {
        await sweep(printer);
        const { sha256 } = shipment;
        await using received = await receive(store, printer, body, { sha256, mostBytes: rule.mostBytes });
        const generation = { ...shipment, item, node, proof, sizeBytes: received.sizeBytes };
        const checked = await rule.check(received.tar);
        if ('fault' in checked) {
          await using _lock = await lockPrinter(store, printer);
          throw await keepApart(printer, received, generation, checked.fault);
        }
        return await keep(printer, { ...generation, jobs: checked.jobs }, received, rule);
      } catch (error) {
        throw namingFullDisk(error);
      }
    },
  };
}
