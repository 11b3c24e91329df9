import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type InitramfsFile, initramfsWith } from '../fixtures/vm/images/initramfs.ts';
import { bootMachine, type Machine } from './lab/machine.ts';
import { type ServedImages, serveImages } from './lab/serve-images.ts';

const SECOND_NIC = { netdev: 'user,net=10.0.3.0/24' };
/** As if nobody had configured anything yet. */
const CLEAN = [
  'for nic in eth0 eth1; do ip address flush dev $nic; ip link set dev $nic down mtu 1500; done',
  'rm -f /run/initramfs/leases/* /etc/resolv.conf',
].join('; ');

describe('a machine with two network cards', () => {
  let server: ServedImages;
  let initramfs: InitramfsFile;
  let vm: Machine;

  beforeAll(async () => {
    server = await serveImages('tiny');
    // Without a server the boot ends in the phase after network, where the shell can look at it and set the next try up.
    initramfs = await initramfsWith({
      'config.d/controller/cnetwork.conf': 'dhcp: 4s\ntries: 1\n',
      'etc/cmdline': 'ip=dhcp\n',
    });
    vm = await bootMachine({
      initramfs: initramfs.file,
      nics: [{}, SECOND_NIC],
      panic: '',
      expects: 'trouble',
      memoryMiB: 512,
    });
    await vm.event('failed', { code: 'no-server' });
    await vm.rescueShell();
  });
  afterAll(async () => {
    for (const each of [vm, initramfs, server]) await each[Symbol.asyncDispose]();
  });

  async function tryWith(cmdline: string) {
    await vm.shell(CLEAN);
    await vm.shell(`echo '${cmdline}' > /etc/cmdline`);
    vm.type('exit\n');
    const failed = await vm.event('failed');
    await vm.rescueShell();
    return failed;
  }
  const addresses = async (nic: string) =>
    (await vm.shell(`ip -4 -o address show dev ${nic}`))
      .split('\n')
      .map((line) => / inet (\S+)/.exec(line)?.[1])
      .filter(Boolean);

  test.each([
    ['ip=dhcp', ['10.0.2.15/24'], [], '10.0.2.2 dev eth0'],
    ['ip=eth1:dhcp', [], ['10.0.3.15/24'], '10.0.3.2 dev eth1'],
    ['ip=dhcp BOOTIF=01-52-54-00-12-34-57', [], ['10.0.3.15/24'], '10.0.3.2 dev eth1'],
    ['ip=10.0.2.50::10.0.2.2:255.255.255.0:node7:eth0:none:10.0.2.3', ['10.0.2.50/24'], [], '10.0.2.2 dev eth0'],
    ['ip=10.0.3.51/24::10.0.3.2::node7:eth1:none:1400', [], ['10.0.3.51/24'], '10.0.3.2 dev eth1'],
    ['ip=eth0:dhcp ip=eth1:dhcp bootdev=eth1', ['10.0.2.15/24'], ['10.0.3.15/24'], '10.0.3.2 dev eth1'],
  ])('configures %s', async (cmdline, first, second, gateway) => {
    expect((await tryWith(cmdline)).code).toBe('no-server');
    expect(await addresses('eth0')).toEqual(first);
    expect(await addresses('eth1')).toEqual(second);
    const routes = (await vm.shell('ip route')).split('\n').filter((line) => line.startsWith('default'));
    expect(routes).toEqual([expect.stringMatching(new RegExp(`^default via ${gateway}\\b`))]);
    if (cmdline.endsWith('10.0.2.3')) expect(await vm.shell('cat /etc/resolv.conf')).toBe('nameserver 10.0.2.3');
    if (cmdline.endsWith('1400')) expect(await vm.shell('cat /sys/class/net/eth1/mtu')).toBe('1400');
  });

  test.each([
    ['ip=dchp', 'ip-invalid', '"dchp" is no way to get an address', 'did you mean dhcp?'],
    [
      'ip=eth7:dhcp',
      'interface-missing',
      'ip= names eth7, but there is no such interface: there are eth0 (52:54:00:12:34:56',
      'name one of them',
    ],
  ])('refuses %s', async (cmdline, code, text, hint) => {
    const failed = await tryWith(`${cmdline} statectl.server=http://10.0.2.2:9`);
    expect(failed.code).toBe(code);
    expect(failed.text).toContain(text);
    expect(failed.hint).toContain(hint);
  });

  test('takes the card that has a link', async () => {
    await vm.qmp('set_link', { name: 'nic0', up: false });
    await tryWith('ip=dhcp');
    expect(await addresses('eth1')).toEqual(['10.0.3.15/24']);
  });

  test('says that no card has a link, and does not wait for ever', async () => {
    await vm.qmp('set_link', { name: 'nic1', up: false });
    const failed = await tryWith('ip=dhcp statectl.server=http://10.0.2.2:9');
    expect(vm.events.map((event) => (event.event === 'said' ? event.text : ''))).toContainEqual(
      expect.stringMatching(/^no link on eth0, eth1 after \d+ s: is a cable plugged in\?$/),
    );
    expect(failed).toMatchObject({ code: 'no-network', hint: expect.stringContaining('is the cable plugged in') });
  });

  test('boots when the cables are back', async () => {
    for (const name of ['nic0', 'nic1']) await vm.qmp('set_link', { name, up: true });
    await vm.shell(`${CLEAN}; echo 'ip=dhcp statectl.server=${server.guestUrl}' > /etc/cmdline`);
    vm.type('exit\n');
    await vm.event('handed-over');
    await vm.console(/tiny: init/);
  });
});
