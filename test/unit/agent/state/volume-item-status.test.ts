import { expect, it } from 'vitest';
import type { ItemStatus } from '../../../../src/agent/state/item-status.ts';
import { volumeItemStatus } from '../../../../src/agent/state/volume-item-status.ts';
import type { VolumeStatus } from '../../../../src/host/kernel/drbd-status.ts';

const STEADY: VolumeStatus = {
  ...{ connection: 'Connected', role: 'Primary', peerRole: 'Secondary', disk: 'UpToDate', peerDisk: 'UpToDate' },
  outOfSyncBytes: 0,
};
const AWAY = { connection: 'WFConnection', peerRole: 'Unknown', peerDisk: 'DUnknown' };

it.each<[string, Partial<VolumeStatus>, ItemStatus]>([
  ['that the server has', {}, { state: 'in-step' }],
  [
    'that the server has, though it is away, is no news',
    AWAY,
    { state: 'in-step', why: 'no connection to 192.0.2.1:7900 (WFConnection)' },
  ],
  [
    'that was written meanwhile is ahead',
    { ...AWAY, outOfSyncBytes: 135_168 },
    { state: 'ahead', ahead: '132 KiB', sinceMs: 9, why: 'no connection to 192.0.2.1:7900 (WFConnection)' },
  ],
  [
    'that is written faster than the line takes it is ahead',
    { connection: 'Ahead', peerDisk: 'Consistent', outOfSyncBytes: 3 << 19 },
    { state: 'ahead', ahead: '1.5 MiB', sinceMs: 9, why: 'more is written than the line takes' },
  ],
  [
    'that is being sent is ahead',
    { connection: 'SyncSource', peerDisk: 'Inconsistent', outOfSyncBytes: 4096 },
    { state: 'ahead', ahead: '4 KiB', sinceMs: 9, why: '192.0.2.1:7900 is Inconsistent (SyncSource)' },
  ],
  [
    'whose server has lost its disk is ahead',
    { peerDisk: 'Diskless' },
    { state: 'ahead', sinceMs: 9, why: '192.0.2.1:7900 is Diskless (Connected)' },
  ],
  [
    'that both gave up is a fault',
    { ...AWAY, connection: 'StandAlone', outOfSyncBytes: 4096 },
    {
      ...{ state: 'fault', sinceMs: 9, ahead: '4 KiB' },
      why: '192.0.2.1:7900 and this machine gave each other up (StandAlone)',
    },
  ],
  [
    'whose RAM failed is a fault',
    { disk: 'Diskless' },
    { state: 'fault', sinceMs: 9, why: 'its side in RAM is Diskless: only 192.0.2.1:7900 has what is written' },
  ],
])('a volume %s', (_title, change, expected) => {
  const standing = { status: { ...STEADY, ...change }, peer: '192.0.2.1:7900' };
  const first = volumeItemStatus({ ...standing, nowMs: 9 });
  expect(first).toEqual(expected);
  // Since when it is so stays.
  expect(volumeItemStatus({ ...standing, nowMs: 20, before: first })).toEqual(expected);
});

it('a volume that the kernel does not know any more is a fault', () => {
  expect(volumeItemStatus({ status: undefined, peer: 'x', nowMs: 1 })).toMatchObject({ state: 'fault' });
});
