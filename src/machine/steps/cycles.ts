import { reasonOf } from '../../error.ts';
import { type BeginCycle, beginCycle } from '../../slots/begin-cycle.ts';
import { type FillSlot, fillSlot } from '../cycle/fill-slot.ts';
import { type FillTree, fillTree } from '../cycle/fill-tree.ts';
import { type SlotTree, verifySlotTree } from '../cycle/slot-tree.ts';
import { GNU_TAR, SLOT_MOUNTS } from '../paths.ts';
import { kind, onPath } from './kind.ts';

const IN_INITRAMFS = { tar: GNU_TAR, mounts: SLOT_MOUNTS };

/** Of the cycles of a machine's systems. */
export const cycles = {
  'fill-slot': kind<FillSlot>({
    located: ({ to, ...step }, at) => ({
      ...step,
      from: at(step.from),
      manifestIn: at(step.manifestIn),
      to: { ...to, dir: at(to.dir) },
    }),
    describe: ({ slot, from, to }) => `copy ${from} to slot ${slot} (${to.device})`,
    apply: fillSlot,
  }),
  'fill-tree': kind<FillTree>({
    located: ({ source, to, ...step }, at) => ({
      ...step,
      source: 'image' in source ? { ...source, image: at(source.image) } : source,
      manifestIn: at(step.manifestIn),
      to: { ...to, dir: at(to.dir) },
    }),
    describe: ({ slot, source, to }) =>
      'image' in source
        ? `unpack ${source.image} in slot ${slot} (${to.device})`
        : `make slot ${slot} (${to.device}) as ${source.tree} is`,
    apply: (step, host, task) => fillTree(step, IN_INITRAMFS, host, task),
  }),
  'verify-tree': kind<SlotTree>({
    located: (step, at) => ({ ...step, dir: at(step.dir) }),
    describe: ({ device }) => `verify the files on ${device}`,
    apply: (step, host, task) => verifySlotTree(host, step, IN_INITRAMFS, task),
  }),
  'note-clean-end': kind<{ readonly from: string; readonly to: string }>({
    located: ({ from, to, ...step }, at) => ({ ...step, from: at(from), to: at(to) }),
    describe: () => 'note that the system before left the disk of /user-data clean',
    async apply({ from, to }, { files }, task) {
      await files
        .rename(from, to)
        .catch((error) => task.warn(`that the system before stopped in order cannot be noted: ${reasonOf(error)}`));
    },
  }),
  'note-end': kind<{ readonly path: string; readonly content: string }>({
    located: onPath,
    describe: () => 'note how the system before ended',
    async apply({ path, content }, { files }, task) {
      await files
        .write(path, content, { mode: 0o600 })
        .catch((error) => task.warn(`how the system before ended cannot be noted: ${reasonOf(error)}`));
    },
  }),
  'begin-cycle': kind<BeginCycle>({
    located: (step, at) => ({
      ...step,
      journals: step.journals.map(at),
      keyFile: at(step.keyFile),
      flags: step.flags.map((flag) => ({ ...flag, path: at(flag.path) })),
      spent: step.spent.map(at),
      cycleFile: at(step.cycleFile),
      ...(step.pointer && { pointer: { ...step.pointer, path: at(step.pointer.path) } }),
    }),
    describe: ({ state: { attempt }, announces, sends }) =>
      announces !== undefined
        ? `note in the cycle journal that slot ${announces} is about to be written`
        : sends !== undefined
          ? `note in the cycle journal that the kernel of slot ${sends} goes on`
          : `note in the cycle journal that slot ${attempt?.slot ?? 'a'} is tried`,
    async apply(step, host, task) {
      // A machine whose disk takes nothing boots all the same.
      await beginCycle(host, step).catch((error) => {
        // Nothing is done to a slot of which the journal does not know, and no kernel left that nobody counts.
        if (step.cycle === undefined) throw error;
        task.warn(
          `NO CYCLE IS COUNTED in this boot, and none judged: the cycle journal cannot be written: ${reasonOf(error)}`,
        );
      });
    },
  }),
};
