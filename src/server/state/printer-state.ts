import { entryOf } from '../../entry-of.ts';
import { StatectlError } from '../../error.ts';
import type { ItemHead, ItemKind, LeaseAnswer } from '../../protocol/state/state.ts';
import type { ReadSecret } from '../machines/secrets.ts';
import { type Asker, mustBeTrusted } from './asker.ts';
import { volumes } from './drbd/volumes.ts';
import { type Configs, configs } from './git/configs.ts';
import { recordsOf } from './item-records.ts';
import type { StateKind, StateStore } from './kind.ts';
import { grantLease, holderOf } from './lease.ts';
import { type Mirrors, mirrors } from './mirror/mirrors.ts';
import { sourceFolders } from './mirror/source-folders.ts';
import type { NodePrinter, Quotas } from './node-printer.ts';
import type { CheckGeneration } from './snapshot/check-apart.ts';
import { shipping } from './snapshot/shipping.ts';
import { type Snapshots, snapshots } from './snapshot/snapshots.ts';
import { lockPrinter, readPrinter, writePrinter } from './state-folder.ts';
import { type SavedVariables, savedVariables } from './variables/variables.ts';

/** What a server has of print hosts, class by class. */
export interface PrinterState {
  /** Who goes on with the line. Throws `printer-unknown`, `state-untrusted`, `lease-lost`. */
  lease(printer: string, boot: string, asker: Asker): Promise<LeaseAnswer>;
  /** Takes in a generation of an item of either class that ships such. Throws what `Snapshots` and `Volumes` throw. */
  readonly ship: Snapshots['ship'];
  readonly snapshot: Snapshots;
  readonly mirror: Mirrors;
  readonly variables: SavedVariables;
  readonly git: Configs;
}

/** The states of print hosts: who may go on with the line of a printer, and what is kept of it. */
export function printerState(store: StateStore, check: CheckGeneration, readSecret: ReadSecret): PrinterState {
  const ships = shipping(store);
  const snapshot = snapshots(store, check, ships);
  const drbd = volumes(store, readSecret, ships);
  const mirror = mirrors(store, sourceFolders(store));
  const variables = savedVariables(store);
  const git = configs(store);
  const kinds: Readonly<Partial<Record<ItemKind, StateKind>>> = { snapshot, mirror, variables, git, drbd };
  return {
    snapshot,
    mirror,
    variables,
    git,
    async ship(printer, item, shipment, asker, body) {
      const now = asker.printer?.items.find(({ name }) => name === item)?.kind;
      const kind = now ?? entryOf((await readPrinter(store, printer)).items, item)?.kind;
      return (kind === 'drbd' ? drbd : snapshot).ship(printer, item, shipment, asker, body);
    },
    async lease(printer, boot, asker) {
      const { node, proof } = asker;
      const has = mustBeTrusted(printer, asker);
      await using _lock = await lockPrinter(store, printer);
      const heads: Record<string, ItemHead | null> = {};
      const why: Record<string, string> = {};
      for (const { name, kind } of has.items) {
        const of = kinds[kind];
        if (!of) continue;
        const head = await of.head(printer, name, asker);
        heads[name] = head;
        const none = head === null ? await of.whyNone?.(printer, name, asker) : undefined;
        if (none !== undefined) why[name] = none;
      }
      const answer = (lease: number): LeaseAnswer => ({
        ...{ lease, items: heads },
        ...(Object.keys(why).length > 0 && { why }),
      });
      // It may read; it takes nothing from a machine that proved itself.
      if (proof === 'network') return answer(0);
      const ids = Object.fromEntries(Object.entries(heads).map(([item, one]) => [item, one?.id ?? null]));
      const before = await readPrinter(store, printer);
      const record = grantLease(
        before,
        { boot, node },
        { heads: ids, items: recordsOf(has), quotas: quotasFrom(has) },
        store.host.clock.now(),
      );
      const holder = record && holderOf(record);
      if (!holder) throw leaseLost(printer, holderOf(before)?.node ?? 'another machine');
      if (record === before) return answer(holder.lease);
      await writePrinter(store, printer, record);
      const former = holderOf(before);
      if (former && former.node !== node && former.node !== '')
        store.alarm(`${node} took ${printer} over from ${former.node}: what that one ships now is a branch`);
      return answer(holder.lease);
    },
  };
}

const quotasFrom = ({ quotaBytes, gcodeQuotaBytes }: NodePrinter): Quotas => ({ quotaBytes, gcodeQuotaBytes });

const leaseLost = (printer: string, node: string): StatectlError =>
  new StatectlError('lease-lost', `${node} took ${printer} over since: what this boot ships is a branch`, {
    hint: `it is nothing to do where that machine is meant to be ${printer}; else switch it off, and boot this one again`,
  });
