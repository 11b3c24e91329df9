import { expect, it } from 'vitest';
import type { Seed } from '../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { readCycle, readEvidence, writeEvidence } from '../../../src/slots/evidence.ts';

const BOOT = { cycle: 17, bootId: '3f2a91c0-0000-4000-8000-000000000017' };
const FOLDER = '/user-data/persistent/statectl/cycle';
const STARTED = { ...BOOT, atMs: 1, checks: ['root'] };
const withFile = (name: string, seed: Seed) => memoryHost({ files: { [`${FOLDER}/${name}`]: seed } });

it('what a boot leaves is read as it was meant, by root alone', async () => {
  const host = memoryHost({ startMs: 5_000 });
  await writeEvidence(host, 'alive', BOOT, { uptimeMs: 41_000.4, gateMs: 1_000.6 });
  await writeEvidence(host, 'started', BOOT, { checks: ['root', 'service klipper'] });
  await writeEvidence(host, 'failed', BOOT, { check: 'url http://a', reason: 'it answers 503' });
  await writeEvidence(host, 'stopping', BOOT, {});
  await writeEvidence(host, 'deliberate', BOOT, { by: 'reboot.target' });
  expect(await readEvidence(host, BOOT)).toEqual({
    evidence: {
      alive: { ...BOOT, atMs: 5_000, uptimeMs: 41_000, gateMs: 1_001 },
      started: { ...BOOT, atMs: 5_000, checks: ['root', 'service klipper'] },
      failed: { ...BOOT, atMs: 5_000, check: 'url http://a', reason: 'it answers 503' },
      stopping: { ...BOOT, atMs: 5_000 },
      deliberate: { ...BOOT, atMs: 5_000, by: 'reboot.target' },
    },
    faults: [],
  });
  expect(await host.files.stat(FOLDER)).toMatchObject({ type: 'dir', mode: 0o700 });
  expect(await host.files.stat(`${FOLDER}/started.json`)).toMatchObject({ mode: 0o600 });
});

it('whatever is said is read again: texts are cut, lists end, a clock before 1970 is 1970', async () => {
  const host = memoryHost({ startMs: -5_000 });
  const long = '\u{1f525}\u0000"'.repeat(10_000);
  await writeEvidence(host, 'failed', BOOT, { check: long, reason: long });
  await writeEvidence(host, 'started', BOOT, { checks: Array(1_000).fill(long) });
  const { evidence, faults } = await readEvidence(host, BOOT);
  expect(faults).toEqual([]);
  expect(evidence.failed?.reason).toHaveLength(500);
  expect(evidence.started).toMatchObject({ atMs: 0 });
  expect(evidence.started?.checks).toHaveLength(50);
});

it.each<[string, Seed, string]>([
  ['of another cycle', JSON.stringify({ ...STARTED, cycle: 16 }), 'it is of another boot'],
  ['of another start of the kernel', JSON.stringify({ ...STARTED, bootId: '3f2a91c0-0000' }), 'it is of another boot'],
  ['a torn file', '{"cycle":17,"bo', 'it is no JSON'],
  ['nothing but zeros', new Uint8Array(64), 'it is no JSON'],
  ['an empty file', '', 'it is no JSON'],
  ['a list', '[]', 'it is missing or no object'],
  ['a number in words', JSON.stringify({ ...STARTED, cycle: '17' }), '"cycle" is missing or no number'],
  ['a number that is none', '{"cycle":1e999}', '"cycle" is missing or no number'],
  ['no checks', JSON.stringify({ ...STARTED, checks: undefined }), '"checks" is missing or no array'],
  [
    'a check without end',
    JSON.stringify({ ...STARTED, checks: ['x'.repeat(201)] }),
    '"checks.0" is not as it should be',
  ],
  ['a huge file', JSON.stringify(STARTED).padEnd(70_000), 'EFBIG'],
  ['a link', { target: '/etc/shadow' }, 'it is no file'],
  ['a pipe', { type: 'fifo' }, 'it is no file'],
  ['a folder', { type: 'dir' }, 'it is no file'],
  ['the file of another account', { data: JSON.stringify(STARTED), uid: 1000 }, 'it is of another account than root'],
])('%s counts as absent and is told', async (_, seed, why) => {
  const { evidence, faults } = await readEvidence(withFile('started.json', seed), BOOT);
  expect(evidence).toEqual({});
  expect(faults).toEqual([expect.stringContaining(why)]);
  expect(faults[0]).toContain(`${FOLDER}/started.json counts as absent: `);
});

it('what a later version says more passes, and what one file is does not spoil another', async () => {
  const host = withFile('started.json', JSON.stringify({ ...STARTED, more: [1] }));
  await host.files.write(`${FOLDER}/failed.json`, 'x');
  const { evidence, faults } = await readEvidence(host, BOOT);
  expect(evidence).toEqual({ started: STARTED });
  expect(faults).toHaveLength(1);
});

it('a machine without a disk has none, and something else in place of the folder is told', async () => {
  expect(await readEvidence(memoryHost(), BOOT)).toEqual({ evidence: {}, faults: [] });
  const linked = memoryHost({ files: { [FOLDER]: { target: '/tmp' } } });
  expect(await readEvidence(linked, BOOT)).toEqual({
    evidence: {},
    faults: [`${FOLDER} counts as absent: it is no folder`],
  });
});

it('a boot says which attempt it is; one that says it wrongly is as one that keeps no cycle, and that is told', async () => {
  const cycleOf = (text: string) => readCycle(memoryHost({ files: { '/run/statectl/cycle.json': text } }));
  const said = { ...BOOT, slot: 'a', windowMs: 300_000 };
  expect(await cycleOf(JSON.stringify(said))).toEqual({ cycle: said });
  expect(await readCycle(memoryHost())).toEqual({});
  expect(await cycleOf('{}')).toEqual({
    fault: '/run/statectl/cycle.json counts as absent: "cycle" is missing or no number',
  });
});
