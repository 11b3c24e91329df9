import { randomBytes, randomInt } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheMount } from '../../../test/fixtures/state/cache-mount.ts';

/** What a folder that is shown as a cache costs whoever reads, as Klipper does: 8 KiB at a time. */
export interface CacheCost {
  /** From the first byte to the last, of a file that nobody read before, MB/s. */
  readonly coldMbs: number;
  /** Milliseconds of a read somewhere in such a file, with server and agent dead. */
  readonly readMs: { readonly p50: number; readonly p99: number };
  /** The longest wait of a reader while whoever shows the folder was killed so often, ms. */
  readonly kills: number;
  readonly longestMs: number;
  /** Private memory of whoever shows the folder. */
  readonly serverBytes: number;
}

const READ_BYTES = 8192;
const KILL_EACH_MS = 1_500;

export async function measureCache(
  { fileMib, reads, kills }: { readonly fileMib: number; readonly reads: number; readonly kills: number },
  say: (text: string) => void,
): Promise<CacheCost> {
  say(`gcode as a cache: ${fileMib} MiB by ${READ_BYTES} bytes, then ${reads} reads, then ${kills} kills`);
  const content = randomBytes(fileMib << 20);
  await using cache = await cacheMount({ 'cold.gcode': content, 'some.gcode': content, 'killed.gcode': content });
  // No server is named, and from now on there is no agent.
  cache.agent.dies();
  const buffer = Buffer.alloc(READ_BYTES);
  const began = performance.now();
  withFile(`${cache.place}/cold.gcode`, (fd) => {
    while (readSync(fd, buffer) > 0);
  });
  const coldMbs = content.length / 1e3 / (performance.now() - began);
  const serverBytes = privateBytes(await cache.server());
  const times: number[] = [];
  withFile(`${cache.place}/some.gcode`, (fd) => {
    for (let count = 0; count < reads; count += 1) {
      const from = performance.now();
      readSync(fd, buffer, 0, READ_BYTES, randomInt(content.length - READ_BYTES));
      times.push(performance.now() - from);
    }
  });
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  let longestMs = 0;
  const fd = openSync(`${cache.place}/killed.gcode`, 'r');
  for (let count = 0, position = 0; count < kills; count += 1) {
    await cache.kill();
    // Far enough that the kernel has not read it ahead.
    position = (position + (1 << 20)) % (content.length - READ_BYTES);
    const from = performance.now();
    readSync(fd, buffer, 0, READ_BYTES, position);
    longestMs = Math.max(longestMs, performance.now() - from);
    await sleep(KILL_EACH_MS);
  }
  closeSync(fd);
  return { coldMbs, readMs: { p50: at(0.5), p99: at(0.99) }, kills, longestMs, serverBytes };
}

function withFile(path: string, read: (fd: number) => void): void {
  const fd = openSync(path, 'r');
  try {
    read(fd);
  } finally {
    closeSync(fd);
  }
}

function privateBytes(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kib = [...rollup.matchAll(/^Private_\w+: +(\d+) kB$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  return kib * 1024;
}
