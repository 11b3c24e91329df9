import { entryOf } from '../../entry-of.ts';
import { reasonOf } from '../../error.ts';
import { isOfDisk, type LocalCopy, localCopies, localCopy, rootFile } from '../../fetch/local-copy.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { SLOTS, type Slot } from '../../slots/cycle-state.ts';
import { COPYING_NAME, LIST_NAME, OWNED_NAME, slotFolder } from '../../slots/image-place.ts';
import { isOfOurs } from '../disks/identify-disk.ts';
import { findBlock, userDataDevice } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import type { FoundFacts } from '../facts/found-facts.ts';
import type { BlockFacts, RootFacts, SlotPlace } from '../facts/root-facts.ts';
import { GNU_TAR } from '../paths.ts';

type Files = Pick<Host, 'files'>;

/** The partitions that are the slots of this machine, and what is to be on them; undefined: it has none. Pure. */
export function slotPartitions({
  update: { slots },
}: Pick<Facts['config'], 'update'>): (Readonly<Record<Slot, string>> & Pick<SlotPlace, 'form'>) | undefined {
  if (slots.kind === 'file' || (slots.kind === 'tree' && slots.subvolumes)) return undefined;
  return { a: slots.a, b: slots.b, form: slots.kind === 'tree' ? 'tree' : 'image' };
}

/** What this machine has of images: in the store, and on partitions where these are its slots. */
export async function copiesHere(
  host: Files,
  facts: Facts,
  boot: Pick<TaskContext, 'warn'>,
): Promise<NonNullable<FoundFacts['root']>> {
  const stored = await localCopies(host, facts, boot);
  const partitions = slotPartitions(facts.config);
  const none = { ...stored, slots: undefined, staged: undefined };
  if (!partitions || !userDataDevice(facts)) return none;
  const { form } = partitions;
  if (form === 'tree' && !(await host.files.stat(GNU_TAR))) {
    boot.warn(
      'DEGRADED: slots are trees (update.chk.conf), and this initramfs lacks the tool set tree: build it anew with this config.d',
    );
    return none;
  }
  const a = await slotPlace(host, facts, { slot: 'a', form }, partitions.a, boot);
  const other = await slotPlace(host, facts, { slot: 'b', form }, partitions.b, boot);
  const isSame = other.device !== undefined && other.device === a.device;
  if (isSame) boot.warn(`slots a and b are one partition, ${a.device}: nothing is written to it as slot b`);
  const b: SlotPlace = isSame ? { slot: 'b', dir: other.dir, form, is: 'unknown', whole: false } : other;
  const [copy = stored.copy, ...otherCopies] = [a, b].flatMap(({ device, copy: each }) =>
    device && each ? [each] : [],
  );
  const staged: LocalCopy[] = [];
  for (const each of [...(stored.copy ? [stored.copy] : []), ...stored.otherCopies]) {
    const there = await host.files.stat(rootFile(each.dir, each.manifest));
    const isWhole = there?.type === 'file' && there.sizeBytes === each.manifest.root.sizeBytes;
    // Nobody can judge a tree without the list of its files.
    const isListed = form === 'image' || (await host.files.stat(`${each.dir}/${LIST_NAME}`)) !== undefined;
    if (isWhole && isListed) staged.push(each);
  }
  const staleCopies = [...(stored.copy ? [stored.copy.manifest.root.sha256] : []), ...stored.staleCopies];
  // Nor is what the journal knows of it forgotten.
  const isUnread = a.unread || b.unread;
  const unreadable = isUnread && { unreadableCopies: 'all' as const };
  return { copy, otherCopies, staleCopies, slots: { a, b }, staged, ...unreadable };
}

async function slotPlace(
  { files }: Files,
  facts: Facts,
  { slot, form }: Pick<SlotPlace, 'slot' | 'form'>,
  reference: string,
  boot: Pick<TaskContext, 'warn'>,
): Promise<SlotPlace> {
  const dir = slotFolder(slot);
  const block = findBlock(facts.root.blocks ?? [], reference);
  if (!block) boot.warn(`slot ${slot}: the partition ${reference} is not there`);
  const { device, partuuid } = block ?? {};
  let copy: LocalCopy | undefined;
  try {
    if (await files.stat(`${dir}/manifest.json`)) copy = await localCopy(files, dir, facts, boot);
  } catch (error) {
    const isUnread = isOfDisk(error);
    boot.warn(
      `slot ${slot}: what is known of its image cannot be read${isUnread ? ', and nothing is written over it' : ''}: ${reasonOf(error)}`,
    );
    // Without its number nobody writes to it.
    if (isUnread) return { slot, dir, form, is: 'unknown', whole: false, unread: true };
  }
  const wrote = (await files.readText(`${dir}/${OWNED_NAME}`).catch(() => '')).trim();
  const isUnpacked = copy?.manifest.fileList !== undefined && (await files.stat(`${dir}/${LIST_NAME}`)) !== undefined;
  const isOurs = block !== undefined && (wrote === (partuuid ?? '-') || isMade(facts, block));
  return {
    ...{ slot, dir, form, is: isOurs ? 'ours' : 'unknown' },
    ...(device !== undefined && { device }),
    ...(partuuid !== undefined && { partuuid }),
    ...(copy && {
      copy: { ...copy, ...(device !== undefined && { device }), ...(isUnpacked && { unpacked: true as const }) },
    }),
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
