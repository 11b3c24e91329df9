import { describe, expect, it } from 'vitest';
import { drbdVersion, parseDrbdsetupStatus, parseProcDrbd } from '../../../src/host/drbd-status.ts';

const PROC = `version: 8.4.11 (api:1/proto:86-101)
srcversion: 96ED19D4C144624490A9AB1

 1: cs:WFConnection ro:Secondary/Unknown ds:UpToDate/DUnknown A r-----
    ns:0 nr:65 dw:65 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:12
 2: cs:Unconfigured

101: cs:SyncSource ro:Secondary/Primary ds:UpToDate/Inconsistent A r-----
    ns:41020 nr:0 dw:0 dr:41020 al:8 bm:0 lo:0 pe:1 ua:0 ap:0 ep:1 wo:f oos:24516
	[===========>........] sync'ed: 63.1% (24516/65496)K
	finish: 0:00:00 speed: 40,960 (40,960) K/sec
`;

describe('/proc/drbd of version 8', () => {
  it('says how each minor stands, and no other one instead', () => {
    expect(parseProcDrbd(PROC, 101)).toEqual({
      ...{ connection: 'SyncSource', role: 'Secondary', peerRole: 'Primary' },
      ...{ disk: 'UpToDate', peerDisk: 'Inconsistent', outOfSyncBytes: 24_516 * 1024 },
    });
    expect(parseProcDrbd(PROC, 1)).toMatchObject({ connection: 'WFConnection', outOfSyncBytes: 12 * 1024 });
    for (const minor of [0, 2, 10, 11, 1011]) expect(parseProcDrbd(PROC, minor)).toBeUndefined();
  });

  it('begins with the version of the module', () => {
    expect(drbdVersion(PROC)).toBe(8);
    expect(drbdVersion('version: 9.2.8 (api:2/proto:86-122)\n')).toBe(9);
    expect(drbdVersion('')).toBeUndefined();
  });
});

describe('drbdsetup status of version 9', () => {
  const status = (connection: string, replication: string) =>
    JSON.stringify([
      { name: 'other', 'node-id': 0, role: 'Primary', devices: [], connections: [] },
      {
        ...{ name: 'voron.database', 'node-id': 0, role: 'Secondary', suspended: false },
        devices: [{ volume: 0, minor: 101, 'disk-state': 'UpToDate' }],
        connections: [
          {
            ...{ 'peer-node-id': 1, name: 'print07', 'connection-state': connection, 'peer-role': 'Primary' },
            peer_devices: [
              { volume: 0, 'replication-state': replication, 'peer-disk-state': 'UpToDate', 'out-of-sync': 3 },
            ],
          },
        ],
      },
    ]);

  it('is told in the words of version 8', () => {
    expect(parseDrbdsetupStatus(status('Connected', 'Established'), 'voron.database')).toEqual({
      ...{ connection: 'Connected', role: 'Secondary', peerRole: 'Primary' },
      ...{ disk: 'UpToDate', peerDisk: 'UpToDate', outOfSyncBytes: 3072 },
    });
    expect(parseDrbdsetupStatus(status('Connected', 'SyncSource'), 'voron.database')?.connection).toBe('SyncSource');
    expect(parseDrbdsetupStatus(status('Connecting', 'Off'), 'voron.database')?.connection).toBe('Connecting');
  });

  it('knows neither another resource nor what is no JSON', () => {
    expect(parseDrbdsetupStatus(status('Connected', 'Established'), 'ender.database')).toBeUndefined();
    expect(parseDrbdsetupStatus('no resources defined!\n', 'voron.database')).toBeUndefined();
  });
});
