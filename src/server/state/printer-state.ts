import { createHash } from 'node:crypto';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { Proof } from '../../protocol/enrolment.ts';
import {
  type LeaseAnswer,
  type ShipAnswer,
  type Shipment,
  STATE_ITEMS,
  type StateGeneration,
  type StateItem,
} from '../../protocol/state.ts';
import type { Store } from '../store/store.ts';
import { branchOf } from './branches.ts';
import type { CheckGeneration } from './check-apart.ts';
import { besides, LARGEST_GENERATION_BYTES } from './check-generation.ts';
import type { Generation } from './generation.ts';
import { formerLease, grantLease, holderOf } from './lease.ts';
import { branchReason, type Shipper } from './line-or-branch.ts';
import { DEFAULT_QUOTA_BYTES, type NodePrinter } from './node-printer.ts';
import { diskFull, namingFullDisk, type Received, receive } from './receive.ts';
import { makeRoom, overdue } from './retention.ts';
import {
  type FoundGeneration,
  generationsIn,
  type HistoryPart,
  incomingPath,
  keptOf,
  lockPrinter,
  moveApart,
  placeGeneration,
  printerUnknown,
  readPrinter,
  removeGeneration,
  writePrinter,
} from './state-folder.ts';

/** A boot of a machine that asks for a printer. */
export interface Asker extends Shipper {
  /** As its node has it now; absent: it has no such printer. */
  readonly printer?: NodePrinter;
}

export interface PrinterStateOptions {
  readonly store: Store & { readonly host: Pick<Host, 'files' | 'clock'> };
  readonly check: CheckGeneration;
  /** Gets what an admin should look at. */
  readonly alarm: (text: string) => void;
  /** How much of the disk is free. */
  readonly free: () => Promise<number>;
}

/** Beyond it the disk is for what the server cannot do without. */
const LEAST_FREE = 0.05;
/** Of those that are no good, for who wants to know why. */
const MOST_APART = 4;
const LINE: HistoryPart = { part: 'line' };
const APART: HistoryPart = { part: 'apart' };

export interface PrinterState {
  /** Throws `printer-unknown`, `state-untrusted`, `lease-lost`. */
  lease(printer: string, boot: string, asker: Asker): Promise<LeaseAnswer>;
  /** A generation of the line, to be sent. Throws `printer-unknown`, `state-untrusted`, `generation-unknown`. */
  find(printer: string, item: StateItem, id: string, asker: Asker): Promise<FoundGeneration>;
  /** Throws `printer-unknown`, `generation-mismatch`, `generation-too-large`, `generation-damaged`, `state-full`. */
  ship(
    printer: string,
    item: StateItem,
    shipment: Shipment,
    asker: Asker,
    body: AsyncIterable<Uint8Array>,
  ): Promise<ShipAnswer>;
}

