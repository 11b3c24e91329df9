import { createHash } from 'node:crypto';
import { StatectlError } from '../../error.ts';
import { verifyFile } from '../../fetch/verify-file.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { LOADER_FOLDER } from '../../signed/loader-layout.ts';
import type { Slot, Way } from '../../slots/cycle-state.ts';
import { guardPartition } from '../disks/acts/guard.ts';
import { mustRun } from '../steps/must-run.ts';
import type { BootDisk } from './boot-disk.ts';
import { initramfsFile, kernelFile } from './entries.ts';
import { slotWord } from './local-words.ts';
import { bootFiles, withPartition } from './partition.ts';
import { entryOfKernel, type KernelEntry, planOnce } from './plan-once.ts';
import { applyPlan } from './write-loader.ts';

/** The kernel of a slot, which is not the one that runs. */
export interface OtherKernel {
  readonly slot: Slot;
  readonly way: Way;
  /** `uname -r` of it. */
  readonly release: string;
  /** As the signed manifest of the slot's image says. */
  readonly kernel: { readonly sha256: string; readonly sizeBytes: number };
  /** Disks that may have it. */
  readonly disks: readonly BootDisk[];
  /** Its command line, without the entry. */
  readonly words: readonly string[];
}

/**
 * Looks for the kernel and its initramfs on the disks, and verifies both where they are: the kernel by the signed manifest, the initramfs
 * by its name, which is of the content that was verified when it was written. By `kexec` both are loaded then; nothing runs yet. Throws
 * `kernel-absent`, and `kexec-failed` where this kernel takes no other.
 */
export const loadKernel = (host: Host, kernel: OtherKernel): Promise<void> =>
  onItsDisk(host, kernel, async (_disk, entry, at) => {
    const { release, way, words } = kernel;
    const path = (name: string) => `${at}${LOADER_FOLDER}/${name}`;
    await verifyFile(host, { ...kernel.kernel, path: path(entry.kernel) });
    const hash = createHash('sha256');
    for await (const chunk of host.files.readStream(path(entry.initramfs))) hash.update(chunk);
    if (initramfsFile(hash.digest('hex')) !== entry.initramfs)
      throw absent(kernel, `${entry.initramfs} on the disk is damaged`);
    if (way === 'loader') return;
    const line = [...words, slotWord(entry.slot)].join(' ');
    await mustRun(
      host,
      ['kexec', '-a', '-l', path(entry.kernel), `--initrd=${path(entry.initramfs)}`, `--command-line=${line}`],
      'kexec-failed',
      `the kernel ${release} is booted by the boot loader of this machine's disk instead, where it has one`,
    );
  });

/** Makes the boot loader boot that entry next, for one try. Throws `kernel-absent`, `loader-failed`, `disk-changed`. */
export const bootNext = async (host: Host, kernel: OtherKernel, task: TaskContext): Promise<void> => {
  const { disk, entry, files } = await onItsDisk(host, kernel, async (disk, entry, _at, files) => ({
    disk,
    entry,
    files,
  }));
  const loaders = { grub: disk.bios !== undefined, systemdBoot: disk.esp !== undefined };
  await applyPlan(host, disk, planOnce(files, loaders, entry), task);
};

async function onItsDisk<T>(
  host: Host,
  kernel: OtherKernel,
  act: (disk: BootDisk, entry: KernelEntry, at: string, files: Awaited<ReturnType<typeof bootFiles>>) => Promise<T>,
): Promise<T> {
  for (const disk of kernel.disks) {
    const { partition } = await guardPartition(
      host,
      { disk: disk.disk, table: disk.table, partition: disk.place.partition },
      'partition',
    );
    const found = await withPartition(host, { device: partition, type: disk.place.type }, 'ro', async (at) => {
      const files = await bootFiles(host, at);
      const entry = entryOfKernel(files, kernelFile(kernel.kernel.sha256));
      return entry && { done: await act(disk, entry, at, files) };
    });
    if (found) return found.done;
  }
  throw absent(kernel, 'no entry on the disks of this machine boots it');
}

const absent = ({ slot, release }: OtherKernel, what: string): StatectlError =>
  new StatectlError('kernel-absent', `the kernel ${release} of slot ${slot} cannot be booted: ${what}`, {
    hint: 'boot once by the network with the image of that slot: the disk then gets its kernel and initramfs',
  });
