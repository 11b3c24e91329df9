import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { dhcpArgv } from './network-commands.ts';
import { LEASES } from './paths.ts';
import type { BootContext } from './phase.ts';
import type { StepOf } from './step.ts';

/** Asks until there is a lease, for each attempt anew, visibly. Without one the boot may still have another way. */
export async function askDhcp(step: StepOf<'dhcp'>, host: Host, boot: BootContext): Promise<void> {
  const { device, seconds, tries = 1 } = step;
  if (await host.files.stat(`${LEASES}/${device}`)) return;
  const timeoutMs = seconds * 1000 + 5000;
  // udhcpc counts its tries anew after every refusal, so a server that refuses keeps it busy for ever.
  const noLease = (error: unknown) => {
    if (error instanceof StatectlError && error.code === 'program-timeout') return { exitCode: 1 };
    throw error;
  };
  for (let attempt = 1; attempt <= tries; attempt++) {
    const { exitCode } = await host.exec.run(dhcpArgv(step), { timeoutMs, signal: boot.signal }).catch(noLease);
    if (exitCode === 0) return;
    const next = attempt < tries ? `; attempt ${attempt + 1} of ${tries}` : '';
    boot.warn(`no DHCP server answered on ${device} within ${seconds} s${next}`);
  }
}
