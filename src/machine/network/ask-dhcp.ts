import { isStatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { leaseFile } from '../paths.ts';
import type { StepOf } from '../steps/step.ts';
import { ipv6State } from './ipv6-state.ts';
import { dhcp6Argv, dhcpArgv } from './network-commands.ts';

/** Asks until there is a lease, for each attempt anew, visibly. Without one the boot may still have another way. */
export async function askDhcp(step: StepOf<'dhcp' | 'dhcp6'>, host: Host, boot: TaskContext): Promise<void> {
  const { device, seconds, tries = 1 } = step;
  const [name, family, argv] =
    step.kind === 'dhcp' ? (['DHCP', 4, dhcpArgv(step)] as const) : (['DHCPv6', 6, dhcp6Argv(step)] as const);
  if (await host.files.stat(leaseFile(device, family))) return;
  if (step.kind === 'dhcp6' && step.isFallback) {
    const { addresses } = await ipv6State(host, device);
    if (addresses.some(({ isPermanent }) => !isPermanent)) return;
    boot.say(`no router gave ${device} an IPv6 address: asking by DHCPv6`);
  }
  const timeoutMs = seconds * 1000 + 5000;
  // udhcpc counts its tries anew after every refusal, so a server that refuses keeps it busy for ever.
  const noLease = (error: unknown) => {
    if (isStatectlError(error) && error.code === 'program-timeout') return { exitCode: 1 };
    throw error;
  };
  for (let attempt = 1; attempt <= tries; attempt++) {
    const { exitCode } = await host.exec.run(argv, { timeoutMs, signal: boot.signal }).catch(noLease);
    if (exitCode === 0) return;
    const next = attempt < tries ? `; attempt ${attempt + 1} of ${tries}` : '';
    boot.warn(`no ${name} server answered on ${device} within ${seconds} s${next}`);
  }
}
