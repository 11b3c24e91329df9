import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitFields } from '../../../../src/config/command-line/colon-fields.ts';
import { parseCommandLine } from '../../../../src/config/command-line/command-line.ts';
import {
  parseBond,
  parseBridge,
  parseNameserver,
  parseRoute,
  parseVlan,
} from '../../../../src/config/command-line/link-arguments.ts';
import { networkWishes } from '../../../../src/config/command-line/network-arguments.ts';
import { networkConfig } from '../../../fixtures/network.ts';

const options = (text: string) => parseBond(`bond0:eth0:${text}`);

describe('vlan=', () => {
  it.each([
    ['vlan0005:eth0', 5],
    ['vlan5:eth0', 5],
    ['eth0.0005:eth0', 5],
    ['eth0.4094:bond0', 4094],
  ])('%s is VLAN %d', (value, id) => {
    const [name, link] = value.split(':');
    expect(parseVlan(value)).toEqual({ name, id, link });
  });

  it.each([
    ['vlan5', 'it is not NAME:INTERFACE'],
    ['vlan5:eth0:x', 'it is not NAME:INTERFACE'],
    ['lab:eth0', '"lab" does not end in a number from 1 to 4094'],
    ['vlan0:eth0', '"vlan0" does not end in a number from 1 to 4094'],
    ['eth0.4095:eth0', '"eth0.4095" does not end in a number from 1 to 4094'],
  ])('%s is refused', (value, why) => {
    expect(() => parseVlan(value)).toThrow(`vlan=${value}: ${why}`);
  });
});

describe('bond=', () => {
  it.each(['', 'bond0', 'bond0:eth0,eth1:mode=balance-rr'])('"%s" is dracut’s default', (value) => {
    expect(parseBond(value)).toMatchObject({
      name: 'bond0',
      members: ['eth0', 'eth1'],
      mode: 'balance-rr',
      options: {},
    });
  });

  it('has options by their names in the driver, and an MTU', () => {
    const value = 'bond1:ens3,ens4:mode=1,miimon=50,primary=ens3,arp_ip_target=10.0.0.1;10.0.0.2:9000';
    expect(parseBond(value)).toEqual({
      name: 'bond1',
      members: ['ens3', 'ens4'],
      mode: 'active-backup',
      miimonMs: 50,
      primary: 'ens3',
      options: { arp_ip_target: '10.0.0.1;10.0.0.2' },
      mtu: 9000,
    });
  });

  it.each([
    ['mode=7', 'bonding has no mode "7"'],
    ['mode=active_backup', 'bonding has no mode "active_backup"'],
    ['mode', 'the option "mode" is not NAME=VALUE'],
    ['miimom=100', 'bonding has no option "miimom"'],
    ['miimon=fast', 'miimon is in milliseconds, not "fast"'],
    ['mode=1:fast', '"fast" is no MTU'],
  ])('with %s is refused', (text, why) => {
    expect(() => options(text)).toThrow(why);
  });

  it('with a misspelt option says what was meant', () => {
    expect(() => options('miimom=100')).toThrow(expect.objectContaining({ hint: 'did you mean miimon?' }));
    expect(() => options('mode=active_backup')).toThrow(
      expect.objectContaining({ hint: 'did you mean active-backup?' }),
    );
  });
});

describe('bridge=', () => {
  it('has a name and members; without a value it is dracut’s default', () => {
    expect(parseBridge('br1:eth0,eth1')).toEqual({ name: 'br1', members: ['eth0', 'eth1'] });
    expect(parseBridge('')).toEqual({ name: 'br0', members: ['eth0'] });
  });

  it.each(['br0', 'br0:', 'br0:eth0:x', 'br0:eth0,,eth1', 'a/b:eth0'])('%s is refused', (value) => {
    expect(() => parseBridge(value)).toThrow(`bridge=${value}: `);
  });
});

