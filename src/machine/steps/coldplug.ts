import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { RUN_INITRAMFS } from '../paths.ts';
import { MODPROBE_ERRORS, tellRefusedDrivers } from './refused-drivers.ts';

/** A bus whose driver is loaded shows what hangs on it, and that may need a driver again. */
const ROUNDS = 6;

/** What /init's own coldplug leaves when it is through; it ran while the controller started. */
const DONE_BY_INIT = `${RUN_INITRAMFS}/coldplug`;
const INIT_WAIT_MS = 20_000;

/** Waits for the drivers that /init is loading; where it did not, or does not come to an end, loads them here. */
export async function firstColdplug(
  host: Pick<Host, 'files' | 'exec' | 'clock'>,
  boot: Pick<TaskContext, 'say' | 'warn' | 'signal'>,
): Promise<void> {
  await awaitDrivers(host, boot);
  await tellRefusedDrivers(host, boot);
}

async function awaitDrivers(
  host: Pick<Host, 'files' | 'exec' | 'clock'>,
  boot: Pick<TaskContext, 'say' | 'signal'>,
): Promise<void> {
  const deadline = host.clock.uptimeMs() + INIT_WAIT_MS;
  while (await host.files.stat(`${DONE_BY_INIT}.started`)) {
    if (await host.files.stat(DONE_BY_INIT)) return;
    if (host.clock.uptimeMs() >= deadline) {
      boot.say(`loading drivers takes longer than ${INIT_WAIT_MS / 1000} s: going on`);
      break;
    }
    await host.clock.sleep(20, boot.signal);
  }
  await coldplug(host, boot);
}

/** Loads the modules of every device the kernel shows, until no new device appears. */
export async function coldplug(host: Pick<Host, 'files' | 'exec'>, boot: Pick<TaskContext, 'say'>): Promise<void> {
  const seen = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const fresh = (await modaliases(host)).filter((alias) => !seen.has(alias));
    if (fresh.length === 0) return;
    for (const alias of fresh) seen.add(alias);
    // -a: all of them, -b: honour blacklists, -q: an alias without a module is no error.
    const { stderr } = await host.exec.run(['modprobe', '-a', '-b', '-q', ...fresh]);
    if (stderr !== '') await host.files.append(MODPROBE_ERRORS, stderr);
  }
  boot.say(`devices still appear after ${ROUNDS} rounds of loading drivers`);
}

/** A card in a slot tells what it is by an event alone (mmc_bus_uevent of Linux); without this driver it is no disk. */
const OF_CARDS = '[ -z "$(ls /sys/bus/mmc/devices 2>/dev/null)" ] || echo mmc:block';

/** The distinct module aliases of all devices, from one find(1): sysfs has thousands of entries. */
async function modaliases({ exec }: Pick<Host, 'exec'>): Promise<readonly string[]> {
  const { stdout } = await exec.run([
    'sh',
    '-c',
    `{ find /sys/devices -name modalias -exec cat {} + 2>/dev/null; ${OF_CARDS}; } | sort -u`,
  ]);
  return stdout.split('\n').filter(Boolean);
}
