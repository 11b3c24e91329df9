import { COPIES, rootFile } from '../fetch/local-copy.ts';
import { verifyFile } from '../fetch/verify-file.ts';
import type { Host } from '../host/host.ts';
import { parseManifest } from '../signed/image-manifest.ts';
import { readKey } from '../slots/cycle-key.ts';
import { type CycleState, SLOTS, type Slot } from '../slots/cycle-state.ts';
import { readCopy, reconcile } from '../slots/journal.ts';
import { JOURNAL_FILE, KEY_FILE, ORDERS_FILE } from '../slots/look-at-cycles.ts';
import { readOrders, type SlotOrder } from '../slots/orders.ts';

const MOST_BYTES = 64 * 1024;

/** What the cycle journal says of the systems of this machine. */
export interface SlotsStatus extends Omit<CycleState, 'v' | 'machine'> {
  /** By slot: the image in it, where its manifest is there. */
  readonly images: Readonly<Partial<Record<Slot, { readonly name: string; readonly version: string }>>>;
  /** T1: sealed by a key of root alone on this disk. T0: by checksums. */
  readonly tier: 'T0' | 'T1';
  /** What is odd about the journal. */
  readonly notes: readonly string[];
  /** What persons ordered for the next boot. */
  readonly orders: readonly SlotOrder[];
}

/** undefined: this machine keeps no cycle, or who asks may not read it. */
export async function slotsStatus({ files }: Pick<Host, 'files'>): Promise<SlotsStatus | undefined> {
  const text = async (path: string) =>
    (await files.readRegular(path, MOST_BYTES).catch(() => undefined))?.bytes.toString();
  const key = readKey(await text(KEY_FILE));
  const { state, notes } = reconcile([await readCopy({ files }, JOURNAL_FILE, key)], key);
  if (!state) return undefined;
  const images: { [Each in Slot]?: { name: string; version: string } } = {};
  for (const slot of SLOTS) {
    const manifest = await text(`${COPIES}/${state[slot]?.digest}/manifest.json`);
    if (manifest === undefined) continue;
    const { name, version } = parseManifest(manifest);
    images[slot] = { name, version };
  }
  const { v: _format, machine: _whose, ...known } = state;
  return { ...known, images, tier: key ? 'T1' : 'T0', notes, orders: readOrders(await text(ORDERS_FILE)) };
}

/** Hashes the image of this digest. Throws what is wrong with it. */
export async function verifySlot({ files }: Pick<Host, 'files'>, digest: string): Promise<undefined> {
  const dir = `${COPIES}/${digest}`;
  const manifest = parseManifest(await files.readText(`${dir}/manifest.json`));
  const { sha256, sizeBytes } = manifest.root;
  await verifyFile({ files }, { path: rootFile(dir, manifest), sha256, sizeBytes });
}
