import { randomBytes } from 'node:crypto';
import type { Host } from '../../../host/host.ts';
import { mkfsArgv } from '../mkfs.ts';
import { guardPartition, type OnPartition } from './guard.ts';
import { failed, run } from './run-on.ts';

export interface OpenEncrypted extends OnPartition {
  readonly type: string;
}

/** Of AES-256 in XTS, which takes two keys. */
const KEY_BYTES = 64;

export const mappedAs = (label: string): string => `/dev/mapper/${label}`;

/**
 * Encrypts a partition by a key that nobody but the kernel has, makes a file system or swap in it, and switches swap on. What
 * fails leaves the partition as if nothing had been: nobody uses it, and the next try makes it anew.
 */
export async function openEncrypted(host: Host, step: OpenEncrypted): Promise<void> {
  const { partition, disk, type } = step;
  const guarded = await guardPartition(host, step, 'partition');
  const { firstLba, lastLba, name } = partition;
  // Built in, or already there, they are no error.
  await host.exec.run(['modprobe', '-a', '-b', '-q', 'dm_crypt', 'crypto-xts(aes)', 'crypto-aes', 'crypto-xts']);
  const sectors = ((lastLba - firstLba + 1) * disk.sectorBytes) / 512;
  const table = cryptTable(sectors, guarded.partition);
  try {
    // Where udev runs, and lacks the rules of device-mapper, who waits for it waits for ever.
    await run(host, step, ['dmsetup', 'create', '--noudevrules', '--noudevsync', name], { input: table });
  } finally {
    table.fill(0);
  }
  try {
    const mapped = await linkMapped(host, step);
    await run(host, step, mkfsArgv(type, name, mapped));
    if (type === 'swap') await run(host, step, ['swapon', mapped]);
  } catch (error) {
    await host.exec.run(['dmsetup', 'remove', '--noudevrules', '--noudevsync', name]);
    await host.files.remove(mappedAs(name));
    throw error;
  }
}

/** As udev has it: the kernel itself makes only /dev/dm-0, and libdevmapper leaves the rest to udev, whether it runs or not. */
async function linkMapped({ files }: Pick<Host, 'files'>, step: OnPartition): Promise<string> {
  const { name } = step.partition;
  const mapped = mappedAs(name);
  for (const device of await files.list('/sys/block')) {
    const called = await files.readText(`/sys/block/${device}/dm/name`).catch(() => '');
    if (called.trim() !== name) continue;
    await files.mkdir('/dev/mapper', 0o755);
    if (!(await files.stat(mapped))) await files.symlink(`../${device}`, mapped);
    return mapped;
  }
  throw failed(step, 'the kernel maps it not');
}

/** A table of dm-crypt (Documentation/admin-guide/device-mapper/dm-crypt.rst). Bytes, which can be forgotten; a text cannot. */
function cryptTable(sectors: number, path: string): Buffer {
  const key = randomBytes(KEY_BYTES);
  const before = Buffer.from(`0 ${sectors} crypt aes-xts-plain64 `);
  const after = Buffer.from(` 0 ${path} 0\n`);
  const table = Buffer.alloc(before.length + 2 * KEY_BYTES + after.length);
  before.copy(table);
  for (const [at, byte] of key.entries())
    for (const [half, digit] of [byte >> 4, byte & 15].entries())
      table[before.length + 2 * at + half] = digit + (digit < 10 ? 0x30 : 0x57);
  after.copy(table, before.length + 2 * KEY_BYTES);
  key.fill(0);
  return table;
}

/** Swap that the boot made, or one before it: the system finds it switched on, and does it not once more. */
export async function switchSwapOn(host: Host, step: OnPartition): Promise<void> {
  const { partition } = await guardPartition(host, step, 'partition');
  await run(host, step, ['swapon', partition]);
}
