import { StatectlError } from '../../error.ts';
import type { ItemHead, ItemKind, LeaseAnswer } from '../../protocol/state.ts';
import { type Asker, mustBeTrusted } from './asker.ts';
import { type Configs, configs } from './git/configs.ts';
import type { StateKind, StateStore } from './kind.ts';
import { grantLease, holderOf, type ItemRecord } from './lease.ts';
import { type Mirrors, mirrors } from './mirror/mirrors.ts';
import { sourceFolders } from './mirror/source-folders.ts';
import type { NodePrinter, Quotas } from './node-printer.ts';
import type { CheckGeneration } from './snapshot/check-apart.ts';
import { shipping } from './snapshot/shipping.ts';
import { type Snapshots, shapeOf, snapshots } from './snapshot/snapshots.ts';
import { lockPrinter, readPrinter, writePrinter } from './state-folder.ts';
import { type SavedVariables, savedVariables } from './variables/variables.ts';

/** What a server has of print hosts, class by class. */
export interface PrinterState {
  /** Who goes on with the line. Throws `printer-unknown`, `state-untrusted`, `lease-lost`. */
  lease(printer: string, boot: string, asker: Asker): Promise<LeaseAnswer>;
  readonly snapshot: Snapshots;
  readonly mirror: Mirrors;
  readonly variables: SavedVariables;
  readonly git: Configs;
}

/** The states of print hosts: who may go on with the line of a printer, and what is kept of it. */
export function printerState(store: StateStore, check: CheckGeneration): PrinterState {
  const snapshot = snapshots(store, check, shipping(store));
  const mirror = mirrors(store, sourceFolders(store));
  const variables = savedVariables(store);
  const git = configs(store);
  const kinds: Readonly<Partial<Record<ItemKind, StateKind>>> = { snapshot, mirror, variables, git };
  return {
    snapshot,
    mirror,
    variables,
    git,
    async lease(printer, boot, asker) {
      const { node, proof } = asker;
      const has = mustBeTrusted(printer, asker);
      await using _lock = await lockPrinter(store, printer);
      const heads: Record<string, ItemHead | null> = {};
      for (const { name, kind } of has.items) {
        const of = kinds[kind];
        if (of) heads[name] = await of.head(printer, name);
      }
      // It may read; it takes nothing from a machine that proved itself.
      if (proof === 'network') return { lease: 0, items: heads };
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
      if (record === before) return { lease: holder.lease, items: heads };
      await writePrinter(store, printer, record);
      const former = holderOf(before);
      if (former && former.node !== node && former.node !== '')
        store.alarm(`${node} took ${printer} over from ${former.node}: what that one ships now is a branch`);
      return { lease: holder.lease, items: heads };
    },
  };
}

const quotasFrom = ({ quotaBytes, gcodeQuotaBytes }: NodePrinter): Quotas => ({ quotaBytes, gcodeQuotaBytes });

const recordsOf = ({ items }: NodePrinter): Readonly<Record<string, ItemRecord>> =>
  Object.fromEntries(
    items.map((item) => [item.name, { kind: item.kind, ...(item.kind === 'snapshot' && { shape: shapeOf(item) }) }]),
  );

const leaseLost = (printer: string, node: string): StatectlError =>
  new StatectlError('lease-lost', `${node} took ${printer} over since: what this boot ships is a branch`, {
    hint: `it is nothing to do where that machine is meant to be ${printer}; else switch it off, and boot this one again`,
  });
