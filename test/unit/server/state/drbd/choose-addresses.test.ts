import { describe, expect, it } from 'vitest';
import { type AddressesSaid, chooseAddresses } from '../../../../../src/server/state/drbd/choose-addresses.ts';

const OWN = [
  { address: '10.1.0.1', prefixLength: 16 },
  { address: '192.168.7.1', prefixLength: 24 },
  { address: 'fd00::1', prefixLength: 64 },
];
const FIXED = [{ address: '192.168.7.107', prefixLength: 24 }];
const choose = (from: Partial<AddressesSaid>) =>
  chooseAddresses({ said: {}, fixed: FIXED, servers: [], own: OWN, ...from });

describe('the addresses of a volume', () => {
  it('are in the network of the machine where nothing else is said', () => {
    expect(choose({})).toEqual({ server: '192.168.7.1', machine: '192.168.7.107' });
    expect(choose({ fixed: [{ address: 'fd00::7', prefixLength: 64 }] })).toEqual({
      server: 'fd00::1',
      machine: 'fd00::7',
    });
  });

  it('are what the person says, before what the machine asked at, before what config.d calls the server', () => {
    const servers = ['http://boot.lab:8080', 'http://10.1.0.1:8080'];
    expect(choose({ servers })).toMatchObject({ server: '10.1.0.1' });
    const asked = { server: '192.168.7.1', machine: '192.168.7.50' };
    expect(choose({ servers, asked })).toEqual({ server: '192.168.7.1', machine: '192.168.7.107' });
    expect(choose({ servers, asked, said: { server: '10.1.0.1' } })).toMatchObject({ server: '10.1.0.1' });
  });

  it('stay as they were chosen, until config.d or the person says otherwise', () => {
    const before = { server: '10.1.0.1', machine: '10.1.3.7' };
    expect(choose({ before })).toEqual({ server: '10.1.0.1', machine: '192.168.7.107' });
    expect(choose({ before, fixed: [] })).toEqual(before);
    // The host has it no more.
    expect(choose({ before: { server: '10.9.9.9', machine: '10.9.9.10' } })).toMatchObject({ server: '192.168.7.1' });
  });

  it('are those of a machine on two networks that belong together', () => {
    const fixed = [{ address: '10.1.4.7', prefixLength: 16 }, ...FIXED];
    expect(choose({ fixed, servers: ['http://192.168.7.1'] })).toEqual({
      server: '192.168.7.1',
      machine: '192.168.7.107',
    });
  });

  it('are what DHCP reserves, before what network.conf has', () => {
    expect(choose({ reserved: '10.1.5.5' })).toEqual({ server: '10.1.0.1', machine: '10.1.5.5' });
  });

  it('are none where nobody knows where the machine is, and who asked last is told', () => {
    const asked = { server: '192.168.7.1', machine: '192.168.7.50' };
    expect(choose({ fixed: [], asked })).toEqual({
      why: 'the machine has no address that stays the same',
      next: expect.stringContaining('it asked from 192.168.7.50 last'),
    });
  });

  it('are none where this host has not what is said, or nothing that reaches the machine', () => {
    expect(choose({ said: { server: '172.16.0.1' } })).toMatchObject({ why: '172.16.0.1 is no address of this host' });
    expect(choose({ said: { machine: '172.16.0.7' } })).toMatchObject({
      why: 'no address of this host is in the network of 172.16.0.7',
      next: expect.stringContaining('10.1.0.1, 192.168.7.1, fd00::1'),
    });
    // Behind a router it is the person who knows.
    expect(choose({ said: { machine: '172.16.0.7', server: '10.1.0.1' } })).toEqual({
      server: '10.1.0.1',
      machine: '172.16.0.7',
    });
    expect(choose({ said: { server: '10.1.0.1', machine: 'fd00::7' } })).toMatchObject({ why: expect.any(String) });
  });
});
