import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import type { BootRecord } from '../../src/machine/boot-record.ts';
import { type LeaseNetwork, leaseNetwork } from '../fixtures/vm/network/lease-network.ts';
import { bootMachine, type Machine } from './lab/machine.ts';

const RENEW_AFTER_SECONDS = 30;

describe('a machine with 256 MiB and a Debian on its disk', () => {
  let network: LeaseNetwork;
  let vm: Machine;

  beforeAll(async () => {
    network = await leaseNetwork({ renewAfterSeconds: RENEW_AFTER_SECONDS });
    vm = await bootMachine({
      memoryMiB: 256,
      disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }],
      nics: [network],
      namespace: network.namespace,
      cmdline: 'root=/dev/vda ip=eth0:dhcp ip=eth0:dhcp6',
    });
  });
  afterAll(async () => {
    for (const each of [vm, network]) await each[Symbol.asyncDispose]();
  });

  test('boots it to a login, with memory to spare', async () => {
    await vm.console(/login: /);
    expect(await vm.run('systemctl is-system-running --wait || systemctl --failed --no-legend')).toBe('running');
    const [, available = ''] = /MemAvailable: +(\d+) kB/.exec(await vm.run('cat /proc/meminfo')) ?? [];
    expect(Number(available)).toBeGreaterThan(40_000);
    expect(await vm.run('networkctl --no-legend list eth0')).toMatch(/eth0 +ether +routable +configured/);
  });

  test('keeps the address of DHCPv6 too, and the router that announced itself', async () => {
    const { leases } = JSON.parse(await vm.run('cat /run/statectl/boot.json')) as BootRecord;
    const lease = leases.find(({ address }) => address.includes(':'));
    expect(lease).toMatchObject({
      ...{ method: 'dhcp', dns: ['fd00:77::1'], domain: 'lab.example', ntp: ['fd00:77::1'] },
      gateway: expect.stringMatching(/^fe80::/),
    });
    const addresses = await vm.run('ip -6 -o address show dev eth0 scope global');
    expect([...addresses.matchAll(/ inet6 (\S+)\//g)].map(([, address]) => address)).toEqual([lease?.address]);
    expect(await vm.run('ip -6 route show default')).toContain(`via ${lease?.gateway}`);
    expect(await network.answers()).toContain('DHCPREPLY');
  });

  test('keeps the address that the initramfs got, and renews its lease without a gap', async () => {
    // Every change of an address from here on; a gap would be a line with "Deleted".
    await vm.run('ip -4 monitor address > /run/changes 2>&1 &');
    const before = await vm.run('ip -4 -o address show scope global');
    expect(before).toMatch(/ inet 192\.168\.77\.5\d\/24 /);
    const acknowledged = (await network.answers()).filter((name) => name === 'DHCPACK').length;
    // The initramfs and networkd asked; the next time is the renewal. The kernel tells when its lifetime was set anew.
    await vm.run('until grep -q valid_lft /run/changes; do sleep 0.2; done');
    expect((await network.answers()).filter((name) => name === 'DHCPACK').length).toBeGreaterThan(acknowledged);
    expect(await vm.run('cat /run/changes')).not.toContain('Deleted');
    const addressOf = (text: string) => / inet (\S+)/.exec(text)?.[1];
    expect(addressOf(await vm.run('ip -4 -o address show scope global'))).toBe(addressOf(before));
  });

  test('goes over to another router and name server of its lease, and nothing of the boot leads to the old ones', async () => {
    const routes = () => vm.run('ip -4 route show; resolvectl dns eth0');
    expect(await routes()).toMatch(/^default via 192\.168\.77\.1 dev eth0 proto dhcp/);
    await network.moveTo('192.168.77.2');
    await vm.run('until ip -4 route show default | grep -q 77.2; do sleep 0.2; done');
    await vm.run('until resolvectl dns eth0 | grep -q 77.2; do sleep 0.2; done');
    expect(await routes()).not.toMatch(/192\.168\.77\.1\b/);
    // The router of IPv6 is the same machine still.
    expect(await vm.run('ip -6 route show default')).toMatch(/^default via fe80:/);
  });
});
