import type { Host } from '../host/host.ts';
import type { BootContext } from './phase.ts';

/** A bus whose driver is loaded shows what hangs on it, and that may need a driver again. */
const ROUNDS = 6;

/** Loads the modules of every device the kernel shows, until no new device appears. */
export async function coldplug(host: Pick<Host, 'files' | 'exec'>, boot: Pick<BootContext, 'say'>): Promise<void> {
  const seen = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const fresh = (await modaliases(host)).filter((alias) => !seen.has(alias));
    if (fresh.length === 0) return;
    for (const alias of fresh) seen.add(alias);
    // -a: all of them, -b: honour blacklists, -q: an alias without a module is no error.
    await host.exec.run(['modprobe', '-a', '-b', '-q', ...fresh]);
  }
  boot.say(`devices still appear after ${ROUNDS} rounds of loading drivers`);
}

/** The distinct module aliases of all devices, from one find(1): sysfs has thousands of entries. */
export async function modaliases({ exec }: Pick<Host, 'exec'>): Promise<readonly string[]> {
  const { stdout } = await exec.run(['sh', '-c', 'find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u']);
  return stdout.split('\n').filter(Boolean);
}
