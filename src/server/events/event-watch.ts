import { isStatectlError } from '../../error.ts';
import type { Clock } from '../../host/host.ts';
import type { Claims } from '../../protocol/claims.ts';
import type { MoveEvent } from '../../protocol/events.ts';
import type { ServerStatus } from '../../protocol/server-status.ts';
import type { NodesStore } from '../store/nodes-store.ts';
import type { EventHub, EventReader } from './event-hub.ts';
import { isTooOld, type MoveOrder } from './move-order.ts';
import { takeOrders } from './move-orders.ts';

export interface WatchOptions {
  readonly hub: EventHub;
  readonly store: NodesStore;
  readonly clock: Clock;
  /** Of config.d; throws while there is none. */
  readonly revision?: () => Promise<string>;
  /** Digest of what a machine gets. */
  readonly contentDigest?: (machine: Claims) => Promise<string>;
  /** The nodes whose machines asked for their bundle since this was called last: what they have may be of a commit between two looks. */
  readonly takeAsked?: () => ReadonlySet<string>;
  readonly load?: () => ServerStatus;
}

const BEAT_MS = 1_000;
const LOOK_MS = 2_000;
/** Looks at a large config.d take no more of the server than a twentieth, as long as an edit is heard of in time. */
const LOOK_SHARE = 20;
const LONGEST_BETWEEN_MS = 30_000;
/** A machine that comes back within this time has missed nothing. */
const KEPT_MS = 60 * 60_000;
const BUSY_LOOKS = 3;
/** Of the machines here, how many are asked to go at once, and how long it is waited for what that changes. */
const SHED_SHARE = 0.1;
const SHED_EVERY_MS = 60_000;
const ASKED_AGAIN_MS = 10 * 60_000;

/** Tells machines what concerns them, until the signal: changes of config.d, orders to move, keys that count no more. */
export async function watchForEvents(options: WatchOptions, signal: AbortSignal): Promise<void> {
  const { hub, clock } = options;
  const orders = orderGiver(options);
  const following = followStore(options, orders, signal);
  const look = looker(options, orders);
  let nextLookMs = clock.uptimeMs() + LOOK_MS;
  // The beat must not wait for a look at thousands of machines.
  let looking: Promise<void> | undefined;
  for (;;) {
    await clock.sleep(BEAT_MS, signal).catch(() => {});
    if (signal.aborted) break;
    hub.beat();
    if (looking || clock.uptimeMs() < nextLookMs || hub.openCount === 0) continue;
    looking = look(signal)
      // A database or a git that is busy now will not be at the next look.
      .catch(() => {})
      .finally(() => {
        looking = undefined;
        nextLookMs = clock.uptimeMs() + LOOK_MS;
      });
  }
  await Promise.all([looking, following]);
}

/** What an admin decided, by a verb that is another process: nothing of it is missed, also where the store cannot be read for a while. */
async function followStore(options: WatchOptions, orders: OrderGiver, signal: AbortSignal): Promise<void> {
  const { store, clock } = options;
  const isTold = () =>
    dismissOthers(options)
      .then(orders.read)
      .then(orders.give)
      .then(
        () => true,
        () => false,
      );
  for await (const _ of store.changes(signal))
    while (!(await isTold()) && !signal.aborted) await clock.sleep(LOOK_MS, signal).catch(() => {});
}

async function dismissOthers({ hub, store }: WatchOptions): Promise<void> {
  // Before the store is asked: who comes meanwhile may have been approved meanwhile.
  const { known } = hub;
  const approved = new Set((await store.enrolments({ state: 'approved' })).map(({ digest }) => digest));
  for (const reader of known) if (!approved.has(reader.digest)) hub.dismiss(reader);
}

interface OrderGiver {
  /** Learns what was ordered. */
  readonly read: () => Promise<void>;
  /** Gives orders of the admin to the machines whose streams are open here; the others' wait. */
  readonly give: () => Promise<void>;
}

