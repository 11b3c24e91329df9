import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import { bootMachine, type Machine } from '../boot/lab/machine.ts';
import { type ServedImages, serveImages } from '../boot/lab/serve-images.ts';
import { type InitramfsFile, initramfsWith } from '../fixtures/vm/images/initramfs.ts';
import { type TaggedNetwork, taggedNetwork } from '../fixtures/vm/network/tagged-network.ts';

const VLAN = 5;
/** As if nobody had configured anything yet. */
const CLEAN = [
  'for nic in bond0 br0 eth2.5; do [ ! -e /sys/class/net/$nic ] || ip link del $nic; done',
  'for nic in eth0 eth1 eth2; do ip address flush dev $nic; ip link set dev $nic down; echo 0 > /proc/sys/net/ipv6/conf/$nic/disable_ipv6; done',
  'rm -f /run/initramfs/leases/* /etc/resolv.conf',
].join('; ');
/** Both cards end in networks that look the same, as two ports of one switch do. */
const NIC = { netdev: 'user,ipv6-net=fd00::/64,ipv6-host=fd00::2' };

describe('a machine with three network cards, two of them in one network, the third in a VLAN', () => {
  let server: ServedImages;
  let tagged: TaggedNetwork;
  let initramfs: InitramfsFile;
  let vm: Machine;

  beforeAll(async () => {
    server = await serveImages('tiny', { family: 6 });
    tagged = await taggedNetwork(VLAN);
    // Without a server the boot ends in the phase after network, where the shell can look at it and set the next try up.
    initramfs = await initramfsWith({
      'config.d/controller/cnetwork.conf': 'dhcp: 4s\ntries: 1\n',
      'etc/cmdline': `vlan=eth2.${VLAN}:eth2 ip=eth2.${VLAN}:dhcp\n`,
    });
    vm = await bootMachine({
      initramfs: initramfs.file,
      nics: [NIC, NIC, tagged],
      panic: '',
      expects: 'trouble',
      memoryMiB: 512,
    });
    expect(await vm.event('failed')).toMatchObject({ code: 'no-server' });
    await vm.rescueShell();
  });
  afterAll(async () => {
    for (const each of [vm, initramfs, tagged, server]) await each[Symbol.asyncDispose]();
  });

  async function tryWith(cmdline: string) {
    await vm.shell(CLEAN);
    await vm.shell(`echo '${cmdline}' > /etc/cmdline`);
    vm.type('exit\n');
    const failed = await vm.event('failed');
    await vm.rescueShell();
    return failed;
  }
  const addressOf = async (nic: string, family = 4) =>
    / inet6? (\S+)/.exec(await vm.shell(`ip -${family} -o address show dev ${nic} scope global`))?.[1];

  test('a VLAN gets its address through the tag', async () => {
    expect(await addressOf(`eth2.${VLAN}`)).toBe('10.0.2.15/24');
    expect(await addressOf('eth2')).toBeUndefined();
    expect(await vm.shell('cat /proc/net/vlan/config')).toMatch(/eth2\.5 +\| 5 +\| eth2/);
  });

  test('a bond of two cards works on when one loses its link', async () => {
    await tryWith('bond=bond0:eth0,eth1:mode=active-backup,miimon=100,primary=eth0 ip=bond0:dhcp');
    expect(await addressOf('bond0')).toBe('10.0.2.15/24');
    const about = (name: string) => vm.shell(`cat /sys/class/net/bond0/bonding/${name}`);
    expect([await about('mode'), await about('miimon'), await about('slaves'), await about('active_slave')]).toEqual([
      'active-backup 1',
      '100',
      'eth0 eth1',
      'eth0',
    ]);
    await vm.qmp('set_link', { name: 'nic0', up: false });
    await vm.shell('until grep -q eth1 /sys/class/net/bond0/bonding/active_slave; do usleep 100000; done');
    await vm.shell('ping -c 1 -W 5 10.0.2.2');
    await vm.qmp('set_link', { name: 'nic0', up: true });
  });

  test('a bridge has the address, its port none', async () => {
    await tryWith('bridge=br0:eth0 ip=br0:dhcp');
    expect([await addressOf('br0'), await addressOf('eth0')]).toEqual(['10.0.2.15/24', undefined]);
    expect(await vm.shell('ls /sys/class/net/br0/brif')).toBe('eth0');
  });

  test('says where config.d has a fault that nobody checked before', async () => {
    await vm.shell('echo "waiit: 2s" > /config.d/system/cnetwork.conf');
    const failed = await tryWith('ip=dhcp');
    expect(failed).toMatchObject({ phase: 'config', code: 'config-invalid' });
    expect(failed.text).toMatch(/^system\/cnetwork\.conf:1:1 unknown file/m);
    await vm.shell('rm /config.d/system/cnetwork.conf');
  });

  test('says which cards there are when one that it needs is not', async () => {
    const failed = await tryWith('bond=bond0:eth0,eth9 ip=bond0:dhcp');
    expect(failed.text).toMatch(
      /^eth9 is to be set up, but there is no such interface: there are eth0 \(52:54:00:12:34:56/,
    );
    expect(failed.hint).toContain('name one of them');
  });

  test('an address of IPv6 by hand, with its route', async () => {
    await tryWith('ip=[fd00::7]::[fd00::2]:64::eth0:none nameserver=[fd00::3]');
    expect(await vm.shell('ip -6 -o address show dev eth0 scope global')).toContain(' fd00::7/64 ');
    expect(await vm.shell('ip -6 route show default')).toContain('via fd00::2');
    expect(await vm.shell('cat /etc/resolv.conf')).toBe('nameserver fd00::3');
  });

  test('boots over IPv6 alone, by a router’s announcement and a URL in brackets', async () => {
    await vm.shell(`${CLEAN}; echo 'ip=eth0:auto6 statectl.server=${server.guestUrl}' > /etc/cmdline`);
    vm.type('exit\n');
    await vm.event('handed-over');
    await vm.console(/tiny: init/);
    expect(await addressOf('eth0')).toBeUndefined();
    expect(await addressOf('eth0', 6)).toMatch(/^fd00::/);
  });
});

describe('a Debian on the machine’s disk, booted over a bond that a VLAN lies over', () => {
  let initramfs: InitramfsFile;
  let vm: Machine;

  beforeAll(async () => {
    initramfs = await initramfsWith({
      'config.d/controller/cnetwork.conf': `boot: bond0
interfaces:
  eth0: {}
  eth1: {}
  eth2: { initramfs: true, handover: down, addresses: [10.9.0.1/24] }
  bond0:
    kind: bond
    members: [eth0, eth1]
    mode: active-backup
    dhcp4: true
    acceptRa: true
    dns: [10.0.2.3]
    search: [lab.test]
    ntp: [10.0.2.2]
  lab:
    kind: vlan
    id: 7
    link: bond0
    addresses: [10.7.0.7/24]
`,
    });
    vm = await bootMachine({
      initramfs: initramfs.file,
      nics: [NIC, NIC, NIC],
      disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }],
      cmdline: 'root=/dev/vda rd.neednet=1',
    });
    await vm.console(/login: /);
    await vm.run(
      'systemctl is-system-running --wait || true; /lib/systemd/systemd-networkd-wait-online -i bond0 -i lab',
    );
  });
  afterAll(async () => {
    for (const each of [vm, initramfs]) await each[Symbol.asyncDispose]();
  });

  test('networkd has taken over what the boot used, as it was', async () => {
    expect(await vm.run('networkctl --no-legend list')).toMatch(/bond0 +bond +routable +configured/);
    expect(await vm.run('ip -4 -o address show dev bond0')).toContain(' 10.0.2.15/24 ');
    expect(await vm.run('ip -6 -o address show dev bond0 scope global')).toContain(' fd00::');
    expect(await vm.run('cat /sys/class/net/bond0/bonding/slaves')).toBe('eth0 eth1');
    expect(await vm.run('systemctl --failed --no-legend')).toBe('');
  });

  test('the VLAN that only the system wants is there too', async () => {
    expect(await vm.run('ip -4 -o address show dev lab')).toContain(' 10.7.0.7/24 ');
    expect(await vm.run('networkctl --no-legend list')).toMatch(/lab +vlan +\S+ +configured/);
  });

  test('what is to be left to the system is taken down first', async () => {
    // An interface that is up cannot be renamed: udev gives this one a name of its own.
    expect(await vm.run('grep -l 52:54:00:12:34:58 /sys/class/net/*/address')).toMatch(/net\/enp\w+\/address/);
    expect(await vm.run('ip -4 -o address')).not.toContain('10.9.0.1');
  });

  test('name servers and search domains are the system’s', async () => {
    // systemd-resolved hears of them from networkd when it comes to it; the stub that /etc/resolv.conf leads to names
    // resolved itself.
    await expect
      .poll(() => vm.run('cat /run/systemd/resolve/resolv.conf'))
      .toMatch(/nameserver 10\.0\.2\.3\n(.*\n)*search lab\.test/);
    expect(await vm.run('resolvectl dns bond0')).toContain('10.0.2.3');
  });
});
