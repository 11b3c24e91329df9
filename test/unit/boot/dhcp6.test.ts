import { describe, expect, it } from 'vitest';
import { readLeases } from '../../../src/machine/network/leases.ts';
import { wantedNetwork } from '../../../src/machine/network/wanted-network.ts';
import { leaseFile } from '../../../src/machine/paths.ts';
import type { StepOf } from '../../../src/machine/steps/step.ts';
import { applyStep } from '../../../src/machine/steps/step.ts';
import { createFacts, createInterface } from '../../fixtures/facts.ts';
import { bootHost } from '../../fixtures/machine.ts';

const OF_ROUTER = 'fd00000000000000505400fffe123456 02 40 00 00     eth0\n';
const OF_DHCP = 'fd000000000000000000000000000100 02 80 00 00     eth0\n';
const NONE = '0'.repeat(32);
const ROUTE = `${NONE} 00 ${NONE} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003     eth0\n`;
const LEASE = 'address=fd00::100\nprefix=128\ndns=fd00::3\ndomain=lab.test\nntp=\n';

async function ask(files: Readonly<Record<string, string>>, changes: Partial<StepOf<'dhcp6'>> = {}, exitCode = 0) {
  const [said, warned]: [string[], string[]] = [[], []];
  const machine = bootHost({ files, programs: { dhcpcd: () => ({ exitCode, tookMs: 2000 }) } });
  const boot = {
    say: (text: string) => void said.push(text),
    warn: (text: string) => void warned.push(text),
    signal: new AbortController().signal,
  };
  await applyStep({ kind: 'dhcp6', device: 'eth0', seconds: 30, tries: 2, ...changes }, machine, boot);
  return { said, warned, asked: machine.commands.filter((command) => command.startsWith('dhcpcd ')).length };
}

describe('DHCPv6', () => {
  it('is asked as often as it may be, visibly', async () => {
    expect(await ask({}, {}, 1)).toEqual({
      said: [],
      warned: [
        'no DHCPv6 server answered on eth0 within 30 s; attempt 2 of 2',
        'no DHCPv6 server answered on eth0 within 30 s',
      ],
      asked: 2,
    });
  });

  it('is not asked again where there is a lease, whatever one of IPv4 there is', async () => {
    expect((await ask({ [leaseFile('eth0', 6)]: LEASE })).asked).toBe(0);
    expect((await ask({ [leaseFile('eth0', 4)]: 'address=10.0.0.7\n' })).asked).toBe(1);
  });

  it('as a fallback is asked only where no router gave an address', async () => {
    expect((await ask({ '/proc/net/if_inet6': OF_ROUTER }, { isFallback: true })).asked).toBe(0);
    expect(await ask({}, { isFallback: true })).toEqual({
      said: ['no router gave eth0 an IPv6 address: asking by DHCPv6'],
      warned: [],
      asked: 1,
    });
  });
});

describe('the leases of IPv6', () => {
  const facts = createFacts({ commandLine: 'ip=eth0:dhcp6', network: { interfaces: [createInterface()] } });

  it('are what the kernel has, with what the server said and the router', async () => {
    const { files } = bootHost({
      files: {
        '/proc/net/if_inet6': OF_ROUTER + OF_DHCP,
        '/proc/net/ipv6_route': ROUTE,
        [leaseFile('eth0', 6)]: LEASE,
      },
    });
    expect(await readLeases({ files }, wantedNetwork(facts), true)).toEqual([
      {
        ...{ device: 'eth0', method: 'router', address: 'fd00::5054:ff:fe12:3456', prefixLength: 64 },
        ...{ gateway: 'fe80::1', dns: [], ntp: [] },
      },
      {
        ...{ device: 'eth0', method: 'dhcp', address: 'fd00::100', prefixLength: 128 },
        ...{ gateway: 'fe80::1', dns: ['fd00::3'], domain: 'lab.test', ntp: [] },
      },
    ]);
  });
});
