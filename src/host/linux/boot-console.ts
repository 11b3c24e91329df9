import { readFileSync } from 'node:fs';
import type { Console, Level } from '../host.ts';
import { linuxConsole } from './console.ts';

/** syslog(3) severities of our levels. */
const SEVERITY: Readonly<Record<Level, number>> = { error: 3, warning: 4, info: 6, debug: 7 };

/**
 * The console of the initramfs: every line goes to the kernel's log, which shows it on all consoles unless `quiet`;
 * what `quiet` would hide but must be seen (warnings, errors) goes to /dev/console as well.
 */
export function bootConsole(): Console {
  const kernel = linuxConsole({ kmsg: true, stderr: 'never' });
  const direct = linuxConsole();
  // The first number of printk is the console log level: less severe messages are not shown (proc(5)).
  const shown = Number.parseInt(readText('/proc/sys/kernel/printk'), 10) || 7;
  return {
    line(level, text) {
      kernel.line(level, text);
      if (SEVERITY[level] <= SEVERITY.warning && SEVERITY[level] >= shown) direct.line(level, text);
    },
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
