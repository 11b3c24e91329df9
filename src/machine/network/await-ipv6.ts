import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { type Ipv6State, ipv6State } from './ipv6-state.ts';

const LOOK_MS = 200;
const WORD_MS = 5000;

export interface AwaitIpv6 {
  readonly device: string;
  /** Where its address comes from; `either`: by DHCPv6, which is asked next, where no router gives a prefix. */
  readonly how: 'static' | 'router' | 'dhcp6' | 'either';
  readonly seconds: number;
}

/**
 * Waits, visibly, until the interface has the IPv6 that it is to have. The kernel does it all: it looks for another machine
 * with the address (RFC 4862), asks for routers and takes what they announce. Whether to go on without is for others to say.
 */
export async function awaitIpv6(
  { device, how, seconds }: AwaitIpv6,
  host: Pick<Host, 'files' | 'clock'>,
  boot: TaskContext,
): Promise<void> {
  const what = how === 'static' ? 'the check of its address' : 'a router';
  const deadline = host.clock.uptimeMs() + seconds * 1000;
  let nextWord = host.clock.uptimeMs() + WORD_MS;
  for (;;) {
    const state = await ipv6State(host, device);
    for (const { address } of state.addresses.filter(({ isDuplicate }) => isDuplicate))
      return boot.warn(`another machine has the address ${address}: ${device} does not use it`);
    if (isReady(state, how === 'static')) return;
    const leftMs = deadline - host.clock.uptimeMs();
    if (leftMs <= 0) return how === 'either' ? undefined : boot.warn(failure(device, how, seconds));
    if (host.clock.uptimeMs() >= nextWord) {
      boot.say(`waiting for ${what} on ${device}, ${Math.ceil(leftMs / 1000)} s left`);
      nextWord += WORD_MS;
    }
    await host.clock.sleep(Math.min(leftMs, LOOK_MS), boot.signal);
  }
}

const isReady = ({ addresses, gateway }: Ipv6State, isStatic: boolean): boolean => {
  const usable = addresses.filter(({ isTentative }) => !isTentative);
  if (isStatic) return addresses.length > 0 && usable.length === addresses.length;
  return usable.some(({ isPermanent }) => !isPermanent) && gateway !== undefined;
};

function failure(device: string, how: AwaitIpv6['how'], seconds: number): string {
  if (how === 'static') return `${device} has no usable IPv6 address after ${seconds} s`;
  const what = how === 'dhcp6' ? 'itself' : 'an IPv6 prefix';
  return `no router announced ${what} on ${device} within ${seconds} s`;
}
