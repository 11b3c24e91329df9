import { describe, expect, it } from 'vitest';
import { planAddresses, planLinks, planNameServers } from '../../../../src/boot/phases/network.ts';
import type { Facts } from '../../../../src/machine/facts/facts.ts';
import type { InterfaceFacts } from '../../../../src/machine/facts/network-facts.ts';
import { wantedNetwork } from '../../../../src/machine/network/wanted-network.ts';
import { shellOf } from '../../../../src/machine/steps/step.ts';
import { createFacts, createInterface, createLease } from '../../../fixtures/facts.ts';
import { networkConfig } from '../../../fixtures/network.ts';

const ETH0 = createInterface();
const ETH1 = createInterface({ name: 'eth1', mac: '52:54:00:12:34:57' });
const ETH2 = createInterface({ name: 'eth2', mac: '52:54:00:12:34:58' });
const CARDS = [ETH0, ETH1, ETH2];
const STACK = `
interfaces:
  eth0: {}
  eth1: {}
  bond0: { kind: bond, members: [eth0, eth1], mode: 802.3ad, options: { lacp_rate: fast } }
  lab: { kind: vlan, id: 7, link: bond0 }
  storage: { kind: vlan, id: 8, link: bond0, addresses: [10.8.0.7/24] }
`;

const factsOf = async (commandLine: string, text = '', interfaces: readonly InterfaceFacts[] = CARDS): Promise<Facts> =>
  createFacts({ commandLine, network: { interfaces }, config: { network: await networkConfig(text) } });
const plan = async (...given: Parameters<typeof factsOf>) => {
  const facts = await factsOf(...given);
  return [...planLinks(facts), ...planAddresses(facts)].map(shellOf);
};
/** Which are set up, and how the one to boot from gets its address. */
const early = async (...given: Parameters<typeof factsOf>) =>
  wantedNetwork(await factsOf(...given))
    .filter((each) => each.early)
    .map(
      ({ device, settings: { dhcp4, addresses } }) =>
        `${device}${dhcp4 ? ' dhcp' : ''}${addresses.map((one) => ` ${one}`).join('')}`,
    );

describe('the interfaces of the initramfs', () => {
  it('are the one that is booted from and those under it, each after what it lies over', async () => {
    expect(await early('', `boot: lab\n${STACK}`)).toEqual(['eth0', 'eth1', 'bond0', 'lab dhcp']);
  });

  it('and those that config.d wants there', async () => {
    expect(await early('', `boot: eth2\n${STACK.replace('id: 8,', 'id: 8, initramfs: true,')}`)).toEqual([
      'eth0',
      'eth1',
      'bond0',
      'storage 10.8.0.7/24',
      'eth2 dhcp',
    ]);
  });

  it('with a local root only the latter', async () => {
    expect(await early('root=LABEL=system', STACK)).not.toContain('lab dhcp');
    const facts = createFacts({
      network: { interfaces: CARDS },
      config: { boot: { root: 'LABEL=system' }, network: await networkConfig(STACK) },
    });
    expect(wantedNetwork(facts).filter((each) => each.early)).toEqual([]);
  });

  it('are the bond or bridge that the card with a link is in, when nobody says which to boot from', async () => {
    expect(await early('', STACK)).toEqual(['eth0', 'eth1', 'bond0 dhcp']);
    expect(await early('BOOTIF=01-52-54-00-12-34-57', STACK)).toEqual(['eth0', 'eth1', 'bond0 dhcp']);
    expect(await early('BOOTIF=01-52-54-00-12-34-58', STACK)).toEqual(['eth2 dhcp']);
  });

  it.each([
    ['ip=storage:dhcp', ['eth0', 'eth1', 'bond0', 'storage dhcp']],
    ['ip=eth2:dhcp', ['eth2 dhcp']],
    ['ip=eth2:dhcp ip=storage:dhcp bootdev=storage', ['eth0', 'eth1', 'bond0', 'eth2 dhcp', 'storage dhcp']],
    ['ip=10.0.0.7::10.0.0.1:24::eth2:none', ['eth2 10.0.0.7/24']],
    ['ip=10.0.0.7::10.0.0.1:24:::none', ['eth0', 'eth1', 'bond0', 'lab 10.0.0.7/24']],
    ['bootdev=storage', ['eth0', 'eth1', 'bond0', 'storage 10.8.0.7/24']],
  ])('are those of %s before those of config.d', async (commandLine, wanted) => {
    expect(await early(commandLine, `boot: lab\n${STACK}`)).toEqual(wanted);
  });

  it('have the names of the kernel, whatever config.d calls them', async () => {
    const text = 'boot: uplink\ninterfaces: { uplink: { match: { mac: 52:54:00:12:34:58 }, mtu: 9000 } }';
    expect(await early('', text)).toEqual(['eth2 dhcp']);
    expect(await early('ip=eth2:dhcp', text)).toEqual(['eth2 dhcp']);
    expect((await plan('', text))[0]).toBe('ip link set dev eth2 mtu 9000 up');
    expect(await early('ip=boot0:dhcp ifname=boot0:52:54:00:12:34:58')).toEqual(['eth2 dhcp']);
  });

  it('must be there', async () => {
    await expect(early('vlan=vlan7:eth9 ip=vlan7:dhcp')).rejects.toThrow(
      'eth9 is to be set up, but there is no such interface: there are eth0 (52:54:00:12:34:56',
    );
  });
});