describe('rd.route=', () => {
  it.each([
    ['192.168.200.0/24:192.168.100.222:ens10', '192.168.200.0/24', '192.168.100.222', 'ens10'],
    ['192.168.200.0/255.255.255.0:192.168.100.222', '192.168.200.0/24', '192.168.100.222', undefined],
    ['192.168.200.0/24::ens10', '192.168.200.0/24', undefined, 'ens10'],
    ['[2001:DB8:3::/8]:[2001:DB8:2::1]:ens10', '2001:DB8:3::/8', '2001:DB8:2::1', 'ens10'],
  ])('%s', (value, network, gateway, device) => {
    expect(parseRoute(value)).toEqual({ network, gateway, device });
  });

  it.each([
    ['10.0.0.0:10.0.0.1', '"10.0.0.0" is no network with a prefix'],
    ['10.0.0.0/33:10.0.0.1', '"10.0.0.0/33" is no network with a prefix'],
    ['10.0.0.0/8:[fd00::1]', '"fd00::1" is no router for it'],
    ['10.0.0.0/8', 'it names neither a router nor an interface'],
    ['[fd00::/64:x', '"" is no network with a prefix'],
  ])('%s is refused', (value, why) => {
    expect(() => parseRoute(value)).toThrow(`rd.route=${value}: ${why}`);
  });
});

it('nameserver= takes an address, IPv6 with brackets or without', () => {
  expect(['10.0.0.1', 'fd00::1', '[fd00::1]'].map(parseNameserver)).toEqual(['10.0.0.1', 'fd00::1', 'fd00::1']);
  expect(() => parseNameserver('dns.lab')).toThrow('nameserver=dns.lab: it is no address');
});

it('fields cut at colons are the fields that were joined', () => {
  const field = fc.stringMatching(/^[^:[\]]*$/);
  const bracketed = fc.stringMatching(/^[0-9a-f:/]+$/).map((text) => ({ text, written: `[${text}]` }));
  const plain = field.map((text) => ({ text, written: text }));
  fc.assert(
    fc.property(fc.array(fc.oneof(plain, bracketed), { minLength: 1 }), (fields) => {
      expect(splitFields(fields.map(({ written }) => written).join(':'))).toEqual(fields.map(({ text }) => text));
    }),
  );
});

it('no argument makes the parsers fail in any other way than by saying so', () => {
  const readers = [parseVlan, parseBond, parseBridge, parseRoute, parseNameserver];
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab0.:,=/[]; -') }), fc.constantFrom(...readers), (text, read) => {
      try {
        read(text);
      } catch (error) {
        expect(error).toMatchObject({ code: 'network-invalid', hint: expect.any(String) });
      }
    }),
  );
});

describe('the kernel command line and config.d', () => {
  const said = async (commandLine: string, text = '') => {
    const { network } = networkWishes(
      await networkConfig(text),
      parseCommandLine([{ origin: 'x', text: commandLine }]),
    );
    return network.interfaces;
  };

  it('say the same in their own words', async () => {
    const text = `
interfaces:
  eth0: {}
  eth1: {}
  bond0: { kind: bond, members: [eth0, eth1], mode: active-backup }
  vlan7: { kind: vlan, id: 7, link: bond0 }
  br0: { kind: bridge, members: [vlan7] }
`;
    const words = 'bond=bond0:eth0,eth1:mode=active-backup vlan=vlan7:bond0 bridge=br0:vlan7';
    expect(await said(words)).toEqual(await said('', text));
  });

  it('may say one interface both: the command line how it is made, config.d what addresses it has', async () => {
    const text = 'interfaces: { eth0: {}, bond0: { kind: bond, members: [eth0], addresses: [10.0.0.7/24] } }';
    expect((await said('bond=bond0:eth1,eth2', text)).bond0).toMatchObject({
      members: ['eth1', 'eth2'],
      addresses: ['10.0.0.7/24'],
    });
  });

  it.each([
    ['bond=b:eth0 bridge=br0:eth0', 'br0.members: eth0 is in b already'],
    ['vlan=vlan5:vlan6 vlan=vlan6:vlan5', 'vlan5.link: vlan5 would lie over itself'],
    ['team=team0:eth0,eth1', 'team=team0:eth0,eth1: teams are not supported'],
  ])('%s is refused', async (commandLine, why) => {
    await expect(said(commandLine)).rejects.toThrow(why);
  });
});