/** The states of print hosts: who may go on with the line of a printer, and what is kept of it. */
export function printerState({ store, check, alarm, free }: PrinterStateOptions): PrinterState {
  const { files, clock } = store.host;
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

  /** The newest of the line whose bytes are still what they were; others are put apart, and told. */
  async function newestGood(printer: string, item: StateItem): Promise<FoundGeneration | undefined> {
    for (const one of await generationsIn(store, printer, LINE, item)) {
      if ((await digestOf(one.tar)) === one.sha256) return one;
      alarm(`${one.tar} is not what ${one.node} shipped: the disk changed it; ${printer} gets the one before`);
      await moveApart(store, printer, one);
    }
    return undefined;
  }

  async function digestOf(path: string): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of files.readStream(path)) hash.update(chunk);
    return hash.digest('hex');
  }

  async function keepApart(printer: string, received: Received, generation: NewGeneration, fault: string) {
    const { id } = await placeGeneration(store, printer, APART, received.tar, { ...generation, fault });
    const apart = await generationsIn(store, printer, APART, generation.item);
    for (const old of apart.slice(MOST_APART)) await removeGeneration(store, old);
    alarm(`what ${generation.node} shipped of ${printer} is no good, and is kept apart as ${id}: ${fault}`);
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
    const record = await readPrinter(store, printer);
    const line = await generationsIn(store, printer, LINE, item);
    const why = branchReason(record, { lease, boot, base }, { node, proof }, line[0], record.heads[item]);
    const branch = why === undefined ? undefined : await branchOf(store, printer, { node, boot });
    const where = branch === undefined ? LINE : ({ part: 'branch', branch } as const);
    const history = branch === undefined ? line : await generationsIn(store, printer, where, item);
    const answer = (id: string): ShipAnswer =>
      branch === undefined ? { on: 'line', id } : { on: 'branch', id, branch, why: why ?? '' };
    const [newest] = history;
    // Its answer was lost on the way, so it came again.
    if (newest?.sha256 === sha256 && newest.boot === boot && newest.base === base) return answer(newest.id);
    const going = await room(printer, { sizeBytes: received.sizeBytes, quotaBytes, proof });
    for (const old of going) {
      if (old.part !== 'apart') alarm(`${printer} is at its quota: ${old.tar} went to make room`);
      await removeGeneration(store, old);
    }
    const placed = await placeGeneration(store, printer, where, received.tar, { item, ...generation });
    if (branch !== undefined && history.length === 0)
      alarm(`${printer}: what ${node} ships is a branch, ${branch}: ${why}`);
    for (const old of overdue(await generationsIn(store, printer, where, item))) await removeGeneration(store, old);
    return answer(placed.id);
  }

  return {
    async lease(printer, boot, { node, proof, printer: has }) {
      mustHave(printer, node, has);
      mustBeTrusted(node, proof, has);
      await using _lock = await lockPrinter(store, printer);
      const newest = await Promise.all(
        STATE_ITEMS.map(async (item) => [item, await newestGood(printer, item)] as const),
      );
      const items = Object.fromEntries(newest.map(([item, one]) => [item, one ? told(one) : null]));
      // It may read; it takes nothing from a machine that proved itself.
      if (proof === 'network') return { lease: 0, items };
      const heads = Object.fromEntries(newest.map(([item, one]) => [item, one?.id ?? null]));
      const before = await readPrinter(store, printer);
      const record = grantLease(before, { boot, node }, heads, clock.now());
      const holder = record && holderOf(record);
      if (!holder) throw leaseLost(printer, holderOf(before)?.node ?? 'another machine');
      if (record === before) return { lease: holder.lease, items };
      await writePrinter(store, printer, record);
      const former = holderOf(before);
      if (former && former.node !== node && former.node !== '')
        alarm(`${node} took ${printer} over from ${former.node}: what that one ships now is a branch`);
      return { lease: holder.lease, items };
    },
    async find(printer, item, id, { node, proof, printer: has }) {
      mustHave(printer, node, has);
      mustBeTrusted(node, proof, has);
      const found = (await generationsIn(store, printer, LINE, item)).find((one) => one.id === id);
      if (found) return found;
      throw new StatectlError('generation-unknown', `the line of ${printer} has no ${item} ${id}`, {
        hint: 'ask for the lease again: it names the newest',
      });
    },
    async ship(printer, item, shipment, { node, proof, printer: has }, body) {
      // Who had it once may still tell what it did, wherever the printer is now.
      const isFormer =
        has !== undefined || formerLease(await readPrinter(store, printer), { boot: shipment.boot, node });
      if (!isFormer) mustHave(printer, node, has);
      const quotaBytes = has?.quotaBytes ?? DEFAULT_QUOTA_BYTES;
      if ((await free()) < LEAST_FREE) throw diskFull();
      try {
        await sweep(printer);
        const mostBytes = Math.min(quotaBytes, LARGEST_GENERATION_BYTES);
        await using received = await receive(store, printer, body, { sha256: shipment.sha256, mostBytes });
        const generation = { ...shipment, item, node, proof, sizeBytes: received.sizeBytes };
        const fault = await check(received.tar, item).finally(() => files.remove(besides(received.tar)));
        if (fault !== undefined) {
          await using _lock = await lockPrinter(store, printer);
          throw await keepApart(printer, received, generation, fault);
        }
        return await keep(printer, generation, received, quotaBytes);
      } catch (error) {
        throw namingFullDisk(error);
      }
    },
  };
}

type NewGeneration = Omit<Generation, 'id' | 'receivedAtMs'>;

const told = ({ id, sha256, sizeBytes, takenAtMs }: Generation): StateGeneration => ({
  id,
  sha256,
  sizeBytes,
  takenAtMs,
});

function mustHave(printer: string, node: string, has: NodePrinter | undefined): void {
  if (!has) throw printerUnknown(`${node} has no printer ${printer}`);
}

function mustBeTrusted(node: string, proof: Proof, has: NodePrinter | undefined): void {
  if (proof === 'network' && has?.trust !== 'network')
    throw new StatectlError('state-untrusted', `${node} is known by its network alone, and gets no state back`, {
      hint: 'approve it with `statectl node approve`, or say `trust: network` of the printer in system/state.conf',
    });
}

const leaseLost = (printer: string, node: string): StatectlError =>
  new StatectlError('lease-lost', `${node} took ${printer} over since: what this boot ships is a branch`, {
    hint: `it is nothing to do where that machine is meant to be ${printer}; else switch it off, and boot this one again`,
  });
