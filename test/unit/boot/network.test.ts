import { describe, expect, it } from 'vitest';
import { network, planAddresses, planLinks, planNameServers } from '../../../src/boot/phases/network.ts';
import { BEFORE_ROOT } from '../../../src/boot/roots.ts';
import type { Host } from '../../../src/host/host.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import type { Facts } from '../../../src/machine/facts/facts.ts';
import type { InterfaceFacts } from '../../../src/machine/facts/network-facts.ts';
import { parseLease } from '../../../src/machine/network/leases.ts';
import { needsNetwork } from '../../../src/machine/network/needs-network.ts';
import { machineHost } from '../../../src/machine/roots.ts';
import { applyStep, shellOf } from '../../../src/machine/steps/step.ts';
import { createCopy, createFacts, createInterface, createLease } from '../../fixtures/facts.ts';
import { bootHost } from '../../fixtures/machine.ts';

const ETH0 = createInterface();
const ETH1 = createInterface({ name: 'eth1', mac: '52:54:00:12:34:57' });
const WLAN = createInterface({ name: 'wlan0', mac: '52:54:00:12:34:58', wireless: true });

const facts = (
  commandLine: string,
  interfaces: readonly InterfaceFacts[] = [ETH0],
  rest: Parameters<typeof createFacts>[0] = {},
) => createFacts({ commandLine, network: { interfaces }, ...rest });
const commands = (plan: (facts: Facts) => ReturnType<typeof planLinks>, ...given: Parameters<typeof facts>) =>
  plan(facts(...given)).map(shellOf);

describe('the network is needed', () => {
  it.each([
    ['', undefined, true],
    ['', 'LABEL=system', false],
    ['', 'http://boot.lab/image', true],
    ['ip=dhcp', 'LABEL=system', true],
    ['ip=off', 'LABEL=system', false],
    ['rd.neednet=1', 'LABEL=system', true],
    ['rd.neednet=0', 'LABEL=system', false],
  ])('with "%s" and root %s: %s', (commandLine, root, needed) => {
    expect(needsNetwork(facts(commandLine, [ETH0], { config: { boot: { root } } }))).toBe(needed);
  });

  it('or else no interface is touched', () => {
    const local = { config: { boot: { root: 'LABEL=system' } } };
    expect(commands(planLinks, '', [ETH0], local)).toEqual([]);
    expect(commands(planAddresses, '', [ETH0], local)).toEqual([]);
  });
});

describe('brings up', () => {
  it('every wired interface while nobody knows which has the cable', () => {
    expect(commands(planLinks, '', [ETH0, ETH1, WLAN])).toEqual(['ip link set dev eth0 up', 'ip link set dev eth1 up']);
  });

  it('the one that ip= names, or that the boot loader used', () => {
    expect(commands(planLinks, 'ip=eth1:dhcp', [ETH0, ETH1])).toEqual(['ip link set dev eth1 up']);
    expect(commands(planLinks, 'BOOTIF=01-52-54-00-12-34-57', [ETH0, ETH1])).toEqual(['ip link set dev eth1 up']);
  });

  it('with the MTU of ip=', () => {
    expect(commands(planLinks, 'ip=eth0:dhcp:9000')).toEqual(['ip link set dev eth0 mtu 9000 up']);
  });
});

describe('gives an address', () => {
  it('by DHCP when the command line says nothing', () => {
    expect(commands(planAddresses, '')).toEqual([
      'udhcpc -i eth0 -f -q -n -t 15 -T 2 -s /etc/udhcpc.script -o -O subnet -O router -O dns -O domain -O search -O hostname -O mtu -O ntpsrv -O staticroutes -O msstaticroutes -O routes',
    ]);
  });

  it('by hand, with route and name servers', () => {
    const commandLine = 'ip=10.0.0.7::10.0.0.1:255.255.255.0:lab7:eth0:none:10.0.0.2:10.0.0.3';
    expect(commands(planAddresses, commandLine)).toEqual([
      'ip address replace 10.0.0.7/24 dev eth0',
      'ip route replace default via 10.0.0.1 dev eth0 proto static',
    ]);
    expect(commands(planNameServers, commandLine, [ETH0], { network: { leases: [] } })).toEqual([
      "rm -f /etc/resolv.conf && printf %s 'nameserver 10.0.0.2\nnameserver 10.0.0.3\n' > /etc/resolv.conf && chmod 0644 /etc/resolv.conf",
    ]);
  });

  it('to every interface that ip= names, the one to boot from last, since the last default route counts', () => {
    expect(
      commands(planAddresses, 'ip=eth0:dhcp ip=10.1.0.7:::24::eth1:none', [ETH0, ETH1]).map((line) =>
        line.split(' ').slice(0, 3).join(' '),
      ),
    ).toEqual(['ip address replace', 'udhcpc -i eth0']);
  });

  it('to the interface with a carrier among several', () => {
    expect(commands(planAddresses, '', [{ ...ETH0, carrier: false }, ETH1])[0]).toContain('-i eth1 ');
  });

  it('with a local copy at hand, waits no longer than network.wait for DHCP', () => {
    expect(planAddresses(facts('', [ETH0], { root: { copy: createCopy() } }))).toMatchObject([
      { kind: 'dhcp', seconds: 10 },
    ]);
    expect(
      planAddresses(facts('', [ETH0], { root: { copy: createCopy() }, config: { network: { waitMs: 3_600_000 } } })),
    ).toMatchObject([{ seconds: 30 }]);
  });
});

