import { isStatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { leaseFile } from '../paths.ts';
import { type Dhcp, type Dhcp6, dhcp6Argv, dhcpArgv } from './dhcp-commands.ts';
import { ipv6State } from './ipv6-state.ts';

/** Asks until there is a lease, for each attempt anew, visibly. Without one the boot may still have another way. */
export async function askDhcp(step: Dhcp, host: Host, task: TaskContext): Promise<void> {
  if (await host.files.stat(leaseFile(step.device, 4))) return;
  await askUntilLease('DHCP', step, dhcpArgv(step), host, task);
}

/** The same for an IPv6 address. */
export async function askDhcp6(step: Dhcp6, host: Host, task: TaskContext): Promise<void> {
  const { device, isFallback } = step;
  if (await host.files.stat(leaseFile(device, 6))) return;
  if (isFallback) {
    const { addresses } = await ipv6State(host, device);
    if (addresses.some(({ isPermanent }) => !isPermanent)) return;
    task.say(`no router gave ${device} an IPv6 address: asking by DHCPv6`);
  }
  await askUntilLease('DHCPv6', step, dhcp6Argv(step), host, task);
}

async function askUntilLease(
  name: string,
  { device, seconds, tries = 1 }: Pick<Dhcp, 'device' | 'seconds' | 'tries'>,
  argv: readonly string[],
  host: Host,
  task: TaskContext,
): Promise<void> {
  const timeoutMs = seconds * 1000 + 5000;
  // udhcpc counts its tries anew after every refusal, so a server that refuses keeps it busy for ever.
  const noLease = (error: unknown) => {
    if (isStatectlError(error) && error.code === 'program-timeout') return { exitCode: 1 };
    throw error;
  };
  for (let attempt = 1; attempt <= tries; attempt++) {
    const { exitCode } = await host.exec.run(argv, { timeoutMs, signal: task.signal }).catch(noLease);
    if (exitCode === 0) return;
    const next = attempt < tries ? `; attempt ${attempt + 1} of ${tries}` : '';
    task.warn(`no ${name} server answered on ${device} within ${seconds} s${next}`);
  }
}
