import { entryOf } from '../../entry-of.ts';
import { reasonOf } from '../../error.ts';
import { type LocalCopy, localCopies, localCopy, rootFile } from '../../fetch/local-copy.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { SLOTS, type Slot } from '../../slots/cycle-state.ts';
import { COPYING_NAME, OWNED_NAME, slotFolder } from '../../slots/image-place.ts';
import { isOfOurs } from '../disks/identify-disk.ts';
import { findBlock, userDataDevice } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import type { FoundFacts } from '../facts/found-facts.ts';
import type { BlockFacts, RootFacts, SlotPlace } from '../facts/root-facts.ts';

type Files = Pick<Host, 'files'>;

/** What this machine has of images: in the store, and on partitions where these are its slots. */
export async function copiesHere(
  host: Files,
  facts: Facts,
  boot: Pick<TaskContext, 'warn'>,
): Promise<NonNullable<FoundFacts['root']>> {
  const stored = await localCopies(host, facts, boot);
  const { slots } = facts.config.update;
  if (slots.kind !== 'partition' || !userDataDevice(facts)) return { ...stored, slots: undefined, staged: undefined };
  const a = await slotPlace(host, facts, 'a', slots.a, boot);
  const other = await slotPlace(host, facts, 'b', slots.b, boot);
  const isSame = other.device !== undefined && other.device === a.device;
  if (isSame) boot.warn(`slots a and b are one partition, ${a.device}: nothing is written to it as slot b`);
  const b: SlotPlace = isSame ? { slot: 'b', dir: other.dir, is: 'unknown', whole: false } : other;
  const [copy, ...otherCopies] = [a, b].flatMap(({ device, copy: each }) => (device && each ? [each] : []));
  const staged: LocalCopy[] = [];
  for (const each of [...(stored.copy ? [stored.copy] : []), ...stored.otherCopies]) {
    const there = await host.files.stat(rootFile(each.dir, each.manifest));
    if (there?.type === 'file' && there.sizeBytes === each.manifest.root.sizeBytes) staged.push(each);
  }
  const staleCopies = [...(stored.copy ? [stored.copy.manifest.root.sha256] : []), ...stored.staleCopies];
  return { copy, otherCopies, staleCopies, slots: { a, b }, staged };
}

async function slotPlace(
  { files }: Files,
  facts: Facts,
  slot: Slot,
  reference: string,
  boot: Pick<TaskContext, 'warn'>,
): Promise<SlotPlace> {
  const dir = slotFolder(slot);
  const block = findBlock(facts.root.blocks ?? [], reference);
  if (!block) boot.warn(`slot ${slot}: the partition ${reference} is not there`);
  const { device, partuuid } = block ?? {};
  const isThere = (await files.stat(`${dir}/manifest.json`)) !== undefined;
  const copy = isThere
    ? await localCopy(files, dir, facts, boot).catch((error: unknown) => {
        boot.warn(`slot ${slot}: what is known of its image cannot be read: ${reasonOf(error)}`);
        return undefined;
      })
    : undefined;
  const wrote = (await files.readText(`${dir}/${OWNED_NAME}`).catch(() => '')).trim();
  const isOurs = block !== undefined && (wrote === (partuuid ?? '-') || isMade(facts, block));
  return {
    ...{ slot, dir, is: isOurs ? 'ours' : 'unknown' },
    ...(device !== undefined && { device }),
    ...(partuuid !== undefined && { partuuid }),
    ...(copy && { copy: { ...copy, ...(device !== undefined && { device }) } }),
    // Of another partition than this one, the manifest says nothing.
    whole:
      copy !== undefined &&
      wrote === partuuid &&
      (await files.stat(`${dir}/${COPYING_NAME}`).catch(() => null)) === undefined,
  };
}

/** drives.conf makes it, raw, and we made the table: nobody else has a partition there. */
const isMade = ({ config, root: { drives = {} } }: Facts, { partuuid }: BlockFacts): boolean =>
  Object.entries(config.drives).some(([name, { partitions }]) => {
    const primary = entryOf(drives, name)?.content?.primary;
    if (primary?.state !== 'good' || !isOfOurs(primary.table)) return false;
    const made = primary.table.partitions.find(({ uuid }) => uuid === partuuid);
    const wanted = made && entryOf(partitions, made.name);
    return wanted?.type === 'raw' && wanted.role === undefined;
  });

/** Slots whose partitions are there. Pure. */
export const writableSlots = ({ slots }: Pick<RootFacts, 'slots'>): readonly Slot[] | undefined =>
  slots && SLOTS.filter((slot) => slots[slot]?.device !== undefined && slots[slot].partuuid !== undefined);
