import { describe, expect, it } from 'vitest';
import type { InstallFacts } from '../../../../src/machine/facts/system-facts.ts';
import { planNetworkHandover } from '../../../../src/machine/network/network-handover.ts';
import { shellOf } from '../../../../src/machine/steps/step.ts';
import { createFacts, createInterface, createLease } from '../../../fixtures/facts.ts';
import { networkConfig } from '../../../fixtures/network.ts';

const BY_HAND = 'ip=10.0.2.15::10.0.2.2:24::eth0:none:10.0.2.3::10.0.2.9';

describe('the network is handed over', () => {
  const install: InstallFacts = {
    machineId: 'x',
    machineIdOrigin: 'derived',
    usesNetworkd: true,
    usesIfupdown: false,
    hasResolvConf: 'file',
  };
  const written = (
    lease: Parameters<typeof createLease>[0],
    how: Partial<InstallFacts> = {},
    etcIsWritable = true,
    commandLine = '',
  ) => {
    const known = createFacts({ commandLine, network: { leases: [createLease(lease)] } });
    const steps = planNetworkHandover(known, { ...install, ...how }, etcIsWritable);
    return Object.fromEntries(steps.flatMap((step) => (step.kind === 'write' ? [[step.path, step.content]] : [])));
  };

  it('to networkd, which keeps the address while it asks for the same lease again', () => {
    expect(written({})['/run/systemd/network/70-statectl-eth0.network']).toMatchInlineSnapshot(`
      "# Made by statectl at boot: the interface as the initramfs left it.
      [Match]
      PermanentMACAddress=52:54:00:12:34:56
      Type=ether

      [Network]
      DHCP=ipv4
      KeepConfiguration=static

      [DHCPv4]
      ClientIdentifier=mac
      UseDomains=yes
      UseMTU=yes
      "
    `);
  });

  it('to udev, which must not rename what is in use', () => {
    expect(written({})['/run/systemd/network/10-statectl-eth0.link']).toMatchInlineSnapshot(`
      "# Made by statectl at boot: the interface is in use, so its name stays.
      [Match]
      PermanentMACAddress=52:54:00:12:34:56
      Type=ether

      [Link]
      NamePolicy=
      AlternativeNamesPolicy=database onboard slot path
      "
    `);
  });

  it('to networkd with the identifiers that the DHCPv6 server knows', () => {
    const network = written({}, {}, true, 'ip=eth0:dhcp6')['/run/systemd/network/70-statectl-eth0.network'];
    expect(network).toContain('DHCP=ipv6\nIPv6AcceptRA=yes\n');
    expect(network).toContain('[DHCPv6]\nDUIDType=link-layer\nIAID=1193046\nWithoutRA=solicit\n');
  });

  it('to networkd with an address by hand', () => {
    expect(
      written({ method: 'static' }, {}, true, BY_HAND)['/run/systemd/network/10-statectl-eth0.network'],
    ).toMatchInlineSnapshot(`
      "# Made by statectl at boot: the interface as the initramfs left it.
      [Match]
      PermanentMACAddress=52:54:00:12:34:56
      Type=ether

      [Network]
      Address=10.0.2.15/24
      Gateway=10.0.2.2
      DNS=10.0.2.3
      NTP=10.0.2.9
      KeepConfiguration=static
      "
    `);
  });

  it('to ifupdown where the system has no networkd', () => {
    const ifupdown = { usesNetworkd: false, usesIfupdown: true };
    const path = '/etc/network/interfaces.d/statectl-eth0';
    expect(written({}, ifupdown)[path]).toBe('# Made by statectl at boot.\nauto eth0\niface eth0 inet dhcp\n');
    expect(written({ method: 'static' }, ifupdown, true, BY_HAND)[path]).toBe(
      '# Made by statectl at boot.\nauto eth0\niface eth0 inet static\n\taddress 10.0.2.15/24\n\tgateway 10.0.2.2\n',
    );
    expect(written({}, { usesIfupdown: true })).not.toHaveProperty([path]);
  });

  it('with its name servers, unless a service owns resolv.conf', () => {
    expect(written({ dns: ['10.0.2.3', '10.0.2.3', '10.0.2.4'], domain: 'lab' })['/etc/resolv.conf']).toBe(
      'search lab\nnameserver 10.0.2.3\nnameserver 10.0.2.4\n',
    );
    expect(written({}, { hasResolvConf: 'missing' })).toHaveProperty(['/etc/resolv.conf']);
    expect(written({}, { hasResolvConf: 'symlink' })).not.toHaveProperty(['/etc/resolv.conf']);
  });

  it('with the name that DHCP gave', () => {
    expect(written({ hostname: 'lab7' })['/etc/hostname']).toBe('lab7\n');
    expect(written({})).not.toHaveProperty(['/etc/hostname']);
  });

  it('without a word into /etc where that is read-only', () => {
    expect(Object.keys(written({ hostname: 'lab7', domain: 'lab' }, {}, false))).toEqual([
      '/run/systemd/network/10-statectl-eth0.link',
      '/run/systemd/network/70-statectl-eth0.network',
    ]);
  });

  it('to networkd, which looks after the address that has an end, and after resolv.conf where no other service does', () => {
    const facts = createFacts({ network: { leases: [createLease({ seconds: 600 })] } });
    expect(planNetworkHandover(facts, install, true).map(shellOf)).toContain(
      'ip address replace 10.0.2.15/24 dev eth0 valid_lft 600 preferred_lft 600',
    );
    const unit = '/run/systemd/system/statectl-resolver.path';
    expect(written({})[unit]).toContain('PathChanged=/run/systemd/netif/state\n');
    expect(written({}, { hasResolvConf: 'symlink' })).not.toHaveProperty([unit]);
    expect(written({}, { usesNetworkd: false })).not.toHaveProperty([unit]);
  });

  it('to a service that begins anew without what it would not replace: ifupdown, dhcpcd, NetworkManager', () => {
    const commands = (how: Partial<InstallFacts>, commandLine = '', leases = [createLease({ seconds: 600 })]) =>
      planNetworkHandover(
        createFacts({ commandLine, network: { leases } }),
        { ...install, usesNetworkd: false, ...how },
        true,
      )
        .map(shellOf)
        .filter((line) => line.startsWith('ip '));
    expect(commands({ usesIfupdown: true })).toEqual(['ip address flush dev eth0 to 10.0.2.15']);
    expect(commands({ hasOtherNetworkService: true })).toEqual(['ip address flush dev eth0 to 10.0.2.15']);
    // A router's address is the kernel's, and without any service all stays as it is.
    expect(commands({ usesIfupdown: true }, '', [createLease({ method: 'router', address: 'fd00::7' })])).toEqual([]);
    expect(commands({})).toEqual([]);
  });

  it('to networkd without the name servers of DHCP where rd.peerdns=0 says so', () => {
    const text = written({}, {}, true, 'rd.peerdns=0 ip=dhcp')['/run/systemd/network/70-statectl-eth0.network'];
    expect(text).toContain('[DHCPv4]\nClientIdentifier=mac\nUseMTU=yes\nUseDNS=no\n');
  });

  it('by the name that it keeps, where a card has no address of its own, or was given another', () => {
    const match = (facts: Parameters<typeof createFacts>[0]) =>
      planNetworkHandover(createFacts(facts), install, true).flatMap((step) =>
        step.kind === 'write' && step.path.includes('statectl-eth0')
          ? [/\[Match\]\n([^[]*?)\n\n/.exec(step.content)?.[1]]
          : [],
      );
    expect(match({ network: { interfaces: [createInterface({ random: true })] } })).toEqual([
      'OriginalName=eth0',
      'Name=eth0',
    ]);
    expect(match({ commandLine: 'ip=eth0:dhcp:1500:52:54:00:00:00:99' })).toEqual(['OriginalName=eth0', 'Name=eth0']);
  });
});

describe('a network of several layers', async () => {
  const text = `
boot: lab
interfaces:
  uplink: { match: { mac: 52:54:00:12:34:56 } }
  eth1: { mtu: 9000 }
  bond0:
    kind: bond
    members: [uplink, eth1]
    mode: active-backup
    primary: uplink
    options: { updelay: 200, arp_ip_target: "10.7.0.1,10.7.0.2" }
  lab: { kind: vlan, id: 7, link: bond0 }
  storage:
    kind: vlan
    id: 8
    link: bond0
    addresses: [10.8.0.7/24, "fd08::7/64"]
    gateway: fd08::1
    routes: { 10.9.0.0/16: 10.8.0.9, 10.10.0.0/16: direct }
    dns: [10.8.0.1]
    search: [lab.example, example]
    ntp: [time.example]
`;
  const network = await networkConfig(text);
  const facts = createFacts({
    config: { network },
    network: {
      interfaces: [createInterface(), createInterface({ name: 'eth1', mac: '52:54:00:12:34:57' })],
      leases: [createLease({ device: 'lab', card: 'eth0' })],
    },
  });
  const install: InstallFacts = {
    machineId: 'x',
    machineIdOrigin: 'derived',
    usesNetworkd: false,
    usesIfupdown: true,
    hasResolvConf: 'file',
  };
  const files = (folder: string) =>
    planNetworkHandover(facts, install, true)
      .flatMap((step) =>
        step.kind === 'write' && step.path.startsWith(folder) ? [`==> ${step.path}\n${step.content}`] : [],
      )
      .filter((text) => !/\.link\n/.test(text))
      .join('')
      .replaceAll(/# Made by.*\n/g, '');

  it('is given to networkd, also what the initramfs did not set up', () => {
    expect(files('/run/')).toMatchInlineSnapshot(`
      "==> /run/systemd/network/10-statectl-eth0.network
      [Match]
      PermanentMACAddress=52:54:00:12:34:56
      Type=ether

      [Network]
      Bond=bond0
      PrimarySlave=yes
      KeepConfiguration=static
      ==> /run/systemd/network/10-statectl-eth1.network
      [Match]
      PermanentMACAddress=52:54:00:12:34:57
      Type=ether

      [Link]
      MTUBytes=9000

      [Network]
      Bond=bond0
      KeepConfiguration=static
      ==> /run/systemd/network/10-statectl-bond0.netdev
      [NetDev]
      Name=bond0
      Kind=bond

      [Bond]
      Mode=active-backup
      MIIMonitorSec=100ms
      UpDelaySec=200ms
      ARPIPTargets=10.7.0.1 10.7.0.2
      ==> /run/systemd/network/10-statectl-bond0.network
      [Match]
      Name=bond0

      [Network]
      VLAN=lab
      VLAN=storage
      KeepConfiguration=static
      ==> /run/systemd/network/10-statectl-storage.netdev
      [NetDev]
      Name=storage
      Kind=vlan

      [VLAN]
      Id=8
      ==> /run/systemd/network/10-statectl-storage.network
      [Match]
      Name=storage

      [Network]
      Address=10.8.0.7/24
      Address=fd08::7/64
      Gateway=fd08::1
      DNS=10.8.0.1
      Domains=lab.example example
      NTP=time.example

      [Route]
      Destination=10.9.0.0/16
      Gateway=10.8.0.9

      [Route]
      Destination=10.10.0.0/16
      Scope=link
      ==> /run/systemd/network/10-statectl-lab.netdev
      [NetDev]
      Name=lab
      Kind=vlan

      [VLAN]
      Id=7
      ==> /run/systemd/network/10-statectl-lab.network
      [Match]
      Name=lab

      [Network]
      DHCP=ipv4
      KeepConfiguration=static

      [DHCPv4]
      ClientIdentifier=mac
      UseDomains=yes
      UseMTU=yes
      "
    `);
  });

  it('is given to ifupdown', () => {
    expect(files('/etc/network')).toMatchInlineSnapshot(`
      "==> /etc/network/interfaces.d/statectl-eth0
      auto eth0
      iface eth0 inet manual
      	bond-master bond0
      ==> /etc/network/interfaces.d/statectl-eth1
      auto eth1
      iface eth1 inet manual
      	bond-master bond0
      	mtu 9000
      ==> /etc/network/interfaces.d/statectl-bond0
      auto bond0
      iface bond0 inet manual
      	bond-slaves eth0 eth1
      	bond-mode active-backup
      	bond-miimon 100
      	bond-primary eth0
      	bond-updelay 200
      	bond-arp-ip-target 10.7.0.1,10.7.0.2
      ==> /etc/network/interfaces.d/statectl-storage
      auto storage
      iface storage inet static
      	vlan-raw-device bond0
      	vlan-id 8
      	address 10.8.0.7/24
      	up ip route replace 10.9.0.0/16 via 10.8.0.9 dev $IFACE
      	up ip route replace 10.10.0.0/16 dev $IFACE
      iface storage inet6 static
      	address fd08::7/64
      	gateway fd08::1
      ==> /etc/network/interfaces.d/statectl-lab
      auto lab
      iface lab inet dhcp
      	vlan-raw-device bond0
      	vlan-id 7
      "
    `);
  });

  it('gives udev the names and MAC addresses that stay', () => {
    const links = planNetworkHandover(facts, install, true).flatMap((step) =>
      step.kind === 'write' && /(eth1|bond0)\.link$/.test(step.path) ? [step.content] : [],
    );
    expect(links.join('')).toMatchInlineSnapshot(`
      "# Made by statectl at boot: the interface is in use, so its name stays.
      [Match]
      PermanentMACAddress=52:54:00:12:34:57
      Type=ether

      [Link]
      NamePolicy=
      AlternativeNamesPolicy=database onboard slot path
      # Made by statectl at boot: the interface is in use, so its name stays.
      [Match]
      OriginalName=bond0

      [Link]
      NamePolicy=
      MACAddressPolicy=none
      "
    `);
  });

  it('has the name servers of all, those said before those leased', () => {
    expect(files('/etc/resolv')).toContain('search lab.example example\nnameserver 10.8.0.1\nnameserver 10.0.2.3\n');
  });
});

describe('at the hand-over', () => {
  const install: InstallFacts = {
    machineId: 'x',
    machineIdOrigin: 'derived',
    usesNetworkd: true,
    usesIfupdown: false,
    hasResolvConf: 'symlink',
  };
  const two = [createInterface(), createInterface({ name: 'eth1', mac: '52:54:00:12:34:57' })];
  const commandsOf = (facts: Parameters<typeof createFacts>[0]) =>
    planNetworkHandover(createFacts(facts), install, true)
      .filter(({ kind }) => kind === 'flush' || kind === 'link-down')
      .map(shellOf);

  it('a card that was only looked at is taken down', () => {
    expect(commandsOf({ network: { interfaces: two } })).toEqual([
      'ip address flush dev eth1',
      'ip link set dev eth1 down',
    ]);
  });

  it('an interface that the system is to begin anew with is taken down, and nothing said of it', async () => {
    const network = await networkConfig('interfaces: { eth0: { handover: down } }');
    const facts = createFacts({ config: { network } });
    expect(commandsOf({ config: { network } })).toEqual(['ip address flush dev eth0', 'ip link set dev eth0 down']);
    expect(planNetworkHandover(facts, install, true)).toHaveLength(2);
  });

  it('but not one that another lies over which is kept', async () => {
    const text = 'boot: v\ninterfaces: { eth0: { handover: down }, v: { kind: vlan, id: 7, link: eth0 } }';
    const network = await networkConfig(text);
    expect(commandsOf({ config: { network }, network: { leases: [createLease({ device: 'v' })] } })).toEqual([]);
  });

  it('with a local root and no network in the initramfs, the system still gets what config.d says', async () => {
    const network = await networkConfig('interfaces: { eth0: { dhcp4: true } }');
    const facts = createFacts({ config: { boot: { root: 'LABEL=system' }, network }, network: { leases: [] } });
    expect(planNetworkHandover(facts, install, true).flatMap((step) => ('path' in step ? [step.path] : []))).toEqual([
      '/run/systemd/network',
      '/run/systemd/network/10-statectl-eth0.link',
      '/run/systemd/network/10-statectl-eth0.network',
    ]);
  });
});

describe('the system has its network, whatever the boot needed of it', () => {
  const install: InstallFacts = {
    machineId: 'x',
    machineIdOrigin: 'derived',
    usesNetworkd: true,
    usesIfupdown: false,
    hasResolvConf: 'symlink',
  };
  const local = { boot: { root: 'PARTLABEL=system' } };
  const eth1 = createInterface({ name: 'eth1', mac: '52:54:00:12:34:57' });
  const wlan = createInterface({ name: 'wlan0', mac: '52:54:00:12:34:58', wireless: true });
  const written = (facts: Parameters<typeof createFacts>[0], how: Partial<InstallFacts> = {}) =>
    Object.fromEntries(
      planNetworkHandover(
        createFacts({ ...facts, network: { leases: [], ...facts?.network } }),
        { ...install, ...how },
        true,
      ).flatMap((step) =>
        step.kind === 'write' ? [[step.path.replace(/^.*\/statectl-|^.*\//, ''), step.content]] : [],
      ),
    );
  const WIRED = '90-statectl-wired.network';

  it.each(['PARTLABEL=system', 'UUID=0b6e3ad2-6c1f-4a58-8d0e-7f5c2a914b3d', 'LABEL=a', '/dev/sda2'])(
    'with root=%s: DHCP on every wired card, those too that appear later',
    (root) => {
      const files = written({ config: { boot: { root } } });
      expect(Object.keys(files)).toEqual([WIRED]);
      expect(files[WIRED]).toMatchInlineSnapshot(`
        "# Made by statectl at boot: nobody says anything else of a wired card.
        [Match]
        Type=ether
        Kind=!*

        [Network]
        DHCP=ipv4

        [DHCPv4]
        ClientIdentifier=mac
        UseDomains=yes
        UseMTU=yes
        "
      `);
    },
  );

  it('and of several cards one that is online is enough', () => {
    const files = written({ config: local, network: { interfaces: [createInterface(), eth1, wlan] } });
    expect(Object.keys(files)).toEqual([WIRED, '10-statectl.conf']);
    expect(files['10-statectl.conf']).toContain('--any\n');
  });

  it('by ifupdown too, under the names that the cards have', () => {
    const ifupdown = { usesNetworkd: false, usesIfupdown: true, ifupdown: { hasCards: false } };
    const files = written({ config: local, network: { interfaces: [createInterface(), eth1, wlan] } }, ifupdown);
    expect(files.eth0).toBe('# Made by statectl at boot.\nauto eth0\niface eth0 inet dhcp\n');
    expect(Object.keys(files)).toEqual(
      expect.arrayContaining(['eth1', '10-statectl-eth0.link', '10-statectl-eth1.link']),
    );
    expect(files).not.toHaveProperty(['wlan0']);
    // What the image itself says of its cards counts.
    expect(written({ config: local }, { ...ifupdown, ifupdown: { hasCards: true } })).not.toHaveProperty(['eth0']);
  });

  it('by a file of interfaces(5) that reads what the boot writes', () => {
    const withSource = 'auto lo\n\nsource-directory /etc/network/interfaces.d\n';
    const ifupdown = { usesNetworkd: false, usesIfupdown: true, ifupdown: { hasCards: false, withSource } };
    expect(written({ config: local }, ifupdown).interfaces).toBe(withSource);
  });

  it.each(['ip=off', 'ip=none', 'ip=::::::off'])('but not with %s', (commandLine) => {
    expect(written({ config: local, commandLine })).toEqual({});
  });

  it('but for the card of ip=eth0:off', () => {
    const files = written({
      config: local,
      commandLine: 'ip=eth0:off',
      network: { interfaces: [createInterface(), eth1] },
    });
    expect(Object.keys(files)).toEqual([WIRED, '10-statectl-eth0.network']);
    expect(files['10-statectl-eth0.network']).toContain('Type=ether\n\n[Link]\nUnmanaged=yes\n');
  });

  it('or what config.d says, and no more', async () => {
    const network = await networkConfig('interfaces: { eth1: { addresses: [10.9.0.1/24] } }');
    expect(
      Object.keys(written({ config: { ...local, network }, network: { interfaces: [createInterface(), eth1] } })),
    ).toEqual(['10-statectl-eth1.link', '10-statectl-eth1.network']);
  });

  it('when it boots from its copy and no server or DHCP server answered', () => {
    expect(Object.keys(written({}))).toEqual(['10-statectl-eth0.link', '70-statectl-eth0.network']);
    const several = Object.keys(written({ network: { interfaces: [{ ...createInterface(), carrier: false }, eth1] } }));
    expect(several).toEqual(['10-statectl-eth1.link', '70-statectl-eth1.network', WIRED]);
  });
});
