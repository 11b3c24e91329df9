import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readConfigDir } from '../../../../src/config/config-dir.ts';
import { reservationsOf } from '../../../../src/config/nodes/reservations.ts';
import { parseSubnet } from '../../../../src/server/limits/subnet.ts';
import { dnsmasqConfiguration } from '../../../../src/server/netboot/dnsmasq.ts';
import { configHost } from '../../../fixtures/config.ts';

const DNSMASQ = '/usr/sbin/dnsmasq';
const serverUrl = 'http://192.168.7.1:8080';

const variants = [
  { serverUrl, proxy: true },
  { serverUrl, proxy: false },
  { serverUrl, proxy: true, interface: 'eth0', subnet: '10.1.2.3/16' },
  ...[true, false].map((proxy) => ({
    ...{ serverUrl, proxy },
    reservations: [
      { node: 'print07', macs: ['52:54:00:12:34:56', '52:54:00:12:34:57'], address: '192.168.7.107' },
      { node: 'print08', macs: ['52:54:00:12:34:58'], address: 'fd00::8' },
    ],
  })),
  { serverUrl: 'http://boot.example:8080', proxy: false, interface: 'eth0', subnet: '10.1.0.0/16' },
];

test.skipIf(!existsSync(DNSMASQ)).each(variants)('dnsmasq accepts the configuration for %j', (options) => {
  const result = spawnSync(DNSMASQ, ['--test', '--conf-file=-'], {
    input: dnsmasqConfiguration(options),
    encoding: 'utf8',
  });
  expect(result.stderr).toContain('syntax check OK');
  expect(result.status).toBe(0);
});

const settings = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

test('beside another DHCP server, dnsmasq gives no addresses and only adds what to boot', () => {
  expect(settings(dnsmasqConfiguration({ serverUrl, proxy: true })).join('\n')).toMatchInlineSnapshot(`
    "port=0
    log-dhcp
    dhcp-range=192.168.7.0,proxy,255.255.255.0
    dhcp-match=set:bios,option:client-arch,0   # BIOS
    dhcp-match=set:efi-x86_64,option:client-arch,7   # UEFI, 64-bit PC
    dhcp-match=set:efi-x86_64,option:client-arch,9   # UEFI, 64-bit PC (as some firmware says it)
    dhcp-match=set:efi-arm64,option:client-arch,11   # UEFI, 64-bit ARM
    dhcp-match=set:ipxe,175
    dhcp-userclass=set:ipxe,iPXE
    enable-tftp
    tftp-root=/usr/lib/ipxe
    pxe-service=tag:!ipxe,x86PC,"iPXE for statectl",undionly.kpxe
    pxe-service=tag:!ipxe,BC_EFI,"iPXE for statectl",snponly.efi
    pxe-service=tag:!ipxe,x86-64_EFI,"iPXE for statectl",snponly.efi
    pxe-service=tag:!ipxe,ARM64_EFI,"iPXE for statectl",snponly-arm64.efi
    pxe-service=tag:ipxe,x86PC,"statectl",http://192.168.7.1:8080/boot.ipxe
    pxe-service=tag:ipxe,BC_EFI,"statectl",http://192.168.7.1:8080/boot.ipxe
    pxe-service=tag:ipxe,x86-64_EFI,"statectl",http://192.168.7.1:8080/boot.ipxe
    pxe-service=tag:ipxe,ARM64_EFI,"statectl",http://192.168.7.1:8080/boot.ipxe
    dhcp-boot=tag:ipxe,http://192.168.7.1:8080/boot.ipxe"
  `);
});

test('as the only DHCP server, dnsmasq also serves UEFI HTTP boot', () => {
  expect(settings(dnsmasqConfiguration({ serverUrl, proxy: false })).join('\n')).toMatchInlineSnapshot(`
    "port=0
    log-dhcp
    dhcp-range=192.168.7.128,192.168.7.254,255.255.255.0,12h
    dhcp-match=set:bios,option:client-arch,0   # BIOS
    dhcp-match=set:efi-x86_64,option:client-arch,7   # UEFI, 64-bit PC
    dhcp-match=set:efi-x86_64,option:client-arch,9   # UEFI, 64-bit PC (as some firmware says it)
    dhcp-match=set:efi-arm64,option:client-arch,11   # UEFI, 64-bit ARM
    dhcp-match=set:ipxe,175
    dhcp-userclass=set:ipxe,iPXE
    dhcp-match=set:http-x86_64,option:client-arch,16   # UEFI HTTP boot, 64-bit PC
    dhcp-match=set:http-arm64,option:client-arch,19   # UEFI HTTP boot, 64-bit ARM
    enable-tftp
    tftp-root=/usr/lib/ipxe
    dhcp-boot=tag:!ipxe,tag:bios,undionly.kpxe
    dhcp-boot=tag:!ipxe,tag:efi-x86_64,snponly.efi
    dhcp-boot=tag:!ipxe,tag:efi-arm64,snponly-arm64.efi
    dhcp-vendorclass=set:httpclient,HTTPClient
    dhcp-option-force=tag:httpclient,option:vendor-class,HTTPClient
    dhcp-boot=tag:!ipxe,tag:http-x86_64,http://192.168.7.1:8080/ipxe/snponly.efi
    dhcp-boot=tag:!ipxe,tag:http-arm64,http://192.168.7.1:8080/ipxe/snponly-arm64.efi
    dhcp-boot=tag:ipxe,http://192.168.7.1:8080/boot.ipxe"
  `);
});

test('a network that cannot be seen from the URL must be said', () => {
  for (const url of ['http://boot.example:8080', 'http://0.0.0.0:8080', 'http://[fd00::1]:8080'])
    expect(() => dnsmasqConfiguration({ serverUrl: url, proxy: true })).toThrow(
      expect.objectContaining({ code: 'subnet-missing' }),
    );
});

test('a network is written as an address and the length of its prefix', () => {
  expect(parseSubnet('10.1.2.3/22')).toEqual({
    network: '10.1.0.0',
    netmask: '255.255.252.0',
    first: '10.1.2.0',
    last: '10.1.3.254',
  });
  for (const bad of ['10.1.2.3', '10.1.2.3/33', '10.1.2.300/24', '10.1.2.0/31', 'eth0'])
    expect(() => parseSubnet(bad)).toThrow(expect.objectContaining({ code: 'subnet-invalid' }));
});

test('an address that config.d relies on is reserved, and beside another DHCP server it is told', async () => {
  const files = {
    'nodes/print07.conf': `node: print07
match: { mac: '52:54:00:12:34:56' }
set:
  overlays: { /home: { kind: tmpfs } }
  state:
    printers: { voron: { data: /home/pi/data, user: pi } }
    places: { /home/pi/data/database: { kind: drbd, printer: voron, size: 64M, address: 192.168.7.107 } }
`,
    'nodes/print08.conf': "node: print08\nmatch: { mac: '52:54:00:12:34:58' }\n",
  };
  const reservations = reservationsOf(await readConfigDir(configHost(files), '/config.d'));
  expect(reservations).toEqual([{ node: 'print07', macs: ['52:54:00:12:34:56'], address: '192.168.7.107' }]);
  const line = 'dhcp-host=52:54:00:12:34:56,192.168.7.107   # print07';
  expect(dnsmasqConfiguration({ serverUrl, proxy: false, reservations })).toContain(`\n${line}\n`);
  expect(dnsmasqConfiguration({ serverUrl, proxy: true, reservations })).toContain(`\n#   ${line}\n`);
});
