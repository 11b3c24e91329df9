import type { Host } from '../../host/host.ts';

const CLASS = '/sys/class/watchdog';
/** WDIOF_CARDRESET: the last reset was the watchdog's (Documentation/watchdog/watchdog-api.rst). */
const CARD_RESET = 0x20;
/** It hangs with the kernel that it is to watch over. */
const SOFTWARE = 'Software Watchdog';

/** A watchdog of this machine's hardware. */
export interface WatchdogFacts {
  /** /dev/watchdog0: kernel names last as long as the boot does. */
  readonly device: string;
  readonly name: string;
}

interface Found extends WatchdogFacts {
  readonly bootStatus: number;
}

async function watchdogs({ files }: Pick<Host, 'files'>): Promise<readonly Found[]> {
  const names = (await files.list(CLASS).catch(() => [])).filter((name) => /^watchdog\d+$/.test(name));
  const found: Found[] = [];
  for (const each of names.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1))) {
    const text = async (file: string) => (await files.readText(`${CLASS}/${each}/${file}`).catch(() => '')).trim();
    const name = await text('identity');
    if (name !== SOFTWARE) found.push({ device: `/dev/${each}`, name, bootStatus: Number(await text('bootstatus')) });
  }
  return found;
}

/** The first of the hardware's; undefined without one. */
export async function watchdogFacts(host: Pick<Host, 'files'>): Promise<WatchdogFacts | undefined> {
  const [first] = await watchdogs(host);
  return first && { device: first.device, name: first.name };
}

/** Not every driver knows. */
export const wasResetByWatchdog = async (host: Pick<Host, 'files'>): Promise<boolean> =>
  (await watchdogs(host)).some(({ bootStatus }) => (bootStatus & CARD_RESET) !== 0);
