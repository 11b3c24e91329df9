import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bootMachine, type Machine } from '../boot/lab/machine.ts';
import { type InitramfsFile, initramfsWith } from '../fixtures/vm/images/initramfs.ts';
import { type DhcpServer, dhcpServer } from '../fixtures/vm/network/dhcp-server.ts';

describe('a machine with an unkind DHCP server', () => {
  let dhcp: DhcpServer;
  let initramfs: InitramfsFile;
  let vm: Machine;

  beforeAll(async () => {
    dhcp = await dhcpServer({ refuses: true });
    initramfs = await initramfsWith({
      'config.d/controller/cnetwork.conf': 'dhcp: 6s\ntries: 2\n',
      'config.d/controller/cserver.info.conf': 'tries: 1\n',
    });
    const cmdline = 'ip=dhcp statectl.server=http://192.168.78.1:9';
    vm = await bootMachine({
      initramfs: initramfs.file,
      nics: [dhcp],
      cmdline,
      panic: '',
      expects: 'trouble',
      memoryMiB: 512,
    });
  });
  afterAll(async () => {
    for (const each of [vm, initramfs, dhcp]) await each[Symbol.asyncDispose]();
  });

  test('says that it was refused, and why', async () => {
    await vm.console(/the DHCP server refused eth0: go away/);
    await vm.console(/no DHCP server answered on eth0 within 6 s; attempt 2 of 2/);
    expect(await vm.event('failed')).toMatchObject({ phase: 'bundle', code: 'no-network' });
    expect(dhcp.received).toEqual(expect.arrayContaining(['DISCOVER', 'REQUEST']));
  });

  test('waits for a slow one, and says for how long', async () => {
    await vm.rescueShell();
    Object.assign(dhcp.manners, { refuses: false, delayMs: 1500 });
    vm.type('exit\n');
    await vm.console(/DHCP on eth0 \(up to 6 s\)/);
    // Beyond the lease there is nobody.
    expect(await vm.event('failed')).not.toMatchObject({ code: 'no-network' });
    await vm.rescueShell();
    expect(await vm.shell('ip -4 -o address show dev eth0')).toContain('192.168.78.20/24');
  });
});
