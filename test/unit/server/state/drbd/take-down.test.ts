import { expect, it } from 'vitest';
import { takeDownCommands } from '../../../../../src/server/state/drbd/take-down.ts';

const VOLUME = { resource: 'voron.database' };
const CONNECTED = {
  ...{ connection: 'Connected', role: 'Secondary', peerRole: 'Primary' },
  ...{ disk: 'UpToDate', peerDisk: 'UpToDate', outOfSyncBytes: 0 },
};
const DOWN = ['drbdadm', 'down', 'voron.database'];
const CUT_OFF = ['drbdsetup', 'disconnect', 'voron.database', '1', '--force'];

it('cuts a side of DRBD 9 off from its machine before it is taken down, so that it does not call itself outdated', () => {
  expect(takeDownCommands(9, VOLUME, CONNECTED)).toEqual([CUT_OFF, DOWN]);
  expect(takeDownCommands(9, VOLUME, { ...CONNECTED, connection: 'Connecting' })).toEqual([CUT_OFF, DOWN]);
  expect(takeDownCommands(9, VOLUME, { ...CONNECTED, connection: 'StandAlone' })).toEqual([DOWN]);
  expect(takeDownCommands(8, VOLUME, CONNECTED)).toEqual([DOWN]);
});

it('has nothing to do for one that is not up', () => {
  expect(takeDownCommands(9, VOLUME, { why: 'it is not up here' })).toEqual([]);
});
