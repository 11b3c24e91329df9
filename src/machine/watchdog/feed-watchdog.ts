import { basename } from 'node:path/posix';
import type { AppendStream, Host } from '../../host/host.ts';
import { RUN_INITRAMFS } from '../paths.ts';

/** Which one the boot feeds, for /init: where the controller crashed, the rescue prompt waits longer than a watchdog does. */
const MARK = `${RUN_INITRAMFS}/watchdog`;
/** A boot that said nothing for so long, and no disk did anything, hangs; a download says how far it is, a copy or a check has its disk. */
const STILL_MS = 30 * 60_000;
/** It runs until it is stopped. */
const SET_MS = 1000;
const LEAST_MS = 1000;

/** A hardware watchdog that runs. */
export interface FedWatchdog {
  /** Something went on. */
  sign(): void;
  /** It is fed, however long that takes: a person has a shell. */
  whileWaiting<T>(wait: () => Promise<T>): Promise<T>;
  /** `running`: it goes on, and whoever comes next feeds it. `closed`: it is stopped. Then it is fed no more. */
  leave(how: 'running' | 'closed'): Promise<void>;
}

/**
 * Starts a watchdog and feeds it, by this process alone: one that hangs resets the machine, and so does a boot that comes no further.
 * Throws as the device does (EBUSY: somebody feeds it already).
 */
export async function feedWatchdog(
  { files, exec, clock }: Pick<Host, 'files' | 'exec' | 'clock'>,
  device: string,
  timeoutMs: number,
): Promise<FedWatchdog> {
  const seconds = String(Math.ceil(timeoutMs / 1000));
  // The one way to say the time without ioctl(2): busybox's, which is stopped then and leaves it said.
  await exec
    .run(['watchdog', '-F', '-T', seconds, '-t', seconds, device], { timeoutMs: SET_MS })
    .catch(() => undefined);
  const stream = await files.appendStream(device);
  await files.write(MARK, `${device}\n`);
  // What the hardware made of it.
  const real = Number(await files.readText(`/sys/class/watchdog/${basename(device)}/timeout`).catch(() => '')) * 1000;
  const stop = new AbortController();
  let lastSignMs = clock.uptimeMs();
  let waiting = 0;
  let disks = '';
  const isAlive = async () => {
    const now = await files.readText('/proc/diskstats').catch(() => disks);
    if (now !== disks) [disks, lastSignMs] = [now, clock.uptimeMs()];
    return waiting > 0 || clock.uptimeMs() - lastSignMs < STILL_MS;
  };
  const feeding = keepFeeding(stream, isAlive, () =>
    clock.sleep(Math.max(LEAST_MS, Math.min(real || timeoutMs, timeoutMs) / 4), stop.signal),
  );
  return {
    sign: () => {
      lastSignMs = clock.uptimeMs();
    },
    async whileWaiting(wait) {
      waiting += 1;
      try {
        return await wait();
      } finally {
        waiting -= 1;
        lastSignMs = clock.uptimeMs();
      }
    },
    async leave(how) {
      stop.abort();
      await feeding;
      // 'V' is the magic close: without it the driver goes on (watchdog-api.rst).
      await stream.write(Buffer.from(how === 'closed' ? 'V' : '\0')).catch(() => undefined);
      await stream.close();
      if (how === 'closed') await files.remove(MARK);
    },
  };
}

async function keepFeeding(
  stream: AppendStream,
  isAlive: () => Promise<boolean>,
  pause: () => Promise<void>,
): Promise<void> {
  for (;;) {
    // A device that does not take it resets the machine: nobody else could do better.
    if (await isAlive()) await stream.write(Buffer.from('\0')).catch(() => undefined);
    try {
      await pause();
    } catch {
      return;
    }
  }
}
