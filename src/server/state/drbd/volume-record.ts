import { join } from 'node:path';
import { entryOf } from '../../../entry-of.ts';
import { StatectlError } from '../../../error.ts';
import { recordOrNone } from '../../../host/record.ts';

import type { Store } from '../../store/store.ts';
import { itemPath, itemsIn, LINE, printersIn, readPrinter, writePrinter } from '../state-folder.ts';

/** What a volume lies on: a file of the state directory behind a loop device, an LVM volume, or a device that an admin named. */
export type Backing =
  | { readonly on: 'file' }
  | { readonly on: 'lvm'; readonly group: string }
  | { readonly on: 'device'; readonly path: string };

/** What the server has allotted for an item of class `drbd`: `volume.json` in the folder of the item. It never changes by itself. */
export interface VolumeRecord {
  readonly node: string;
  /** The name of it on both sides, and of its secret (`secretOf`). */
  readonly resource: string;
  readonly port: number;
  readonly minor: number;
  /** Where this server listens for it, and where its machine is. */
  readonly addresses?: { readonly server: string; readonly machine: string };
  readonly backing?: Backing;
  /** UUID of its file system: by it what lies on a device is known as ours. */
  readonly fileSystem: string;
  /** Of the device, with DRBD's metadata; there once a person has made the volume, and with it a boot is told of it. */
  readonly made?: { readonly atMs: number; readonly bytes: number };
}

/** A volume, and whose it is. */
export interface Volume extends VolumeRecord {
  readonly printer: string;
  readonly item: string;
}

const SHAPE = {
  node: 'text',
  resource: 'text',
  port: 'number',
  minor: 'number',
  fileSystem: 'text',
} as const;

/** A boot that began with it names it so. */
export const volumeId = ({ fileSystem }: VolumeRecord): string => `volume-${fileSystem}`;

/** In the store of secrets. */
export const secretOf = ({ resource }: Pick<VolumeRecord, 'resource'>): string => `drbd.${resource}`;

const recordPath = (store: Store, printer: string, item: string): string =>
  join(itemPath(store, printer, LINE, item), 'volume.json');

/** Throws where it is torn: another would be allotted in its place, and the disks of both sides be strangers. */
export async function readVolume(store: Store, printer: string, item: string): Promise<Volume | undefined> {
  const path = recordPath(store, printer, item);
  if ((await store.host.files.stat(path)) === undefined) return undefined;
  const record = recordOrNone<VolumeRecord>(await store.host.files.readText(path), SHAPE);
  if (record) return { ...record, printer, item };
  throw volumeTorn(path);
}

/** Under the printer's lock. The record of the printer says what its item is, also before its first boot. */
export async function writeVolume(store: Store, { printer, item, ...record }: Volume): Promise<void> {
  const { files } = store.host;
  await files.mkdir(itemPath(store, printer, LINE, item), 0o700);
  await files.write(recordPath(store, printer, item), `${JSON.stringify(record)}\n`, { mode: 0o600 });
  const known = await readPrinter(store, printer);
  if (entryOf(known.items, item)?.kind === 'drbd') return;
  await writePrinter(store, printer, { ...known, items: { ...known.items, [item]: { kind: 'drbd' } } });
}

/** All that this server has; of what is torn, why. */
export async function volumesIn(
  store: Store,
): Promise<{ readonly volumes: readonly Volume[]; readonly torn: readonly unknown[] }> {
  const volumes: Volume[] = [];
  const torn: unknown[] = [];
  for (const printer of await printersIn(store))
    for (const item of await itemsIn(store, printer, LINE))
      try {
        const volume = await readVolume(store, printer, item);
        if (volume) volumes.push(volume);
      } catch (error) {
        torn.push(error);
      }
  return { volumes, torn };
}

const volumeTorn = (path: string): StatectlError =>
  new StatectlError('volume-unusable', `${path} is torn or of another version`, {
    hint: 'take port, minor and addresses from the resource below /etc/drbd.d and put it right, or restore it from a copy of the state',
  });
