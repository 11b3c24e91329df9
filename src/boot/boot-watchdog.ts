import { reasonOf } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { Facts } from '../machine/facts/facts.ts';
import { isEtcWritable } from '../machine/install/plan-install.ts';
import { type FedWatchdog, feedWatchdog } from '../machine/watchdog/feed-watchdog.ts';
import { isFedBySystem, wantedWatchdog } from '../machine/watchdog/plan-watchdog.ts';

/** The hardware watchdog while the machine boots: from the end of the phase that found it to the switch, without a gap. */
export interface BootWatchdog {
  /** Starts or stops it as the settings say that are in force by now. */
  follow(facts: Partial<Facts>): Promise<void>;
  /** Something of the boot went on. */
  sign(): void;
  whileWaiting<T>(wait: () => Promise<T>): Promise<T>;
  /** The system begins, and feeds it: it runs on. Where nobody would, it is closed. */
  handOver(facts: Facts): Promise<void>;
  /** The boot failed: a person may take all the time there is. */
  close(): Promise<void>;
}

/** Nothing that fails here ends a boot: it goes on without, and says so. */
export function bootWatchdog(host: Pick<Host, 'files' | 'exec' | 'clock' | 'console'>): BootWatchdog {
  let fed: FedWatchdog | undefined;
  const warn = (text: string) => host.console.line('warning', text);
  const leave = async (how: 'running' | 'closed') => {
    const leaving = fed;
    fed = undefined;
    await leaving?.leave(how).catch((error) => warn(`the watchdog is not ${how}: ${reasonOf(error)}`));
  };
  return {
    async follow(facts) {
      const wanted = wantedWatchdog(facts);
      if (!wanted) return await leave('closed');
      if (fed) return;
      try {
        fed = await feedWatchdog(host, wanted.device, wanted.timeoutMs);
      } catch (error) {
        warn(`the watchdog ${wanted.device} does not run: ${reasonOf(error)}`);
      }
    },
    sign: () => fed?.sign(),
    whileWaiting: (wait) => (fed ? fed.whileWaiting(wait) : wait()),
    async handOver(facts) {
      const { install } = facts.system;
      const isFed = install !== undefined && isFedBySystem(install, isEtcWritable(facts) ? 'writable' : 'read-only');
      if (fed && !isFed) warn('boot.conf: watchdog: nothing in this system feeds it: it is closed');
      await leave(isFed ? 'running' : 'closed');
    },
    close: () => leave('closed'),
  };
}
