import { StatectlError } from '../../../error.ts';
import type { DrbdHead } from '../../../protocol/state/drbd.ts';
import type { ReadSecret } from '../../machines/secrets.ts';
import type { Asker } from '../asker.ts';
import type { StateKind, StateStore } from '../kind.ts';
import { holderOf } from '../lease.ts';
import { mayShip } from '../may-ship.ts';
import type { Ship, Shipping } from '../snapshot/shipping.ts';
import { branchFor } from '../standing.ts';
import { readPrinter } from '../state-folder.ts';
import { noteAsked } from './asked.ts';
import { drbdKind } from './drbd-kind.ts';
import { readVolume, secretOf, type Volume, volumeId } from './volume-record.ts';

export interface Volumes extends StateKind {
  /** What a machine has in RAM whose volume it could not have. Throws `printer-unknown`, `item-unknown`, and what `Shipping` throws. */
  readonly ship: Ship;
}

/** As `src/signed/plain-tar.ts` reads it at once. */
const LARGEST_ARCHIVE_BYTES = 64 << 20;
const SECRET = /^[0-9a-f]{60}$/;

type Found = { readonly head: DrbdHead } | { readonly none: string };

/**
 * Class `drbd`: a volume that machine and server both have. The machine alone writes it; what the server does is to say where it
 * is, and to keep what a boot without it had.
 */
export function volumes(store: StateStore, readSecret: ReadSecret, { ship }: Shipping): Volumes {
  async function find(printer: string, item: string, asker: Asker): Promise<Found> {
    const { node, proof } = asker;
    const volume = await readVolume(store, printer, item).catch((error: unknown) => {
      if (error instanceof StatectlError) store.alarm(`${printer}: ${error.message}`);
      return undefined;
    });
    const make = `on the server, as root: statectl node drbd ${node} --apply`;
    if (!volume?.made || !volume.addresses) return { none: `the server has no volume for it yet; ${make}` };
    if (volume.node !== node) return { none: `its volume is for ${volume.node}, where it was made; ${make}` };
    const holder = holderOf(await readPrinter(store, printer));
    // Who has the volume writes the line.
    if (proof === 'network' && holder !== undefined)
      return { none: `${holder.node} proved who it is and has the printer; the network alone takes no volume from it` };
    const secret = await secretText(volume);
    if (secret === undefined)
      return { none: `the server has no good secret ${secretOf(volume)}; remove it, and then ${make}` };
    return { head: headOf(volume, volume.made.bytes, volume.addresses.server, secret) };
  }

  async function secretText(volume: Volume): Promise<string | undefined> {
    const bytes = await readSecret(secretOf(volume)).catch(() => undefined);
    const text = bytes && Buffer.from(bytes).toString().trim();
    return text !== undefined && SECRET.test(text) ? text : undefined;
  }

  return {
    ...drbdKind(store),
    async head(printer, item, asker) {
      if (asker.addresses) await noteAsked(store, printer, item, asker.addresses);
      const found = await find(printer, item, asker);
      return 'head' in found ? found.head : null;
    },
    async whyNone(printer, item, asker) {
      const found = await find(printer, item, asker);
      return 'none' in found ? found.none : undefined;
    },
    async ship(printer, item, shipment, asker, body) {
      const { quotaBytes } = await mayShip(store, printer, { name: item, kind: 'drbd' }, shipment, asker);
      return ship(printer, item, shipment, asker, body, {
        quotaBytes,
        mostBytes: Math.min(quotaBytes, LARGEST_ARCHIVE_BYTES),
        // It is taken apart by who exports it.
        check: async () => ({ jobs: [] }),
        placeOf: () => branchFor(store, printer, shipment, asker, WITHOUT),
      });
    },
  };
}

const WITHOUT = 'this boot ran without its volume: what it had in RAM lies beside it';

const headOf = (volume: Volume, bytes: number, address: string, secret: string): DrbdHead => ({
  id: volumeId(volume),
  resource: volume.resource,
  peer: `${address.includes(':') ? `[${address}]` : address}:${volume.port}`,
  port: volume.port,
  minor: volume.minor,
  bytes,
  secret,
});
