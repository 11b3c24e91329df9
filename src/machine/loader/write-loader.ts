import { createHash } from 'node:crypto';
import { dirname } from 'node:path/posix';
import { StatectlError } from '../../error.ts';
import { fetchVerified } from '../../fetch/download.ts';
import { verifyFile } from '../../fetch/verify-file.ts';
import type { Host } from '../../host/host.ts';
import type { DownloadLimits } from '../../host/http/download-limits.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { LOADER_FOLDER } from '../../signed/loader-layout.ts';
import { guardPartition } from '../disks/acts/guard.ts';
import { lastLine } from '../steps/must-run.ts';
import type { BootDisk, BootPartition } from './boot-disk.ts';
import { GRUBENV } from './choice.ts';
import { CONF_FOLDER } from './entries.ts';
import { parseGrubEnv, writeGrubEnv } from './grub-env.ts';
import { bootFiles, putNew, withPartition } from './partition.ts';
import { type Blob, choiceOf, type LoaderPlan, type Loaders, planLoader, type Wanted } from './plan-loader.ts';
import { writeBootCode } from './write-boot-code.ts';

/** A disk that is to boot its machine, and what is known of what it shall boot. */
export interface WriteLoader extends BootDisk {
  readonly wanted: Wanted;
  /** Of the image: GRUB's two parts, and systemd-boot. */
  readonly loader?: {
    readonly bios?: { readonly boot: Blob; readonly core: Blob };
    readonly efi?: Blob;
  };
  /** Why it is not known what to write, where it is not. */
  readonly lacking?: string;
  readonly limits: DownloadLimits;
}

const EFI_FILE = '/EFI/BOOT/BOOTX64.EFI';
/** FAT and ext4 need some for what they know of files themselves. */
const SLACK_BYTES = 1 << 20;

/**
 * Looks at what a disk boots, and makes it boot what is wanted; does nothing where it does so already. Each thing is on the disk, and
 * was read from there, before the next one relies on it: kernel and initramfs, then the entries that name them, then which is first,
 * then GRUB or systemd-boot themselves; what nobody names goes last. Throws `loader-failed`, `disk-changed`, and what fetching throws.
 */
export async function writeLoader(host: Host, step: WriteLoader, task: TaskContext): Promise<void> {
  const { disk, wanted, lacking, loader, esp, bios } = step;
  const open = async ({ partition, type }: BootPartition) => ({
    device: (await guardPartition(host, { disk, table: step.table, partition }, 'partition')).partition,
    type,
  });
  const place = await open(step.place);
  const look = () => withPartition(host, place, 'ro', (at) => bootFiles(host, at));
  const loaders: Loaders = { grub: bios !== undefined, systemdBoot: esp !== undefined };
  const files = await look();
  const plan = planLoader(files, loaders, wanted);
  await writeFiles(host, place, plan, step, task);
  const boots = choiceOf(isNothing(plan) ? files : await look(), loaders);
  if (!boots) throw failed(step, lacking ?? 'no entry on it can be booted');
  if (esp && loader?.efi) await writeEfi(host, await open(esp), loader.efi, step, task);
  if (bios && loader?.bios) await writeBootCode(host, { ...step, bios, code: loader.bios }, task);
  if (!isNothing(plan)) task.say(`drive ${disk.drive}: ${disk.id} boots slot ${boots.slot} (${boots.kernel})`);
}

const isNothing = ({ clear, pair, entries, env, remove }: LoaderPlan): boolean =>
  clear.length + pair.length + entries.length + remove.length + Object.keys(env).length === 0;

const failed = ({ disk: { drive, id } }: BootDisk, what: string, cause?: unknown): StatectlError =>
  new StatectlError('loader-failed', `drive ${drive}: ${id} is not made to boot by itself: ${what}`, {
    cause,
    hint: 'the machine boots as it did; the next boot tries again',
  });

type Writing = BootDisk & Pick<WriteLoader, 'limits'>;
const NOTHING_FETCHED = { connectMs: 0, stallMs: 0, tries: 0 } as const;

interface Mounted {
  readonly device: string;
  readonly type: string;
}

/** To the partition of kernels and entries, of one who has nothing to fetch. */
export async function applyPlan(host: Host, disk: BootDisk, plan: LoaderPlan, task: TaskContext): Promise<void> {
  const { partition, type } = disk.place;
  const guarded = await guardPartition(host, { disk: disk.disk, table: disk.table, partition }, 'partition');
  await writeFiles(host, { device: guarded.partition, type }, plan, { ...disk, limits: NOTHING_FETCHED }, task);
}