describe('looks at the interfaces', () => {
  const gather = (round: number, machine: Host, known = facts('')) => {
    const warned: string[] = [];
    const boot = {
      say: () => {},
      warn: (text: string) => void warned.push(text),
      signal: new AbortController().signal,
    };
    return { warned, found: network.rounds[round]?.gather?.(machineHost(machine, BEFORE_ROOT), known, boot) };
  };

  it('that have hardware behind them, and are no CAN bus', async () => {
    const machine = bootHost({
      cards: { eth0: '52:54:00:12:34:56' },
      files: {
        '/sys/class/net/br0/address': '52:54:00:00:00:01\n',
        '/sys/class/net/wlan0/address': '52:54:00:12:34:58\n',
        '/sys/class/net/can0/device': { type: 'dir' },
        '/sys/class/net/can0/type': '280\n',
        '/sys/class/net/wlan0/device': { type: 'dir' },
        '/sys/class/net/wlan0/phy80211': { type: 'dir' },
      },
    });
    expect(await gather(0, machine).found).toEqual({
      network: {
        interfaces: [ETH0, { name: 'wlan0', mac: WLAN.mac, carrier: undefined, driver: undefined, wireless: true }],
      },
      root: {},
    });
  });

  it('waits until one of several has a carrier, and says when none gets one', async () => {
    const machine = bootHost({
      cards: {},
      files: Object.fromEntries(
        ['eth0', 'eth1'].flatMap((name) => [
          [`/sys/class/net/${name}/address`, '52:54:00:12:34:56\n'],
          [`/sys/class/net/${name}/device`, { type: 'dir' as const }],
        ]),
      ),
    });
    const { found, warned } = gather(1, machine, facts('', [ETH0, ETH1]));
    await found;
    expect(machine.clock.uptimeMs()).toBe(10_000);
    expect(warned).toEqual(['no link on eth0, eth1 after 10 s: is a cable plugged in?']);
  });

  it('does not wait for the carrier of the only one: DHCP does', async () => {
    const machine = bootHost({
      cards: {},
      files: { '/sys/class/net/eth0/address': '52:54:00:12:34:56\n', '/sys/class/net/eth0/device': { type: 'dir' } },
    });
    await gather(1, machine).found;
    expect(machine.clock.uptimeMs()).toBe(0);
  });
});

describe('DHCP', () => {
  const ask = async (options: Parameters<typeof bootHost>[0]) => {
    const warned: string[] = [];
    const machine = bootHost(options);
    await applyStep({ kind: 'dhcp', device: 'eth0', seconds: 30, tries: 3 }, machine, {
      say: () => {},
      warn: (text) => void warned.push(text),
      signal: new AbortController().signal,
    });
    return { machine, warned };
  };

  it('that nobody answers is told, and another way may still be there', async () => {
    expect((await ask({ lease: 'none' })).warned).toEqual([
      'no DHCP server answered on eth0 within 30 s; attempt 2 of 3',
      'no DHCP server answered on eth0 within 30 s; attempt 3 of 3',
      'no DHCP server answered on eth0 within 30 s',
    ]);
  });

  it('is not asked again for an interface that has its lease', async () => {
    const { machine } = await ask({});
    await applyStep({ kind: 'dhcp', device: 'eth0', seconds: 30 }, machine, {
      say: () => {},
      warn: () => {},
      signal: new AbortController().signal,
    });
    expect(machine.commands.filter((command) => command.startsWith('udhcpc'))).toHaveLength(1);
  });
});

describe('a lease', () => {
  it('is what our udhcpc script wrote', () => {
    expect(
      parseLease(
        'eth0',
        'address=10.0.2.15\nprefix=24\ngateway=10.0.2.2\ndns=10.0.2.3 10.0.2.4\ndomain=lab.example\nhostname=lab7\nntp=10.0.2.5\nlease=86400\n',
      ),
    ).toEqual({
      device: 'eth0',
      method: 'dhcp',
      address: '10.0.2.15',
      prefixLength: 24,
      gateway: '10.0.2.2',
      dns: ['10.0.2.3', '10.0.2.4'],
      domain: 'lab.example',
      hostname: 'lab7',
      ntp: ['10.0.2.5'],
      seconds: 86400,
    });
  });

  it('may lack everything but the address: no mask is one host', () => {
    expect(parseLease('eth0', 'address=10.0.2.15\nprefix=\ngateway=\ndns=\ndomain=\nhostname=\nntp=\n')).toEqual({
      device: 'eth0',
      method: 'dhcp',
      address: '10.0.2.15',
      prefixLength: 32,
      gateway: undefined,
      dns: [],
      domain: undefined,
      hostname: undefined,
      ntp: [],
    });
  });

  it('of an address by hand is what ip= says', async () => {
    const boot = { say: () => {}, warn: () => {}, signal: new AbortController().signal };
    const found = await network.rounds[2]?.gather?.(
      machineHost(memoryHost(), BEFORE_ROOT),
      facts('ip=10.0.0.7::10.0.0.1:24:lab7:eth0:none:10.0.0.2'),
      boot,
    );
    expect(found?.network).toEqual({
      leases: [
        createLease({
          method: 'static',
          address: '10.0.0.7',
          gateway: '10.0.0.1',
          dns: ['10.0.0.2'],
          hostname: 'lab7',
        }),
      ],
    });
  });
});