describe('the plan', () => {
  it('makes a bond, then a VLAN over it', async () => {
    expect(await plan('', `boot: lab\n${STACK}`)).toMatchInlineSnapshot(`
      [
        "[ -e /sys/class/net/bond0 ] || ( modprobe -q bonding max_bonds=0; ip link add name bond0 type bond )",
        "echo 802.3ad > /sys/class/net/bond0/bonding/mode",
        "echo 100 > /sys/class/net/bond0/bonding/miimon",
        "echo fast > /sys/class/net/bond0/bonding/lacp_rate",
        "ip link set dev eth0 down",
        "ip link set dev eth0 master bond0",
        "ip link set dev eth0 up",
        "ip link set dev eth1 down",
        "ip link set dev eth1 master bond0",
        "ip link set dev eth1 up",
        "ip link set dev bond0 up",
        "[ -e /sys/class/net/lab ] || ( ip link add link bond0 name lab type vlan id 7 )",
        "ip link set dev lab up",
        "udhcpc -i lab -f -q -n -t 15 -T 2 -s /etc/udhcpc.script -o -O subnet -O router -O dns -O domain -O search -O hostname -O mtu -O ntpsrv -O staticroutes -O msstaticroutes -O routes",
      ]
    `);
  });

  it('makes a bridge, whose ports have no address', async () => {
    expect(await plan('bridge=br0:eth0,eth1 ip=br0:dhcp')).toMatchInlineSnapshot(`
      [
        "ip link set dev eth0 up",
        "ip link set dev eth1 up",
        "[ -e /sys/class/net/br0 ] || ( ip link add name br0 type bridge )",
        "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6",
        "ip link set dev eth0 master br0",
        "ip link set dev eth0 up",
        "echo 1 > /proc/sys/net/ipv6/conf/eth1/disable_ipv6",
        "ip link set dev eth1 master br0",
        "ip link set dev eth1 up",
        "ip link set dev br0 up",
        "udhcpc -i br0 -f -q -n -t 15 -T 2 -s /etc/udhcpc.script -o -O subnet -O router -O dns -O domain -O search -O hostname -O mtu -O ntpsrv -O staticroutes -O msstaticroutes -O routes",
      ]
    `);
  });

  it('takes the same from the command line', async () => {
    const words = 'bond=bond0:eth0,eth1:mode=802.3ad,miimon=100,lacp_rate=fast vlan=vlan7:bond0 ip=vlan7:dhcp';
    const text = `boot: vlan7\n${STACK.replace('lab:', 'vlan7:')}`;
    expect(await plan(words)).toEqual(await plan('', text));
  });

  it('adds the targets of ARP one by one', async () => {
    const steps = await plan('bond=bond0:eth0:arp_interval=100,arp_ip_target=10.0.0.1;10.0.0.2 ip=bond0:dhcp');
    expect(steps.filter((line) => line.includes('arp_ip_target'))).toEqual([
      'echo +10.0.0.1 > /sys/class/net/bond0/bonding/arp_ip_target',
      'echo +10.0.0.2 > /sys/class/net/bond0/bonding/arp_ip_target',
    ]);
  });

  it('has static IPv6 with its router, and waits until no other machine claims the address', async () => {
    expect(await plan('ip=[fd00::7]::[fd00::1]:64::eth0:none', '', [ETH0])).toMatchInlineSnapshot(`
      [
        "ip link set dev eth0 up",
        "ip -6 address replace fd00::7/64 dev eth0",
        "ip -6 route replace default via fd00::1 dev eth0 proto static",
        "n=0; until ip -6 -o address show dev eth0 scope global | grep -qv tentative || [ $n -ge 30 ]; do sleep 1; n=$((n+1)); done",
      ]
    `);
  });

  it.each([
    ['ip=auto6', [{ kind: 'await-ipv6', device: 'eth0', how: 'router', seconds: 30 }]],
    [
      'ip=dhcp6',
      [
        { kind: 'dhcp6', device: 'eth0', seconds: 30, tries: 3 },
        { kind: 'await-ipv6', device: 'eth0', how: 'dhcp6', seconds: 30 },
      ],
    ],
    [
      'ip=either6',
      [
        { kind: 'await-ipv6', device: 'eth0', how: 'either', seconds: 12 },
        { kind: 'dhcp6', device: 'eth0', seconds: 30, tries: 3, isFallback: true },
      ],
    ],
  ])('%s asks no DHCP server of IPv4', async (commandLine, steps) => {
    const facts = await factsOf(commandLine, '', [ETH0]);
    expect(planAddresses(facts)).toEqual(steps);
    expect(planLinks(facts).map(shellOf)).toEqual([
      'echo 1 > /proc/sys/net/ipv6/conf/eth0/accept_ra',
      'ip link set dev eth0 up',
    ]);
  });

  it('has IPv4 and IPv6 together where both are said', async () => {
    const both = 'ip=10.0.0.7::10.0.0.1:24::eth0:none ip=eth0:auto6';
    expect(planAddresses(await factsOf(both)).map(({ kind }) => kind)).toEqual(['address', 'route', 'await-ipv6']);
  });

  it('has routes: of an interface, and of the one that is booted from', async () => {
    const words =
      'ip=eth0:dhcp ip=10.1.0.7:::24::eth1:none rd.route=10.2.0.0/16:10.1.0.1:eth1 rd.route=10.3.0.0/16:10.0.2.9';
    expect((await plan(words)).filter((line) => line.startsWith('ip route'))).toEqual([
      'ip route replace 10.2.0.0/16 via 10.1.0.1 dev eth1 proto static',
      'ip route replace 10.3.0.0/16 via 10.0.2.9 dev eth0 proto static',
    ]);
  });

  it('tries DHCP as often as config.d says, or the command line', async () => {
    const triesOf = async (words: string) => planAddresses(await factsOf(words, 'dhcp: 5s\ntries: 4', [ETH0]));
    expect(await triesOf('')).toMatchObject([{ seconds: 5, tries: 4 }]);
    expect(await triesOf('rd.net.dhcp.retry=2 rd.net.timeout.dhcp=7')).toMatchObject([{ seconds: 7, tries: 2 }]);
  });
});

describe('name servers', () => {
  const resolver = async (commandLine: string, text = '') => {
    const facts = { ...(await factsOf(commandLine, text, [ETH0])), leases: [createLease({ domain: 'dhcp.lab' })] };
    return planNameServers(facts).map((step) => (step.kind === 'write' ? step.content : ''));
  };

  it('of DHCP are written by its client', async () => {
    expect(await resolver('')).toEqual([]);
  });

  it('that are said come first: nameserver=, config.d, DHCP', async () => {
    const text = 'boot: eth0\ninterfaces: { eth0: { dns: [10.0.0.8], search: [a.lab, b.lab] } }';
    expect(await resolver('nameserver=[fd00::9]', text)).toEqual([
      'search a.lab b.lab\nnameserver fd00::9\nnameserver 10.0.0.8\nnameserver 10.0.2.3\n',
    ]);
  });
});
