import { basename } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import { LOADER_FOLDER } from '../../signed/loader-layout.ts';
import { mustRun } from '../steps/must-run.ts';
import type { BootFiles } from './choice.ts';
import { CONF_FOLDER } from './entries.ts';

/** Each has a place of its own: who looks at one disk is in nobody's way at another. */
const mountPoint = (device: string): string => `/run/statectl/boot-${basename(device)}`;
const HINT = 'dmesg | tail says whether the file system is damaged';
/** Entries and GRUB's environment have less; of more, only how much is asked. */
const LARGEST_TEXT_BYTES = 16 * 1024;

/**
 * Mounts a partition of boot loaders for a moment where nobody else looks. When it is unmounted, all is on the disk, and the next
 * mount reads from there: what the kernel had in its cache of the device is dropped. Throws `loader-failed`.
 */
export async function withPartition<T>(
  host: Pick<Host, 'files' | 'exec'>,
  { device, type }: { readonly device: string; readonly type: string },
  access: 'ro' | 'rw',
  act: (at: string) => Promise<T>,
): Promise<T> {
  const run = (...argv: readonly string[]) => mustRun(host, argv, 'loader-failed', HINT);
  const at = mountPoint(device);
  await host.files.mkdir(at, 0o700);
  // FAT has no owners: the initramfs may hold the hash of a password.
  const mine = type === 'vfat' ? ',umask=077' : '';
  await run('mount', '-t', type, '-o', `${access},noatime,nodev,nosuid,noexec${mine}`, device, at);
  try {
    return await act(at);
  } finally {
    await run('umount', at);
    await run('blockdev', '--flushbufs', device);
  }
}

/** What lies there of ours. */
export async function bootFiles({ files }: Pick<Host, 'files'>, at: string): Promise<BootFiles> {
  const found = new Map<string, Buffer | number>();
  for (const folder of [LOADER_FOLDER, CONF_FOLDER])
    for (const name of await files.list(at + folder).catch(() => [])) {
      const path = `${folder}/${name}`;
      const stat = await files.stat(at + path);
      if (stat?.type !== 'file') continue;
      const isText = stat.sizeBytes <= LARGEST_TEXT_BYTES;
      found.set(path, isText ? await files.read(at + path) : stat.sizeBytes);
    }
  return found;
}

/** A new file, whole and on the disk: none is renamed, since FAT has both names for a while, and one file under them. */
export async function putNew({ files }: Pick<Host, 'files'>, path: string, bytes: Uint8Array): Promise<void> {
  await files.remove(path);
  await using file = await files.appendStream(path);
  await file.write(bytes);
  await file.close();
}