async function writeFiles(
  host: Host,
  place: Mounted,
  plan: LoaderPlan,
  step: Writing,
  task: TaskContext,
): Promise<void> {
  if (isNothing(plan)) return;
  const { files } = host;
  const { clear, pair, entries, env, remove } = plan;
  await check(host, place, step, task);
  if (clear.length > 0)
    await withPartition(host, place, 'rw', async (at) => {
      for (const path of clear) await files.remove(at + path);
    });
  if (pair.length > 0) {
    await withPartition(host, place, 'rw', async (at) => {
      await files.mkdir(at + LOADER_FOLDER);
      await refuseFull(host, at, plan, step);
      for (const { path, ...blob } of pair)
        await fetchVerified(host, { ...blob, to: at + path, saidBy: 'its signed note' }, task, step.limits);
    });
    await withPartition(host, place, 'ro', async (at) => {
      for (const { path, ...blob } of pair) await verifyFile(host, { ...blob, path: at + path });
    });
  }
  if (entries.length > 0) {
    await withPartition(host, place, 'rw', async (at) => {
      for (const folder of [LOADER_FOLDER, CONF_FOLDER]) await files.mkdir(at + folder);
      for (const { path, text } of entries) await putNew(host, at + path, Buffer.from(text, 'latin1'));
    });
    await withPartition(host, place, 'ro', async (at) => {
      for (const { path, text } of entries)
        if (!(await files.read(at + path)).equals(Buffer.from(text, 'latin1')))
          throw failed(step, `${path} is not what was written`);
    });
  }
  if (Object.keys(env).length > 0) await withPartition(host, place, 'rw', (at) => writeEnv(host, at, env));
  if (remove.length > 0)
    await withPartition(host, place, 'rw', async (at) => {
      for (const path of remove) await files.remove(at + path);
    });
}

/** GRUB's environment, where it lies: one sector, whole or not at all. */
async function writeEnv(host: Host, at: string, changes: LoaderPlan['env']): Promise<void> {
  const path = at + GRUBENV;
  const before = await host.files.read(path).catch(() => Buffer.alloc(0));
  const known = parseGrubEnv(before);
  const all = Object.entries({ ...known, ...changes }).filter(([, value]) => value !== '');
  const block = writeGrubEnv(Object.fromEntries(all));
  if (known && before.length === block.length) await host.files.overwrite(path, 0, block);
  else await putNew(host, path, block);
}

/** After a power cut FAT may have a file twice, or half of one: what is written next must not lie where another does. */
async function check(host: Host, { device, type }: Mounted, step: BootDisk, task: TaskContext): Promise<void> {
  const argv = type === 'vfat' ? ['fsck.vfat', '-a', device] : [`fsck.${type}`, '-p', device];
  const result = await host.exec.run(argv);
  if (result.exitCode > 1)
    throw failed(step, `its ${type} has errors that fsck does not correct by itself: ${lastLine(result)}`);
  if (result.exitCode === 1) task.warn(`the ${type} on ${device} had errors; they were corrected`);
}

async function refuseFull(host: Host, at: string, { pair }: LoaderPlan, step: BootDisk): Promise<void> {
  let neededBytes = SLACK_BYTES;
  for (const { path, sizeBytes } of pair)
    if ((await host.files.stat(at + path))?.sizeBytes !== sizeBytes) neededBytes += sizeBytes;
  const { stdout } = await host.exec.run(['df', '-Pk', at]);
  const freeBytes = Number(/ (\d+) +\d+% /.exec(stdout)?.[1] ?? 0) * 1024;
  if (freeBytes >= neededBytes) return;
  const mib = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  throw failed(
    step,
    `its partition ${step.place.partition.name} has ${mib(freeBytes)} MiB free, another kernel and initramfs need ${mib(neededBytes)}; nothing was written`,
  );
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** systemd-boot, where UEFI looks for it without being told. The one that is there is replaced once the new one was read back. */
async function writeEfi(host: Host, esp: Mounted, blob: Blob, step: WriteLoader, task: TaskContext): Promise<void> {
  const { files } = host;
  const digestAt = (at: string, path: string) => files.read(at + path).then(sha256, () => undefined);
  const is = (path: string) => withPartition(host, esp, 'ro', async (at) => (await digestAt(at, path)) === blob.sha256);
  if (await is(EFI_FILE)) return;
  const fresh = `${EFI_FILE}.new`;
  await check(host, esp, step, task);
  await withPartition(host, esp, 'rw', async (at) => {
    await files.mkdir(at + dirname(EFI_FILE));
    await fetchVerified(host, { ...blob, to: at + fresh }, task, step.limits);
  });
  if (!(await is(fresh))) throw failed(step, `${fresh} is not what was written`);
  await withPartition(host, esp, 'rw', (at) => files.rename(at + fresh, at + EFI_FILE));
  if (!(await is(EFI_FILE))) throw failed(step, `${EFI_FILE} is not what was written`);
}
