import type { Host } from '../../host/host.ts';
import { parseMounts } from '../../host/kernel/mount-table.ts';
import { CRASH_STORE } from './crash-records.ts';

/** Drivers of stores that no device asks for: the variables of UEFI, and RAM that the command line or the board names. ACPI's needs none. */
export const CRASH_STORES = ['efi_pstore', 'ramoops'];
export const MOUNT_CRASHES = ['mount', '-t', 'pstore', '-o', 'nosuid,nodev,noexec', 'pstore', CRASH_STORE];

/** Where the kernel has no store, or its own way fails, nothing is said of it: a boot needs none. /sys moves into the system with it. */
export async function showCrashes({ files, exec }: Pick<Host, 'files' | 'exec'>): Promise<void> {
  if (!(await files.stat(CRASH_STORE))) return;
  await exec.run(['modprobe', '-abq', ...CRASH_STORES]);
  const mounts = parseMounts(await files.readText('/proc/mounts').catch(() => ''));
  if (mounts.every(({ target }) => target !== CRASH_STORE)) await exec.run(MOUNT_CRASHES);
}
