import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskToPrefix, parseIpArgument } from '../../../../src/config/command-line/ip-argument.ts';
import { StatectlError } from '../../../../src/error.ts';
import type { InterfaceFacts } from '../../../../src/machine/facts/network-facts.ts';
import { planInterfaceChoice } from '../../../../src/machine/network/interface-choice.ts';

/** Only what was given: fields that are undefined and empty lists left out. */
const read = (value: string) =>
  Object.fromEntries(
    Object.entries(parseIpArgument(value)).filter(
      ([, field]) => field !== undefined && !(Array.isArray(field) && field.length === 0),
    ),
  );

describe('parseIpArgument', () => {
  it.each([
    ['dhcp', 'dhcp'],
    ['on', 'dhcp'],
    ['any', 'dhcp'],
    ['single-dhcp', 'single-dhcp'],
    ['dhcp6', 'dhcp6'],
    ['auto6', 'auto6'],
    ['either6', 'either6'],
    ['link6', 'link6'],
    ['bootp', 'bootp'],
    ['both', 'bootp'],
    ['rarp', 'rarp'],
    ['off', 'off'],
    ['none', 'off'],
    ['', 'off'],
  ])('ip=%s alone is %s', (value, method) => {
    expect(read(value)).toEqual({ method });
  });

  it.each([
    // The kernel's dialect.
    [
      '192.168.1.10:192.168.1.1:192.168.1.254:255.255.255.0:node7.lab:eth0:off:9.9.9.9:1.1.1.1:192.168.1.2',
      {
        method: 'static',
        address: '192.168.1.10',
        server: '192.168.1.1',
        gateway: '192.168.1.254',
        prefixLength: 24,
        hostname: 'node7.lab',
        device: 'eth0',
        dns: ['9.9.9.9', '1.1.1.1'],
        ntp: ['192.168.1.2'],
      },
    ],
    ['10.1.2.3', { method: 'static', address: '10.1.2.3', prefixLength: 8 }],
    ['172.16.0.1/20', { method: 'static', address: '172.16.0.1', prefixLength: 20 }],
    ['172.16.0.1:::::eth1', { method: 'static', address: '172.16.0.1', prefixLength: 16, device: 'eth1' }],
    ['192.168.0.1::::h', { method: 'static', address: '192.168.0.1', prefixLength: 24, hostname: 'h' }],
    [
      '192.168.0.1::0.0.0.0:24::eth0:on',
      { method: 'static', address: '192.168.0.1', prefixLength: 24, device: 'eth0' },
    ],
    ['::::node7:eth0:dhcp', { method: 'dhcp', hostname: 'node7', device: 'eth0' }],
    [':::::eth0', { method: 'dhcp', device: 'eth0' }],
    [':::::eth0:off', { method: 'off', device: 'eth0' }],
    ['0.0.0.0:::::eth0:any', { method: 'dhcp', device: 'eth0' }],
    ['dhcp,1,aa:bb:cc', { method: 'dhcp', clientId: { type: 1, value: 'aa:bb:cc' } }],
    [':::::eth0:dhcp,0x0,rack3,7', { method: 'dhcp', device: 'eth0', clientId: { type: 0, value: 'rack3,7' } }],
    [
      '10.0.0.2::10.0.0.1:24:h:eth0:none::8.8.8.8',
      {
        method: 'static',
        address: '10.0.0.2',
        gateway: '10.0.0.1',
        prefixLength: 24,
        hostname: 'h',
        device: 'eth0',
        dns: ['8.8.8.8'],
      },
    ],
    // dracut's.
    ['eth0:dhcp', { method: 'dhcp', device: 'eth0' }],
    ['eth0:on:', { method: 'dhcp', device: 'eth0' }],
    ['ens3:dhcp:1400', { method: 'dhcp', device: 'ens3', mtu: 1400 }],
    ['ens3:auto6:1400:52:54:00:12:34:56', { method: 'auto6', device: 'ens3', mtu: 1400, mac: '52:54:00:12:34:56' }],
    ['ens3:link6::52-54-00-12-34-56', { method: 'link6', device: 'ens3', mac: '52:54:00:12:34:56' }],
    ['eth1:off', { method: 'off', device: 'eth1' }],
    [
      '192.168.50.101:::255.255.255.0::ens3:off:1500:52:54:00:12:34:AB',
      {
        method: 'static',
        address: '192.168.50.101',
        prefixLength: 24,
        device: 'ens3',
        mtu: 1500,
        mac: '52:54:00:12:34:ab',
      },
    ],
    [
      '10.0.0.2:10.0.0.9/32:10.0.0.1:24::ppp0:none',
      {
        method: 'static',
        address: '10.0.0.2',
        peer: '10.0.0.9/32',
        gateway: '10.0.0.1',
        prefixLength: 24,
        device: 'ppp0',
      },
    ],
    [
      '10.0.0.2::10.0.0.1:255.255.254.0:h:eth0:none::52:54:00:12:34:56',
      {
        method: 'static',
        address: '10.0.0.2',
        gateway: '10.0.0.1',
        prefixLength: 23,
        hostname: 'h',
        device: 'eth0',
        mac: '52:54:00:12:34:56',
      },
    ],
    [
      '[2001:db8::2]::[2001:db8::1]:64:h:eth0:none:[2001:db8::53]:[2001:db8::54]',
      {
        method: 'static',
        address: '2001:db8::2',
        gateway: '2001:db8::1',
        prefixLength: 64,
        hostname: 'h',
        device: 'eth0',
        dns: ['2001:db8::53', '2001:db8::54'],
      },
    ],
    ['[2001:db8::2]/56:::::eth0:none', { method: 'static', address: '2001:db8::2', prefixLength: 56, device: 'eth0' }],
  ])('reads ip=%s', (value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  it.each([
    ['dhpc', '"dhpc" is no way to get an address', 'did you mean dhcp?'],
    ['enp3s0', '"enp3s0" is no way to get an address', 'write ip=enp3s0:dhcp'],
    ['10.0.0.300::10.0.0.1:24:h:eth0:none', '"10.0.0.300" is no client address', 'write ip=dhcp'],
    ['10.0.0.3::gw:24:h:eth0:none', '"gw" is no gateway', 'write ip=dhcp'],
    ['10.0.0.3::10.0.0.1:255.0.255.0:h:eth0:none', '"255.0.255.0" is no netmask', 'write ip=dhcp'],
    ['10.0.0.3::10.0.0.1:33:h:eth0:none', '"33" is no netmask', 'write ip=dhcp'],
    ['224.0.0.3:::::eth0', '224.0.0.3 needs a mask', 'write ip=dhcp'],
    ['[2001:db8::2]:::::eth0:none', '2001:db8::2 needs a mask', 'write ip=dhcp'],
    ['2001:db8::2:64', '"2001" is no client address', '[brackets]'],
    ['[2001:db8::2', 'a bracket is not closed', '[brackets]'],
    ['10.0.0.3::10.0.0.1:24:h:eth0:dhcp', 'an address and dhcp do not go together', 'say none instead of dhcp'],
    ['10.0.0.3:dhcp', 'an address and dhcp do not go together', 'say none instead of dhcp'],
    ['[2001:db8::2]/64:auto6', 'an address and auto6 do not go together', 'say none instead of auto6'],
    ['10.0.0.3/24::10.0.0.1::h:eth0:both', 'an address and both do not go together', 'or leave the address out'],
    ['eth0:ibft', 'what the firmware says in its iBFT table is not read here', 'say it: ip=dhcp'],
    ['ibft', 'what the firmware says in its iBFT table is not read here', 'say it: ip=dhcp'],
    [':::::eth0:ibft', 'what the firmware says in its iBFT table is not read here', 'ip=ADDRESS'],
    ['eth0:dhcpp', '"dhcpp" is no way to get an address', 'did you mean dhcp?'],
    ['eth0:dhcp:12', '"12" is no MTU', 'write ip=dhcp'],
    ['eth0:dhcp:1500:52:54:00', '"52:54:00" is no MAC address', 'write ip=dhcp'],
    ['eth/0:dhcp', '"eth/0" is no interface name', 'write ip=dhcp'],
    ['dhcp,300,x', 'a client identifier has a type from 0 to 255', 'ip=dhcp,TYPE,VALUE'],
    ['dhcp,1', 'a client identifier has a type from 0 to 255', 'ip=dhcp,TYPE,VALUE'],
    ['10.0.0.3:10.0.0.4/99::24::eth0:none', '"10.0.0.4/99" is no peer', 'write ip=dhcp'],
    ['10.0.0.3:::24::eth0:none:1.1.1.1:2.2.2.2:3.3.3.3:4.4.4.4', 'is neither DNS:DNS:NTP nor MTU:MAC', 'write ip=dhcp'],
  ])('refuses ip=%s: %s', (value, why, hint) => {
    const refused = (() => {
      try {
        return parseIpArgument(value);
      } catch (error) {
        return error;
      }
    })();
    expect(refused).toBeInstanceOf(StatectlError);
    expect(refused).toMatchObject({ code: 'ip-invalid', message: expect.stringContaining(`ip=${value}: `) });
    expect(refused).toMatchObject({ message: expect.stringContaining(why), hint: expect.stringContaining(hint) });
  });

  it('answers any text with settings or with an error for the operator', () => {
    const unit = fc.constantFrom(
      ':',
      '[',
      ']',
      '.',
      '/',
      ',',
      'eth0',
      'dhcp',
      'none',
      '10.0.0.1',
      '24',
      '::1',
      'aa',
      '1',
      '-',
      '',
    );
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit, maxLength: 14 }), fc.string()), (value) => {
        try {
          const { method, dns, ntp } = parseIpArgument(value);
          expect([typeof method, dns.length <= 2, ntp.length <= 1]).toEqual(['string', true, true]);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ip-invalid', hint: expect.any(String) });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reads back a static setting in either dialect', () => {
    const octets = fc.ipV4().filter((address) => address !== '0.0.0.0');
    fc.assert(
      fc.property(
        octets,
        octets,
        fc.integer({ min: 0, max: 32 }),
        fc.constantFrom('eth0', 'enp3s0f1'),
        (address, gateway, prefixLength, device) => {
          expect(read(`${address}::${gateway}:${prefixLength}::${device}:none`)).toEqual({
            method: 'static',
            address,
            gateway,
            prefixLength,
            device,
          });
        },
      ),
    );
  });
});

describe('maskToPrefix', () => {
  it('turns every netmask into its prefix length', () => {
    for (let prefix = 0; prefix <= 32; prefix++) {
      const bits = '1'.repeat(prefix).padEnd(32, '0');
      const mask = [0, 8, 16, 24].map((at) => Number.parseInt(bits.slice(at, at + 8), 2)).join('.');
      expect(maskToPrefix(mask)).toBe(prefix);
      expect(maskToPrefix(String(prefix))).toBe(prefix);
    }
  });

  it.each(['255.0.255.0', '0.0.0.255', '256.0.0.0', '33', '-1', '', 'mask', '::1'])('%j is no mask', (mask) => {
    expect(maskToPrefix(mask)).toBeUndefined();
  });

  it('knows the longer prefixes of IPv6', () => {
    expect([maskToPrefix('128', 128), maskToPrefix('129', 128)]).toEqual([128, undefined]);
  });
});

describe('planInterfaceChoice', () => {
  const nic = (name: string, last: string, facts: Partial<InterfaceFacts> = {}): InterfaceFacts => ({
    name,
    mac: `52:54:00:00:00:${last}`,
    carrier: false,
    wireless: false,
    ...facts,
  });
  const nics = [
    nic('wlan0', '0a', { carrier: true, wireless: true }),
    nic('eth0', '01'),
    nic('eth1', '02', { carrier: true, driver: 'e1000e' }),
    nic('eth2', '03', { carrier: true }),
  ];
  const choose = (ips: readonly string[], bootif?: string, bootdev?: string, ifnames: readonly string[] = []) => {
    const choice = planInterfaceChoice(ips.map(parseIpArgument), bootif, bootdev, nics, ifnames);
    return choice === undefined ? 'none' : `${choice.nic.name}: ${choice.reason}`;
  };
  const BOOTIF = '01-52-54-00-00-00-03';

  it.each([
    [['eth0:dhcp'], BOOTIF, 'eth2', 'eth0: named in ip='],
    [['eth0:dhcp', 'eth2:dhcp'], undefined, undefined, 'eth0: named in ip='],
    [['eth0:dhcp', 'eth2:dhcp'], undefined, 'eth2', 'eth2: named in ip='],
    [['wlan0:dhcp'], undefined, undefined, 'wlan0: named in ip='],
    [['52-54-00-00-00-03:dhcp'], undefined, undefined, 'eth2: named in ip='],
    [['enx525400000003:dhcp'], undefined, undefined, 'eth2: named in ip='],
    [['dhcp'], BOOTIF, 'eth0', 'eth2: BOOTIF='],
    [[], BOOTIF, undefined, 'eth2: BOOTIF='],
    [['dhcp'], '', 'eth0', 'eth0: bootdev='],
    [['dhcp'], undefined, undefined, 'eth1: first wired interface with a carrier'],
    [[], undefined, undefined, 'eth1: first wired interface with a carrier'],
    [[':::::eth1:off'], undefined, undefined, 'eth2: first wired interface with a carrier'],
    [['off'], undefined, undefined, 'none'],
    [['off', 'eth0:dhcp'], undefined, undefined, 'eth0: named in ip='],
  ])('ip=%j, BOOTIF=%s, bootdev=%s: %s', (ips, bootif, bootdev, expected) => {
    expect(choose(ips, bootif, bootdev)).toBe(expected);
  });

  it('follows a name that ifname= gives, and says that it is to be renamed', () => {
    const ifnames = ['boot0:52:54:00:00:00:01'];
    const choice = planInterfaceChoice([parseIpArgument('boot0:dhcp')], undefined, undefined, nics, ifnames);
    expect(choice).toMatchObject({
      nic: { name: 'eth0' },
      rename: 'boot0',
      reason: 'named in ip=',
      ip: { device: 'boot0' },
    });
    expect(choose(['dhcp'], undefined, 'eth2', ifnames)).toBe('eth0: ifname=');
    expect(choose(['dhcp'], BOOTIF, undefined, ifnames)).toBe('eth2: BOOTIF=');
  });

  it('takes the first wired interface while no link is up', () => {
    const { carrier: _unknown, ...down } = nic('eth5', '05');
    const choice = planInterfaceChoice([], undefined, undefined, [nics[0]!, down]);
    expect(choice).toMatchObject({
      nic: { name: 'eth5' },
      reason: 'first wired interface',
      rename: undefined,
      ip: undefined,
    });
  });

  it('gives the interface the settings meant for it', () => {
    const ips = [parseIpArgument('dhcp'), parseIpArgument('10.0.0.2::10.0.0.1:24::eth2:none')];
    expect(planInterfaceChoice(ips, BOOTIF, undefined, nics)?.ip).toMatchObject({ address: '10.0.0.2' });
    expect(planInterfaceChoice([ips[0]!], BOOTIF, undefined, nics)?.ip).toMatchObject({ method: 'dhcp' });
  });

  it('lists the interfaces that exist when the one that is named does not', () => {
    expect(() => choose(['eth7:dhcp'])).toThrowErrorMatchingInlineSnapshot(
      `[StatectlError: ip= names eth7, but there is no such interface: there are wlan0 (52:54:00:00:00:0a, wireless, carrier), eth0 (52:54:00:00:00:01, no carrier), eth1 (52:54:00:00:00:02, e1000e, carrier), eth2 (52:54:00:00:00:03, carrier)]`,
    );
    expect(() => choose([], '01-52-54-00-00-00-99')).toThrow(
      /^the boot loader used 52:54:00:00:00:99 \(BOOTIF=\), but there is no/,
    );
    expect(() => choose([], undefined, 'eth7')).toThrow(
      /^bootdev= names eth7, but there is no such interface: there are wlan0/,
    );
    expect(() => choose([], undefined, undefined, ['b:52:54:00:00:00:99'])).toThrow(/^ifname= names 52:54:00:00:00:99/);
  });

  it('says what is missing when there is no wired interface', () => {
    expect(() => planInterfaceChoice([], undefined, undefined, [])).toThrow(
      'there is no wired network interface to use: there are none',
    );
    expect(() => planInterfaceChoice([], undefined, undefined, [nics[0]!])).toThrow(
      'there is wlan0 (52:54:00:00:00:0a, wireless, carrier)',
    );
  });

  it('refuses a BOOTIF= or ifname= without a MAC', () => {
    expect(() => choose([], 'eth0')).toThrow('BOOTIF=eth0 holds no MAC address');
    expect(() => choose([], undefined, undefined, ['eth0'])).toThrow('ifname=eth0 is not NAME:MAC');
  });
});
