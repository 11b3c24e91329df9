import { describe, expect, it } from 'vitest';
import { drbdsetupStatus, drbdVersion, moduleVersion, volumeStatus } from '../../../../src/host/kernel/drbd-status.ts';

/** As DRBD 8.4.11 of Linux 6.1 wrote them. */
const PROC = `version: 8.4.11 (api:1/proto:86-101)
srcversion: F73C670A7EC572DB9CF3E5B
 0: cs:SyncTarget ro:Secondary/Secondary ds:Inconsistent/UpToDate A r-----
    ns:0 nr:11264 dw:11264 dr:0 al:8 bm:0 lo:0 pe:2 ua:0 ap:0 ep:1 wo:d oos:54232
	[==>.................] sync'ed: 18.8% (54232/65496)K
	finish: 0:00:04 speed: 11,264 (11,264) want: 30,720 K/sec
 1: cs:Unconfigured

12: cs:Ahead ro:Primary/Secondary ds:UpToDate/Consistent A r-----
    ns:3135 nr:21336 dw:78913 dr:16 al:16 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:d oos:9280
13: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown   r----s
    ns:56 nr:21656 dw:65557 dr:19 al:12 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:d oos:0
`;

describe('/proc/drbd', () => {
  it('says which DRBD the kernel has', () => {
    expect(moduleVersion(PROC)).toBe('8.4.11');
    expect(moduleVersion('version: 9.2.4 (api:2/proto:86-121)\n')).toBe('9.2.4');
    expect(moduleVersion('')).toBeUndefined();
    expect(['8.4.11', '9.2.18', '9.0.0-rc1', '8.3.16', '10.0.0', undefined].map(drbdVersion)).toEqual([
      ...[8, 9, 9],
      ...[undefined, undefined, undefined],
    ]);
  });

  it('says of each volume how it stands, by its number', () => {
    expect(volumeStatus(PROC, 0)).toEqual({
      ...{ connection: 'SyncTarget', role: 'Secondary', peerRole: 'Secondary' },
      ...{ disk: 'Inconsistent', peerDisk: 'UpToDate', outOfSyncBytes: 54_232 * 1024, syncedPercent: 18.8 },
    });
    expect(volumeStatus(PROC, 12)).toEqual({
      ...{ connection: 'Ahead', role: 'Primary', peerRole: 'Secondary' },
      ...{ disk: 'UpToDate', peerDisk: 'Consistent', outOfSyncBytes: 9_280 * 1024 },
    });
    expect(volumeStatus(PROC, 13)).toMatchObject({
      connection: 'WFConnection',
      peerRole: 'Unknown',
      outOfSyncBytes: 0,
    });
  });

  it('knows no other, and of one without disk and peer nothing more', () => {
    expect(volumeStatus(PROC, 2)).toBeUndefined();
    expect(volumeStatus('', 0)).toBeUndefined();
    expect(volumeStatus(PROC, 1)).toEqual({
      ...{ connection: 'Unconfigured', role: 'Unknown', peerRole: 'Unknown' },
      ...{ disk: 'Diskless', peerDisk: 'DUnknown', outOfSyncBytes: 0 },
    });
  });
});

/** As drbdsetup 9.22 says it of DRBD 9.2.18, of what is of use here. */
describe('drbdsetup status of version 9', () => {
  const status = (connection: string, replication: string) =>
    JSON.stringify([
      { name: 'other', 'node-id': 0, role: 'Primary', devices: [], connections: [] },
      {
        ...{ name: 'voron.database', 'node-id': 0, role: 'Secondary', suspended: false, 'write-ordering': 'flush' },
        devices: [{ volume: 0, minor: 101, 'disk-state': 'UpToDate', client: false, quorum: true, size: 32_728 }],
        connections: [
          {
            ...{ 'peer-node-id': 1, name: 'print07', 'connection-state': connection, congested: false },
            'peer-role': 'Primary',
            peer_devices: [
              {
                ...{ volume: 0, 'replication-state': replication, 'peer-disk-state': 'UpToDate' },
                ...{ 'resync-suspended': 'no', 'out-of-sync': 3, 'percent-in-sync': 40.5 },
              },
            ],
          },
        ],
      },
    ]);

  it('is told in the words of version 8', () => {
    expect(drbdsetupStatus(status('Connected', 'Established'), 'voron.database')).toEqual({
      ...{ connection: 'Connected', role: 'Secondary', peerRole: 'Primary' },
      ...{ disk: 'UpToDate', peerDisk: 'UpToDate', outOfSyncBytes: 3072 },
    });
    for (const word of ['SyncSource', 'SyncTarget', 'PausedSyncT'])
      expect(drbdsetupStatus(status('Connected', word), 'voron.database')).toMatchObject({
        ...{ connection: word, syncedPercent: 40.5 },
      });
    expect(drbdsetupStatus(status('Connected', 'Ahead'), 'voron.database')?.connection).toBe('Ahead');
    for (const word of ['Connecting', 'StandAlone'])
      expect(drbdsetupStatus(status(word, 'Off'), 'voron.database')?.connection).toBe(word);
  });

  it('knows neither another resource nor what is no JSON', () => {
    expect(drbdsetupStatus(status('Connected', 'Established'), 'ender.database')).toBeUndefined();
    expect(drbdsetupStatus('no resources defined!\n', 'voron.database')).toBeUndefined();
  });
});
