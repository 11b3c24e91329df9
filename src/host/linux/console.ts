import { closeSync, openSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { printable, printableLine } from '../../printable.ts';
import type { Console, Level } from '../host.ts';

export interface ConsoleOptions {
  /** The least important level that stderr shows; default `info`. Quiet is `error`; `never` leaves stderr alone. */
  readonly stderr?: Level | 'never';
  /** Also write each line, of every level, to the kernel's log. */
  readonly kmsg?: boolean;
}

const IMPORTANCE: Readonly<Record<Level | 'never', number>> = { debug: 0, info: 1, warning: 2, error: 3, never: 4 };

/** Priority = facility `daemon` (3) × 8 + severity, as in syslog(3); /dev/kmsg takes it as `<N>`. */
const KMSG_PRIORITY: Readonly<Record<Level, number>> = { error: 27, warning: 28, info: 30, debug: 31 };

/** The kernel cuts a record near 1 kB with its own header in it (PRINTKRB_RECORD_MAX); this leaves room for that. */
const KMSG_LONGEST_BYTES = 900;

/** At most so many bytes, never half of a UTF-8 sequence. */
export function cutUtf8(text: string, longestBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= longestBytes) return text;
  let end = longestBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}

/** ECMA-48 EL, which every terminal since the VT100 knows. */
const CLEAR_TO_END = '\x1b[K';

/** How often a full pipe is tried, 5 ms apart, before the line is dropped. */
const FULL_PIPE_TRIES = 20;

/**
 * Writes all of it, or drops it: a console that is gone (EIO, EPIPE, ENODEV) must never stop or fail the boot. False when
 * the reader of a pipe did not read for as many tries.
 */
function writeOrDrop(fd: number, line: string, tries: number): boolean {
  let rest = Buffer.from(line);
  for (let left = tries; left > 0; left -= 1) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
      if (rest.length === 0) return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return true;
      if (left > 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return false;
}

/**
 * One write(2) is one record (Documentation/ABI/testing/dev-kmsg). Opened anew for each: the kernel drops what one open
 * file writes beyond ten records in five seconds, in silence (devkmsg_write in kernel/printk/printk.c).
 */
function logToKernel(level: Level, line: string): void {
  let fd: number;
  try {
    fd = openSync('/dev/kmsg', 'w');
  } catch {
    return; // No such device, not root, or printk.devkmsg=off.
  }
  writeOrDrop(fd, `<${KMSG_PRIORITY[level]}>${cutUtf8(line, KMSG_LONGEST_BYTES - 5)}\n`, 1);
  closeSync(fd);
}

/** `statectl: …` lines on stderr and in the kernel's log. Written at once, so that the last words before a crash are seen. */
export function linuxConsole({ stderr = 'info', kmsg = false }: ConsoleOptions = {}): Console {
  let tries = FULL_PIPE_TRIES;
  let status: 'shown' | 'none' = 'none';
  const isWatched = stderr !== 'never' && isatty(2);
  return {
    ...(isWatched && {
      status(text: string) {
        // One column short: at the last one a terminal may begin a new line, which `\r` does not come back from.
        const cut = printableLine(text).slice(0, (process.stderr.columns || 80) - 'statectl: '.length - 1);
        writeOrDrop(2, `\r${CLEAR_TO_END}statectl: ${cut}`, 1);
        status = 'shown';
      },
    }),
    line(level, text) {
      if (status === 'shown') writeOrDrop(2, `\r${CLEAR_TO_END}`, 1);
      status = 'none';
      // Text may come from a server or a disk label: it must not move the cursor of whoever reads the console, nor begin a line.
      for (const part of printable(text, '  ').split('\n')) {
        const line = `statectl: ${part}`;
        // Whoever stopped reading is waited for once, not again for every line.
        if (IMPORTANCE[level] >= IMPORTANCE[stderr]) tries = writeOrDrop(2, `${line}\n`, tries) ? FULL_PIPE_TRIES : 1;
        if (kmsg) logToKernel(level, line);
      }
    },
  };
}
