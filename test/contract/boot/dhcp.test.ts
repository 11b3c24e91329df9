import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseLease } from '../../../src/machine/network/leases.ts';
import { type DhcpLab, dhcpLab } from '../../fixtures/dhcp-lab.ts';

/** busybox's udhcpc with our script against a real dnsmasq, which sends nothing that it is not asked for. */
describe.skipIf(process.getuid?.() !== 0)('an answer of a DHCP server', () => {
  let lab: DhcpLab;
  beforeEach(async () => {
    lab = await dhcpLab();
  });
  afterEach(() => lab[Symbol.asyncDispose]());

  async function answer(...options: readonly string[]) {
    await lab.serve(...options.map((option) => `--dhcp-option=${option}`));
    const shown = await lab.machine(`${lab.udhcpc}
ip -4 route show; echo ==; cat /etc/resolv.conf; echo ==; cat /sys/class/net/eth0/mtu; echo ==
cat /run/initramfs/leases/eth0; echo ==; cat /run/net-eth0.conf; echo ==; ip -4 -o address show dev eth0`);
    const [routes = '', resolver = '', mtu = '', lease = '', klibc = '', address = ''] = shown.split('==\n');
    const [, source = ''] = / inet ([\d.]+)\//.exec(address) ?? [];
    const from = ` dev eth0 proto dhcp src ${source} metric 1024`;
    return {
      ...{ resolver, klibc, mtu: Number(mtu), source, lease: parseLease('eth0', lease) },
      routes: routes
        .split('\n')
        .filter((line) => line.includes('proto dhcp'))
        .map((line) => line.trim().replace(' scope link', '').replace(from, '')),
    };
  }

  it('gives the router, as networkd would set it', async () => {
    const { routes, lease, klibc } = await answer('3,192.168.77.1');
    expect(routes).toEqual(['default via 192.168.77.1']);
    expect(lease).toMatchObject({ gateway: '192.168.77.1', prefixLength: 24, seconds: 120 });
    expect(klibc).toContain("IPV4GATEWAY='192.168.77.1'\n");
  });

  it('gives one of several routers: the kernel would not change over by itself', async () => {
    expect((await answer('3,192.168.77.2,192.168.77.1')).routes).toEqual(['default via 192.168.77.2']);
  });

  it.each([121, 249])('gives the classless routes of option %i, where there is no router', async (option) => {
    const routes = `${option},0.0.0.0/0,192.168.77.1,198.51.100.0/24,192.168.77.2,203.0.113.0/24,0.0.0.0`;
    const given = await answer('3', routes);
    expect(given.routes).toEqual(['default via 192.168.77.1', '198.51.100.0/24 via 192.168.77.2', '203.0.113.0/24']);
    expect(given.lease.gateway).toBe('192.168.77.1');
  });

  it('passes over the router and option 33 where there are classless routes (RFC 3442)', async () => {
    const given = await answer('3,192.168.77.1', '33,10.0.0.0,192.168.77.1', '121,198.51.100.0/24,192.168.77.2');
    expect(given.routes).toEqual(['198.51.100.0/24 via 192.168.77.2']);
    expect(given.lease.gateway).toBeUndefined();
  });

  it('takes option 121 before 249', async () => {
    const given = await answer('3', '249,198.51.100.0/24,192.168.77.1', '121,198.51.100.0/24,192.168.77.2');
    expect(given.routes).toEqual(['198.51.100.0/24 via 192.168.77.2']);
  });

  it('gives the static routes of option 33, by class', async () => {
    const routes = '33,10.1.2.3,192.168.77.2,172.16.9.9,192.168.77.2,198.51.100.7,192.168.77.3,9.0.0.0,192.168.77.3';
    expect((await answer('3,192.168.77.1', routes)).routes.toSorted()).toEqual([
      '10.0.0.0/8 via 192.168.77.2',
      '172.16.0.0/16 via 192.168.77.2',
      '198.51.100.0/24 via 192.168.77.3',
      '9.0.0.0/8 via 192.168.77.3',
      'default via 192.168.77.1',
    ]);
  });

  it.each([
    ['3,192.168.77.2', '33'],
    ['3', '121,0.0.0.0/0,192.168.77.2'],
  ])('may be one host, whose router (%s %s) is on the link nevertheless', async (...options) => {
    expect((await answer('1,255.255.255.255', ...options)).routes).toEqual([
      'default via 192.168.77.2',
      '192.168.77.2',
    ]);
  });

  it('gives name servers, and a domain', async () => {
    const { resolver, lease } = await answer('6,192.168.77.1,192.168.77.2', '15,lab.example');
    expect(resolver).toBe('search lab.example\nnameserver 192.168.77.1\nnameserver 192.168.77.2\n');
    expect(lease).toMatchObject({ dns: ['192.168.77.1', '192.168.77.2'], domain: 'lab.example' });
  });

  it('gives several domains, which count before the one', async () => {
    const { resolver, lease } = await answer('6,192.168.77.1', '15,one.example', '119,lab.example,b.example');
    expect(resolver).toBe('search lab.example b.example\nnameserver 192.168.77.1\n');
    expect(lease.domain).toBe('lab.example b.example');
  });

  it('gives the name of the machine, time servers and the MTU', async () => {
    const { lease, mtu } = await answer('12,lab7', '42,192.168.77.1,192.168.77.2', '26,1400');
    expect(lease).toMatchObject({ hostname: 'lab7', ntp: ['192.168.77.1', '192.168.77.2'] });
    expect(mtu).toBe(1400);
  });
});