function orderGiver({ hub, store, clock }: WatchOptions): OrderGiver {
  let waiting: readonly MoveOrder[] = [];
  return {
    async read() {
      waiting = await store.moveOrders();
    },
    async give() {
      const nowMs = clock.now();
      if (!waiting.some((order) => hub.isOpen(order.node) || isTooOld(order, nowMs))) return;
      // Another order may have taken its place since then.
      const orders = await store.transaction((nodes) => takeOrders(nodes, hub.isOpen, nowMs));
      for (const { node, to, reason } of orders)
        hub.publish(node, 'move', { order: 'admin', reason, ...(to && { to: [to] }) } satisfies MoveEvent);
      waiting = await store.moveOrders();
    },
  };
}

function looker(options: WatchOptions, orders: OrderGiver): (signal: AbortSignal) => Promise<void> {
  const { hub, clock } = options;
  let revision: string | undefined;
  let nextRevisionMs = 0;
  const owed = new Set<string>();
  const shed = shedder(options);
  return async (signal) => {
    hub.forgetBefore(clock.now() - KEPT_MS);
    await orders.give();
    shed();
    const startedMs = clock.uptimeMs();
    if (startedMs < nextRevisionMs) return;
    const now = await options.revision?.().catch(() => revision);
    const rest = () => {
      const nowMs = clock.uptimeMs();
      nextRevisionMs = nowMs + Math.min(LONGEST_BETWEEN_MS, (nowMs - startedMs) * LOOK_SHARE);
    };
    rest();
    // Who asked between two commits, of which the later takes the earlier back, has something else than this look finds.
    for (const node of options.takeAsked?.() ?? []) owed.add(node);
    if (now === revision || revision === undefined) owed.clear();
    if (now === revision) return;
    const failed: unknown[] = [];
    for (const reader of hub.known) {
      if (signal.aborted) return;
      await compareContent(options, reader, now, owed.has(reader.node)).then(
        () => owed.delete(reader.node),
        (error: unknown) => failed.push(error),
      );
    }
    // Whom this look could not tell the next one does.
    if (failed.length > 0) return rest();
    revision = now;
    owed.clear();
  };
}

async function compareContent(
  { hub, contentDigest }: WatchOptions,
  reader: EventReader,
  revision: string | undefined,
  isOwed: boolean,
): Promise<void> {
  const { node } = reader;
  const before = hub.contentOf(node);
  if (before === undefined || !contentDigest) return;
  const content = await contentDigest(reader.claims).catch((error: unknown) => {
    // Its node file is faulty: it goes on with what it has.
    if (isStatectlError(error)) return before;
    throw error;
  });
  if (content === before && !isOwed) return;
  hub.setContent(reader, content);
  hub.publish(node, 'bundle', { content, ...(revision && { revision }) });
}

/** Above its mark for some time, the server asks a few of its machines to look for another, at most once in a while. */
function shedder({ hub, clock, load }: WatchOptions): () => void {
  let busyLooks = 0;
  let shedMs = Number.NEGATIVE_INFINITY;
  const askedMs = new Map<string, number>();
  return () => {
    const status = load?.();
    busyLooks = status && (!status.accepting || status.load >= 1) ? busyLooks + 1 : 0;
    const nowMs = clock.uptimeMs();
    if (busyLooks < BUSY_LOOKS || nowMs - shedMs < SHED_EVERY_MS) return;
    shedMs = nowMs;
    for (const [node, atMs] of askedMs) if (nowMs - atMs >= ASKED_AGAIN_MS) askedMs.delete(node);
    const here = hub.known.filter(({ node }) => hub.isOpen(node) && !askedMs.has(node));
    let left = Math.ceil(hub.openCount * SHED_SHARE);
    while (left > 0 && here.length > 0) {
      const [{ node } = { node: '' }] = here.splice(Math.floor(clock.random() * here.length), 1);
      askedMs.set(node, nowMs);
      hub.publish(node, 'move', {
        order: 'load',
        reason: 'this server has more to do than it should',
      } satisfies MoveEvent);
      left -= 1;
    }
  };
}
