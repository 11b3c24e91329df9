import { describe, expect, it } from 'vitest';
import { faultsOf, read } from './part.ts';

describe('network.conf', () => {
  it('that is empty leaves the choice to the boot', async () => {
    expect(await read('network', '')).toEqual({ waitMs: 10_000, dhcpMs: 30_000, tries: 3, interfaces: {} });
  });

  it('has interfaces by name: a card is the one that the kernel calls so, or the one with a MAC address', async () => {
    const text = `
boot: uplink
interfaces:
  uplink: { match: { mac: 52-54-00-12-34-56 }, addresses: [10.0.0.7/24, "fd00::7/64"], gateway: 10.0.0.1 }
  eth1: {}
`;
    const { boot, interfaces } = await read('network', text);
    expect(boot).toBe('uplink');
    expect(interfaces).toMatchObject({
      uplink: {
        kind: 'physical',
        match: { mac: '52:54:00:12:34:56' },
        addresses: ['10.0.0.7/24', 'fd00::7/64'],
        gateway: ['10.0.0.1'],
      },
      eth1: { kind: 'physical', dhcp6: false, addresses: [], routes: {}, initramfs: false, handover: 'keep' },
    });
  });

  it('has VLANs, bonds and bridges over each other', async () => {
    const text = `
interfaces:
  eth0: {}
  eth1: {}
  bond0: { kind: bond, members: [eth0, eth1], mode: 802.3ad, options: { lacp_rate: fast, min_links: 1 } }
  lab: { kind: vlan, id: 7, link: bond0 }
  br0: { kind: bridge, members: [lab], stp: true, forwardDelay: 4s, routes: { 10.9.0.0/16: 10.0.0.9 } }
`;
    expect((await read('network', text)).interfaces).toMatchObject({
      bond0: { kind: 'bond', mode: '802.3ad', miimonMs: 100, options: { lacp_rate: 'fast', min_links: '1' } },
      lab: { kind: 'vlan', id: 7, link: 'bond0' },
      br0: { kind: 'bridge', stp: true, forwardDelayMs: 4000, routes: { '10.9.0.0/16': '10.0.0.9' } },
    });
  });

  it('has CAN interfaces, whose bitrate may be said in k or M', async () => {
    const text =
      'interfaces: { can0: { kind: can, bitrate: 1M }, can1: { kind: can, bitrate: 250k, dataBitrate: 2M } }';
    expect((await read('network', text)).interfaces).toEqual({
      can0: { kind: 'can', bitrate: 1_000_000, txqueuelen: 128, restartMs: 100, listenOnly: false },
      can1: {
        ...{ kind: 'can', bitrate: 250_000, dataBitrate: 2_000_000 },
        ...{ txqueuelen: 128, restartMs: 100, listenOnly: false },
      },
    });
  });

  it.each([
    ['can0: {kind: can}', 'expected a bitrate such as 1000000, 1M or 250k'],
    ['can0: {kind: can, bitrate: 0}', 'expected a bitrate of 5k to 1M, such as 1000000 or 250k, found "0"'],
    ['can0: {kind: can, bitrate: -1}', 'found "-1"'],
    ['can0: {kind: can, bitrate: 1 Mbit}', 'found "1 Mbit"'],
    ['can0: {kind: can, bitrate: 1e6x}', 'found "1e6x"'],
    ['can0: {kind: can, bitrate: 2M}', 'expected a bitrate of 5k to 1M'],
    ['can0: {kind: can, bitrate: 1M, dataBitrate: 500k}', 'the data of CAN FD is no slower than the rest'],
    ['can0: {kind: can, bitrate: 1M, txqueuelen: 0}', 'expected 1 or more, found 0'],
    [
      'can0: {kind: can, bitrate: 1M, addresses: [10.0.0.1/24]}',
      'unknown key "addresses"; known are kind, match, bitrate',
    ],
    ['can0: {kind: can, bitrate: 1M, dhcp4: true}', 'unknown key "dhcp4"'],
    ['can0: {kind: can, bitrate: 1M, initramfs: true}', 'unknown key "initramfs"'],
    [
      'can0: {kind: can, bitrate: 1M}, v: {kind: vlan, id: 5, link: can0}',
      'can0 is a CAN interface: no vlan is made of one',
    ],
    ['can0: {kind: can, bitrate: 1M}, b: {kind: bridge, members: [can0]}', 'no bridge is made of one'],
    ['can0: {kind: can, bitrate: 1M}, b: {kind: bond, members: [can0]}', 'no bond is made of one'],
  ])('with the CAN interface %j is refused', async (text, fault) => {
    expect(await faultsOf('network', `interfaces: {${text}}`)).toContain(fault);
  });

  it('that boots from a CAN interface is refused where it says so', async () => {
    const text = 'interfaces: { can0: { kind: can, bitrate: 1M } }\nboot: can0\n';
    expect(await faultsOf('network', text)).toContain('it is a CAN interface, and nothing is booted from one');
  });

  it.each([
    [
      'interfaces: {a: {addresses: [10.0.0.7]}}',
      'expected an address with its prefix, such as 10.0.0.7/24 or fd00::7/64',
    ],
    [
      'interfaces: {a: {addresses: [10.0.0.7/33]}}',
      'expected an address with its prefix, such as 10.0.0.7/24 or fd00::7/64',
    ],
    ['interfaces: {a: {gateway: gw}}', 'expected an address such as 10.0.0.1 or fd00::1, or a list of one each'],
    ['interfaces: {a: {kind: vlan, id: 5000, link: b}}', 'expected 4094 or less, found 5000'],
    ['interfaces: {a: {kind: team}}', 'expected physical, vlan, bond, bridge or can'],
    ['interfaces: {a: {adresses: []}}', 'unknown key "adresses": did you mean "addresses"?'],
    ['interfaces: {a-very-long-name-of-a-card: {}}', 'expected an interface name of at most 15'],
    [
      'interfaces: {v: {kind: vlan, id: 5, link: eth0}}',
      'there is no interface eth0: say it too, if only as `eth0: {}`',
    ],
    ['interfaces: {v: {kind: vlan, id: 5, link: w}, w: {kind: vlan, id: 6, link: v}}', 'v would lie over itself'],
    ['interfaces: {v: {kind: vlan, id: 5, link: b}, b: {kind: bridge, members: [v]}}', 'b would lie over itself'],
    ['interfaces: {e: {}, a: {kind: bond, members: [e]}, b: {kind: bridge, members: [e]}}', 'e is in a already'],
    ['interfaces: {e: {}, v: {kind: vlan, id: 5, link: e}, a: {kind: bond, members: [v]}}', 'v is a vlan'],
    [
      'interfaces: {e: {addresses: [10.0.0.1/8]}, a: {kind: bond, members: [e]}}',
      'e has an address of its own: give it to a',
    ],
    ['interfaces: {e: {}, a: {kind: bond, members: [e], primary: f}}', 'f is not among the members'],
    ['interfaces: {e: {}, a: {kind: bond, members: [e], options: {lacp_rat: fast}}}', 'lacp_rat'],
    ['interfaces: {e: {match: {mac: 525400123456}}}', 'in quotes where it is of digits alone'],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('network', text)).toContain(fault);
  });
});
