import { describe, expect, it } from 'vitest';
import { awaitIpv6 } from '../../../../src/machine/network/await-ipv6.ts';
import { ipv6State } from '../../../../src/machine/network/ipv6-state.ts';
import type { StepOf } from '../../../../src/machine/steps/step.ts';
import { bootHost } from '../../../fixtures/machine.ts';

const LINK_LOCAL = 'fe80000000000000505400fffe123456 02 40 20 80     eth0';
const GLOBAL = (flags: string) => `fd00000000000000505400fffe123456 02 40 00 ${flags}     eth0`;
const NONE = '0'.repeat(32);
const ROUTE = `${NONE} 00 ${NONE} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003     eth0`;
const UNREACHABLE = `${NONE} 00 ${NONE} 00 ${NONE} ffffffff 00000001 00000000 00200200       lo`;

const machine = (addresses: readonly string[], routes: readonly string[] = []) =>
  bootHost({
    files: {
      '/proc/net/if_inet6': addresses.map((line) => `${line}\n`).join(''),
      '/proc/net/ipv6_route': [...routes, UNREACHABLE].map((line) => `${line}\n`).join(''),
    },
  });

async function wait(host: ReturnType<typeof machine>, how: StepOf<'await-ipv6'>['how']) {
  const [said, warned]: [string[], string[]] = [[], []];
  const boot = {
    say: (text: string) => void said.push(text),
    warn: (text: string) => void warned.push(text),
    signal: new AbortController().signal,
  };
  await awaitIpv6({ device: 'eth0', how, seconds: 12 }, host, boot);
  return { said, warned, tookMs: host.clock.uptimeMs() };
}

describe('the IPv6 of an interface', () => {
  it('is what the kernel has, spelled as people do', async () => {
    expect(await ipv6State(machine([LINK_LOCAL, GLOBAL('00')], [ROUTE]), 'eth0')).toEqual({
      addresses: [
        {
          address: 'fd00::5054:ff:fe12:3456',
          prefixLength: 64,
          isTentative: false,
          isDuplicate: false,
          isPermanent: false,
        },
      ],
      gateway: 'fe80::1',
    });
  });

  it('is nothing on another interface, or where the kernel has no IPv6', async () => {
    expect((await ipv6State(machine([GLOBAL('00')]), 'eth1')).addresses).toEqual([]);
    expect(await ipv6State(bootHost(), 'eth0')).toEqual({ addresses: [], gateway: undefined });
  });
});

describe('waiting for IPv6', () => {
  it('ends when there is an address of a router and a route', async () => {
    expect(await wait(machine([GLOBAL('00')], [ROUTE]), 'router')).toEqual({ said: [], warned: [], tookMs: 0 });
  });

  it('goes on while the address is checked, says for what it waits, and gives up in time', async () => {
    expect(await wait(machine([GLOBAL('40')], [ROUTE]), 'router')).toEqual({
      said: ['waiting for a router on eth0, 7 s left', 'waiting for a router on eth0, 2 s left'],
      warned: ['no router announced an IPv6 prefix on eth0 within 12 s'],
      tookMs: 12_000,
    });
  });

  it('does not take an address by hand for one of a router', async () => {
    expect((await wait(machine([GLOBAL('80')], [ROUTE]), 'router')).warned).toHaveLength(1);
    expect((await wait(machine([GLOBAL('80')]), 'static')).warned).toEqual([]);
  });

  it('ends at once when another machine has the address', async () => {
    expect(await wait(machine([GLOBAL('c8')]), 'static')).toMatchObject({
      warned: ['another machine has the address fd00::5054:ff:fe12:3456: eth0 does not use it'],
      tookMs: 0,
    });
  });

  it('says nothing against a router that gave no prefix when DHCPv6 is asked next', async () => {
    expect((await wait(machine([]), 'either')).warned).toEqual([]);
    expect((await wait(machine([GLOBAL('00')]), 'dhcp6')).warned).toEqual([
      'no router announced itself on eth0 within 12 s',
    ]);
  });
});
