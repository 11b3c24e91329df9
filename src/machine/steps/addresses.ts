import { shellLine, shellQuote } from '../../host/shell-line.ts';
import { askDhcp, askDhcp6 } from '../network/ask-dhcp.ts';
import { type AwaitIpv6, awaitIpv6 } from '../network/await-ipv6.ts';
import { type Dhcp, type Dhcp6, dhcp6Argv, dhcpArgv } from '../network/dhcp-commands.ts';
import { kind } from './kind.ts';

/** Addresses that others give. */
export const addresses = {
  dhcp: kind<Dhcp>({
    describe: ({ device, seconds }) => `DHCP on ${device} (up to ${seconds} s)`,
    command: (step) => shellLine(dhcpArgv(step)),
    apply: askDhcp,
  }),

  dhcp6: kind<Dhcp6>({
    describe: ({ device, seconds }) => `DHCPv6 on ${device} (up to ${seconds} s)`,
    command(step) {
      const ask = shellLine(dhcp6Argv(step));
      return step.isFallback
        ? `ip -6 -o address show dev ${shellQuote(step.device)} scope global | grep -q . || ${ask}`
        : ask;
    },
    apply: askDhcp6,
  }),

  'await-ipv6': kind<AwaitIpv6>({
    describe: ({ device, seconds }) => `IPv6 on ${device} (up to ${seconds} s)`,
    command: ({ device, seconds }) =>
      `n=0; until ip -6 -o address show dev ${shellQuote(device)} scope global | grep -qv tentative || [ $n -ge ${seconds} ]; do sleep 1; n=$((n+1)); done`,
    apply: awaitIpv6,
  }),
};
