import type { Config } from '../../config/config.ts';
import type { Host } from '../../host/host.ts';
import { findBlock } from '../../machine/facts/disks.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { endOf } from '../../machine/logs/end-of-text.ts';
import { logHome } from '../../machine/logs/log-home.ts';
import { keepLog, type LogKind } from '../../machine/logs/log-ring.ts';
import { redact } from '../../machine/logs/redact.ts';
import { LOG_NUMBER, RUN_INITRAMFS } from '../../machine/paths.ts';
import { machineMounts, type Roots } from '../../machine/roots.ts';
import { printable } from '../../printable.ts';
import { BEFORE_ROOT, IN_SYSROOT } from '../roots.ts';
import { readJournal } from './journal-reader.ts';
import { journalText } from './journal-text.ts';

/** Where /boot is mounted for a moment, when it is the only disk and the boot failed before it was mounted. */
const BOOT_ALONE = `${RUN_INITRAMFS}/boot`;

/** Where the disks may be mounted before the switch. */
export const BOOT_ROOTS: readonly Roots[] = [IN_SYSROOT, BEFORE_ROOT];
const ALONE: Roots = { ...BEFORE_ROOT, system: RUN_INITRAMFS };

/** Of log.conf; a boot that failed before config.d was read knows none. */
type LogSettings = Pick<Config['log'], 'keep' | 'limitBytes' | 'compress' | 'to'>;
const UNKNOWN: LogSettings = { keep: 10, limitBytes: 64 << 20, compress: 'none' };

/** Of the kernel's messages: all that its buffer has, on most machines. */
const MOST_KERNEL_BYTES = 1 << 20;
const DMESG_MS = 5000;

/** Keeps the journal of a boot that came to its end and what the kernel said meanwhile, for people. Its number is told to the way down. */
export async function keepBootLog(
  host: Pick<Host, 'files' | 'exec' | 'clock'>,
  settings: LogSettings,
): Promise<number | undefined> {
  const dir = logHome(await machineMounts(host), BOOT_ROOTS, settings);
  if (dir === undefined) return undefined;
  const text = `${new Date(host.clock.now()).toISOString()}\n${journalText(await readJournal(host.files))}${await kernelText(host)}`;
  const number = await keepText(host, dir, settings, 'log', text);
  await host.files.write(LOG_NUMBER, `${number}\n`);
  return number;
}

async function kernelText({ exec }: Pick<Host, 'exec'>): Promise<string> {
  const { stdout } = await exec.run(['dmesg'], { timeoutMs: DMESG_MS }).catch(() => ({ stdout: '' }));
  return stdout === '' ? '' : `\n# dmesg\n${printable(redact(endOf(stdout, MOST_KERNEL_BYTES)))}`;
}

/** Keeps the report of a boot that failed, on /user-data or, where that is not there, on /boot. */
export async function keepReport(
  host: Pick<Host, 'files' | 'exec'>,
  report: string,
  { config, root: { blocks } = {} }: Partial<Facts>,
): Promise<void> {
  const settings = config?.log ?? UNKNOWN;
  const dir = logHome(await machineMounts(host), BOOT_ROOTS, settings);
  if (dir !== undefined) return void (await keepText(host, dir, settings, 'failed', report));
  const entry = config?.fstab['/boot'];
  const block = entry && findBlock(blocks ?? [], entry.source);
  if (!block?.type || entry?.options.includes('ro')) return;
  await host.files.mkdir(BOOT_ALONE, 0o700);
  if ((await host.exec.run(['mount', '-t', block.type, block.device, BOOT_ALONE])).exitCode !== 0) return;
  try {
    const alone = logHome(await machineMounts(host), [ALONE], {});
    if (alone !== undefined) await keepText(host, alone, settings, 'failed', report);
  } finally {
    await host.exec.run(['umount', BOOT_ALONE]);
  }
}

/** Of a text that is longer than all logs may be, the end counts. */
const keepText = (
  { files }: Pick<Host, 'files'>,
  dir: string,
  settings: LogSettings,
  kind: LogKind,
  text: string,
): Promise<number> => keepLog(files, dir, settings, { kind }, () => [Buffer.from(endOf(text, settings.limitBytes))]);
