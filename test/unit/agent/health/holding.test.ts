import { expect, it } from 'vitest';
import { whoHolds } from '../../../../src/agent/health/holding.ts';
import { standingLocks } from '../../../../src/agent/printers/standing-locks.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { unreadableHost } from '../../../fixtures/hosts/unreadable.ts';

const LOCKS = '/run/statectl/locks';
const NOBODY = { states: () => ({}) };

it('nobody holds a machine without a lock', async () => {
  expect(await whoHolds(memoryHost({ files: {} }), NOBODY)).toEqual([]);
});

it('locks that cannot be read hold it, and that is told: one of them may be of a print', async () => {
  const host = unreadableHost(memoryHost({ files: { [`${LOCKS}/print-voron`]: '' } }), [LOCKS]);
  expect(await whoHolds(host, NOBODY)).toEqual([
    expect.stringMatching(/^locks \(statectl: they cannot be read, so one may be held: .*EIO/),
  ]);
  expect(await standingLocks(host)).toMatchObject([{ name: 'locks', holder: 'statectl' }]);
});

it('what the agent saw before is no answer where they cannot be read now', async () => {
  const agent = JSON.stringify({ locks: [] });
  const host = unreadableHost(memoryHost({ files: { [LOCKS]: { type: 'dir' }, '/run/statectl/agent.json': agent } }), [
    LOCKS,
  ]);
  expect(await whoHolds(host, NOBODY)).toHaveLength(1);
});
