import type { Config } from '../../config/config.ts';
import type { Host } from '../../host/host.ts';
import { type Mount, parseMounts } from '../../host/kernel/mount-table.ts';
import { findBlock } from '../../machine/facts/disks.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { RUN_INITRAMFS } from '../../machine/paths.ts';
import { at } from '../../machine/roots.ts';
import { IN_SYSROOT, USER_DATA_EARLY } from '../roots.ts';
import { readJournal } from './journal-reader.ts';
import { journalText } from './journal-text.ts';

/** Where /boot is mounted for a moment, when it is the only disk and the boot failed before it was mounted. */
const BOOT_ALONE = `${RUN_INITRAMFS}/boot`;

/** Where logs outlive the machine's RAM, best first: before the switch, these are where the disks are mounted. */
const HOMES: readonly (readonly [mountPoint: string, dir: string])[] = [
  [IN_SYSROOT.userData, '/persistent/logs'],
  [USER_DATA_EARLY, '/persistent/logs'],
  [at(IN_SYSROOT, '/boot'), '/logs'],
  [at(IN_SYSROOT, '/boot/logs'), ''],
  [BOOT_ALONE, '/logs'],
];
const NAME = /^boot-(\d{6})\.(?:log|failed\.txt)(?:\.zst)?$/;

/** Of log.conf; a boot that failed before config.d was read knows none. */
type LogSettings = Pick<Config['log'], 'keep' | 'limitBytes' | 'compress'>;
const UNKNOWN: LogSettings = { keep: 10, limitBytes: 64 << 20, compress: 'none' };

/** The folder for logs on a disk that is mounted writable now; undefined without one. */
export function logFolder(mounts: readonly Mount[]): string | undefined {
  const found = HOMES.find(([mountPoint]) =>
    mounts.some(
      ({ target, source, options }) => target === mountPoint && source.startsWith('/dev/') && options.includes('rw'),
    ),
  );
  return found && found[0] + found[1];
}

/** Keeps the journal of a boot that came to its end, for people. */
export async function keepBootLog(host: Pick<Host, 'files' | 'clock'>, settings: LogSettings): Promise<void> {
  const text = `${new Date(host.clock.now()).toISOString()}\n${journalText(await readJournal(host.files))}`;
  await keepLog(host, 'log', text, settings);
}

/** Keeps the report of a boot that failed, on /user-data or, where that is not there, on /boot. */
export async function keepReport(
  host: Pick<Host, 'files' | 'exec'>,
  report: string,
  { config, root: { blocks } = {} }: Partial<Facts>,
): Promise<void> {
  const settings = config?.log ?? UNKNOWN;
  if (await keepLog(host, 'failed.txt', report, settings)) return;
  const entry = config?.fstab['/boot'];
  const block = entry && findBlock(blocks ?? [], entry.source);
  if (!block?.type || entry?.options.includes('ro')) return;
  await host.files.mkdir(BOOT_ALONE, 0o700);
  if ((await host.exec.run(['mount', '-t', block.type, block.device, BOOT_ALONE])).exitCode !== 0) return;
  try {
    await keepLog(host, 'failed.txt', report, settings);
  } finally {
    await host.exec.run(['umount', BOOT_ALONE]);
  }
}

/**
 * Keeps a log of this boot, and of the boots before it as many as log.conf wants: by number, since a machine may have no
 * clock. False when no disk is there to keep it.
 */
async function keepLog(
  { files }: Pick<Host, 'files'>,
  kind: 'log' | 'failed.txt',
  text: string,
  { keep, limitBytes, compress }: LogSettings,
): Promise<boolean> {
  const dir = logFolder(parseMounts(await files.readText('/proc/mounts')));
  if (dir === undefined) return false;
  await files.mkdir(dir, 0o755);
  const numbered = (await files.list(dir))
    .flatMap((name) => {
      const number = NAME.exec(name)?.[1];
      return number === undefined ? [] : [{ path: `${dir}/${name}`, number: Number(number) }];
    })
    .toSorted((a, b) => b.number - a.number);
  const next = (numbered[0]?.number ?? 0) + 1;
  const isCompressed = compress === 'zstd';
  const data = isCompressed ? (await import('node:zlib')).zstdCompressSync(text) : Buffer.from(text);
  // First room, then the new one: a small /boot may be nearly full.
  let bytes = data.length;
  for (const { path, number } of numbered) {
    bytes += (await files.stat(path))?.sizeBytes ?? 0;
    if (number <= next - keep || bytes > limitBytes) await files.remove(path);
  }
  if (keep === 0) return true;
  await writePrivate(files, `${dir}/boot-${String(next).padStart(6, '0')}.${kind}${isCompressed ? '.zst' : ''}`, data);
  return true;
}

/** FAT keeps no permissions, and says so with EPERM. */
async function writePrivate(files: Host['files'], path: string, data: Uint8Array): Promise<void> {
  await files.write(path, data, { mode: 0o600 }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPERM') throw error;
    await files.write(path, data);
  });
}
