import { COPIES, rootFile } from '../fetch/local-copy.ts';
import { verifyFile } from '../fetch/verify-file.ts';
import type { Host } from '../host/host.ts';
import { type TreeMeans, verifySlotTree } from '../machine/cycle/slot-tree.ts';
import { findDevice } from '../machine/facts/block-devices.ts';
import { GNU_TAR, SLOT_MOUNTS } from '../machine/paths.ts';
import { parseManifest } from '../signed/image-manifest.ts';
import { verifyImage } from '../slots/copy/raw-image.ts';
import { readKey } from '../slots/cycle-key.ts';
import { type CycleState, SLOTS, type Slot } from '../slots/cycle-state.ts';
import { LIST_NAME, OWNED_NAME, slotFolder } from '../slots/image-place.ts';
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
    const { digest = '' } = state[slot] ?? {};
    const manifests = [
      await text(`${slotFolder(slot)}/manifest.json`),
      await text(`${COPIES}/${digest}/manifest.json`),
    ];
    const found = manifests.flatMap((each) => (each === undefined ? [] : [parseManifest(each)]));
    const manifest = found.find(({ root }) => root.sha256 === digest);
    if (manifest === undefined) continue;
    const { name, version } = manifest;
    images[slot] = { name, version };
  }
  const { v: _format, machine: _whose, ...known } = state;
  return { ...known, images, tier: key ? 'T1' : 'T0', notes, orders: readOrders(await text(ORDERS_FILE)) };
}

/** Hashes the image in this slot, or all files of its tree. Throws what is wrong with it. */
export async function verifySlot(
  host: Pick<Host, 'files' | 'exec' | 'openProgram' | 'openRaw' | 'clock'>,
  slot: Slot,
  digest: string,
): Promise<undefined> {
  const { files } = host;
  const partition = (await files.readText(`${slotFolder(slot)}/${OWNED_NAME}`).catch(() => '')).trim();
  const placed = await files.readText(`${slotFolder(slot)}/manifest.json`).then(parseManifest, () => undefined);
  if (partition !== '' && placed?.root.sha256 === digest) {
    const { sizeBytes } = placed.root;
    const block = await findDevice(host, { kind: 'tag', tag: 'partuuid', value: partition });
    if (!block) throw new Error(`the partition ${partition} is not there`);
    const { signal } = new AbortController();
    const { fileList } = placed;
    if (fileList && (await files.stat(`${slotFolder(slot)}/${LIST_NAME}`))) {
      const tree = { device: block.device, dir: slotFolder(slot), list: fileList };
      await verifySlotTree(host, tree, await treeMeans(host), { signal, say: () => undefined });
      return;
    }
    await verifyImage(host.openRaw, { path: block.device, sha256: digest, sizeBytes }, 'cached', { signal });
    return;
  }
  const dir = `${COPIES}/${digest}`;
  const manifest = parseManifest(await files.readText(`${dir}/manifest.json`));
  const { sha256, sizeBytes } = manifest.root;
  await verifyFile({ files }, { path: rootFile(dir, manifest), sha256, sizeBytes });
}

/** Most systems have a tar of GNU; in the rescue shell it is that of the tool set. */
async function treeMeans({ exec }: Pick<Host, 'exec'>): Promise<TreeMeans> {
  const said = await exec.run(['tar', '--version']).catch(() => undefined);
  return { tar: said?.stdout.includes('GNU tar') ? 'tar' : GNU_TAR, mounts: SLOT_MOUNTS };
}
