import { basename } from 'node:path/posix';
import { isStatectlError, reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { shellLine, shellQuote } from '../../host/shell-line.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { mappedAs, type OpenEncrypted, openEncrypted, switchSwapOn } from '../disks/acts/activate.ts';
import { growFilesystem, type MakeFilesystem, makeFilesystem } from '../disks/acts/filesystem.ts';
import type { OnPartition } from '../disks/acts/guard.ts';
import { type RestoreTable, restoreTable, type WriteTable, writeTable } from '../disks/acts/table.ts';
import { type WipeDisk, wipeDisk } from '../disks/acts/wipe.ts';
import { type Arrange, arrange, NOT_ARRANGED } from '../disks/btrfs/arrange.ts';
import type { DiskReference } from '../disks/disk-facts.ts';
import { mkfsArgv } from '../disks/mkfs.ts';
import { readDisks } from '../disks/read-disk.ts';
import { fits, type Match } from '../disks/select-disk.ts';
import { retypeArgv, sfdiskArgv, sfdiskScript } from '../disks/sfdisk.ts';
import { coldplug } from './coldplug.ts';
import { kind } from './kind.ts';

const LOOK_MS = 200;

const pathOf = ({ id }: DiskReference, number?: number): string =>
  `/dev/disk/by-id/${id}${number === undefined ? '' : `-part${number}`}`;

/** An initramfs that was built before drives.conf or btrfs.conf named anything has no programs for it. */
const whyNot = (error: unknown): string =>
  isStatectlError(error) && error.code === 'program-missing'
    ? `${error.message}; an initramfs that is built with what names drives or subvolumes has the tool set disks`
    : reasonOf(error);

/** A machine boots without a disk that fails: what each step needs, it looks for itself. */
const tolerated =
  <Body>(act: (host: Host, step: Body) => Promise<void>) =>
  async (step: Body, host: Host, task: TaskContext): Promise<void> => {
    try {
      await act(host, step);
    } catch (error) {
      task.signal.throwIfAborted();
      task.warn(`DEGRADED: ${whyNot(error)}`);
    }
  };

/** Disks that drives.conf names: their tables and file systems. */
export const disks = {
  'wait-for-drive': kind<{ readonly drive: string; readonly match: Match; readonly seconds: number }>({
    describe: ({ drive, seconds }) => `wait for a disk that fits the drive ${drive} (up to ${seconds} s)`,
    async apply({ drive, match, seconds }, host, task) {
      const deadline = host.clock.uptimeMs() + seconds * 1000;
      while (!(await readDisks(host)).some((disk) => fits(match, disk))) {
        const leftMs = deadline - host.clock.uptimeMs();
        // The next look tells that there is none.
        if (leftMs <= 0) return;
        if (leftMs === seconds * 1000) task.say(`waiting for a disk that fits the drive ${drive}, up to ${seconds} s`);
        await host.clock.sleep(Math.min(leftMs, LOOK_MS), task.signal);
        await coldplug(host, task);
      }
    },
  }),

  'write-table': kind<WriteTable>({
    describe: ({ disk: { drive, id }, table: { partitions }, over }) =>
      `drive ${drive}: partition ${id}${over === 'nothing' ? '' : ' over what is there'}: ${partitions.map(({ name }) => name).join(', ')}`,
    command: ({ disk, table, over }) =>
      `printf %s ${shellQuote(sfdiskScript(table, disk.sectorBytes))} | ${shellLine(sfdiskArgv(pathOf(disk), over))} && ${shellLine(['partx', '--update', pathOf(disk)])}`,
    apply: tolerated(writeTable),
  }),

  // No program of others writes one copy alone.
  'restore-table': kind<RestoreTable>({
    describe: ({ disk: { drive, id }, good }) =>
      `drive ${drive}: put back the ${good === 'primary' ? 'backup' : 'primary'} table of ${id} from its ${good} one`,
    apply: tolerated(restoreTable),
  }),

  'wipe-disk': kind<WipeDisk>({
    describe: ({ disk: { drive, id } }) => `drive ${drive}: make ${id} empty`,
    apply: tolerated(wipeDisk),
  }),

  'arrange-subvolumes': kind<Arrange>({
    describe: ({ filesystem, subvolumes }) =>
      `subvolumes of ${filesystem}: ${subvolumes.map(({ name }) => name).join(', ')}`,
    async apply(step, host, task) {
      const failed = `${NOT_ARRANGED}/${basename(step.device)}`;
      await host.files.remove(failed);
      try {
        await arrange(host, step);
      } catch (error) {
        task.signal.throwIfAborted();
        task.warn(`DEGRADED: subvolumes of ${step.filesystem}: ${whyNot(error)}`);
        await host.files.mkdir(NOT_ARRANGED);
        await host.files.write(failed, '');
      }
    },
  }),

  'make-filesystem': kind<MakeFilesystem>({
    describe: ({ disk: { drive, id }, partition: { number, name }, type }) =>
      `drive ${drive}: ${type} ${name} on partition ${number} of ${id}`,
    command: ({ disk, partition: { number, name }, type, becomes }) =>
      `${shellLine(mkfsArgv(type, name, pathOf(disk, number)))} && ${shellLine(retypeArgv(pathOf(disk), number, becomes))}`,
    apply: tolerated(makeFilesystem),
  }),

  // Its key is told to nobody: no line of a shell can do it.
  'open-encrypted': kind<OpenEncrypted>({
    describe: ({ disk: { drive, id }, partition: { number, name }, type }) =>
      `drive ${drive}: ${type} ${mappedAs(name)}, encrypted on partition ${number} of ${id} by a key of this boot`,
    apply: tolerated(openEncrypted),
  }),

  'switch-swap-on': kind<OnPartition>({
    describe: ({ disk: { drive, id }, partition: { number, name } }) =>
      `drive ${drive}: use the swap ${name} on partition ${number} of ${id}`,
    command: ({ disk, partition: { number } }) => shellLine(['swapon', pathOf(disk, number)]),
    apply: tolerated(switchSwapOn),
  }),

  'grow-filesystem': kind<Parameters<typeof growFilesystem>[1]>({
    describe: ({ disk: { drive, id }, partition: { name }, type }) =>
      `drive ${drive}: ${type} ${name} on ${id} as large as its partition`,
    command: ({ disk, partition: { number }, type }) => {
      const path = shellQuote(pathOf(disk, number));
      const [check, grow] =
        type === 'btrfs' ? ['', 'btrfs filesystem resize max /mnt'] : [`fsck.ext4 -p ${path}; `, `resize2fs ${path}`];
      return `${check}mount -t ${type} ${path} /mnt && ${grow}; umount /mnt`;
    },
    apply: tolerated(growFilesystem),
  }),
};
