import { describe, expect, it } from 'vitest';
import { takenIn } from '../../../../../src/server/state/drbd/resource-file.ts';
import { addressesIn, listeningPorts, signaturesIn } from '../../../../../src/server/state/drbd/volume-facts.ts';
import { standingText, unfitReason } from '../../../../../src/server/state/drbd/volume-standing.ts';

describe('what programs of the management host say', () => {
  it('wipefs: each signature, and nothing for an empty disk', () => {
    expect(signaturesIn('')).toEqual([]);
    const text =
      '{"signatures": [{"device":"loop0","offset":"0x3fff03c","type":"drbd","uuid":null,"label":null},{"device":"loop0","offset":"0x438","type":"ext4","uuid":"1111","label":"statectl"}]}';
    expect(signaturesIn(text)).toEqual([{ type: 'drbd' }, { type: 'ext4', uuid: '1111' }]);
  });

  it('/proc/net/tcp: the ports that are listened on, not those that are used', () => {
    const text = `  sl  local_address rem_address   st tx_queue
   0: 0100007F:1EDC 00000000:0000 0A 00000000:00000000
   1: 0100007F:1EDD 0100007F:9C40 01 00000000:00000000
   2: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000
`;
    expect(listeningPorts(text)).toEqual([7900, 22]);
  });

  it('ip: addresses of both families that lead somewhere', () => {
    const links = [
      { ifname: 'lo', addr_info: [{ local: '127.0.0.1', prefixlen: 8, scope: 'host' }] },
      {
        ifname: 'eth0',
        addr_info: [
          { local: '192.168.7.1', prefixlen: 24, scope: 'global' },
          { local: 'fd00::1', prefixlen: 64, scope: 'global' },
          { local: 'fe80::1', prefixlen: 64, scope: 'link' },
        ],
      },
    ];
    expect(addressesIn(JSON.stringify(links))).toEqual([
      { address: '192.168.7.1', prefixLength: 24 },
      { address: 'fd00::1', prefixLength: 64 },
    ]);
    expect(addressesIn('no such program')).toEqual([]);
  });

  it('resources of others: their names, minors and ports, not what is a comment', () => {
    const text = `resource r0 {
  on alpha { device /dev/drbd1; address 10.1.1.31:7789; }
  on bravo { device minor 2; address ipv6 [fd01:2345:6789:abcd::1]:7790; } # 10.0.0.1:7999;
}
resource "voron.database" { volume 0 { device /dev/drbd7 minor 7; } }`;
    expect(takenIn(text)).toEqual({
      ports: new Set([7789, 7790]),
      minors: new Set([1, 2, 7]),
      resources: new Set(['r0', 'voron.database']),
    });
  });
});

describe('how a volume stands', () => {
  const status = {
    ...{ connection: 'Connected', role: 'Secondary', peerRole: 'Primary' },
    ...{ disk: 'UpToDate', peerDisk: 'UpToDate', outOfSyncBytes: 0 },
  };
  it('is one line', () => {
    expect(standingText({ ...status, outOfSyncBytes: 5000 })).toBe(
      'Connected, Secondary/Primary, UpToDate/UpToDate, 5 KiB out of sync',
    );
    expect(standingText({ why: 'it is not up here' })).toBe('it is not up here');
  });

  it('is no moment to copy it while this side catches up', () => {
    expect(unfitReason(status)).toBeUndefined();
    expect(unfitReason({ why: 'it is not up here' })).toBeUndefined();
    expect(unfitReason({ ...status, disk: 'Inconsistent', connection: 'SyncTarget' })).toContain('catching up');
    expect(unfitReason({ ...status, disk: 'Outdated', connection: 'Behind' })).toContain('Outdated');
  });
});
