import { describe, expect, it } from 'vitest';
import { planVolume, type VolumePlan } from '../../../../../src/server/state/drbd/plan-volume.ts';
import type { HostFacts, VolumeFacts } from '../../../../../src/server/state/drbd/volume-facts.ts';
import type { Volume } from '../../../../../src/server/state/drbd/volume-record.ts';

const MIB = 1 << 20;
const UUID = '11111111-2222-4333-8444-555555555555';
const VOLUME: Volume = {
  ...{ printer: 'voron', item: 'database', node: 'print07', resource: 'voron.database', port: 7900, minor: 100 },
  ...{ addresses: { server: '192.168.7.1', machine: '192.168.7.107' }, backing: { on: 'file' }, fileSystem: UUID },
};
const MADE: Volume = { ...VOLUME, made: { atMs: 0, bytes: 64 * MIB } };
const NOTHING = { ports: new Set<number>(), minors: new Set<number>(), resources: new Set<string>() };
const HOST: HostFacts = {
  ...{ isRoot: true, name: 'boot', own: [], module: 'loaded', version: 8, missing: [] },
  ...{ others: NOTHING, listening: new Set() },
};
const EMPTY: VolumeFacts = { host: HOST, hasLoop: false, standing: { why: 'it is not up here' } };
const OURS = [{ type: 'drbd' }, { type: 'ext4', uuid: UUID }];
const UP: VolumeFacts = {
  host: HOST,
  hasLoop: true,
  disk: { bytes: 64 * MIB, signatures: OURS, isInUse: false },
  resourceText: 'resource',
  standing: {
    connection: 'Connected',
    role: 'Secondary',
    peerRole: 'Primary',
    disk: 'UpToDate',
    peerDisk: 'UpToDate',
    outOfSyncBytes: 0,
  },
};
const ALONE = {
  ...{ connection: 'WFConnection', role: 'Secondary', peerRole: 'Unknown' },
  ...{ disk: 'UpToDate', peerDisk: 'DUnknown', outOfSyncBytes: 0 },
};
const WANTED = { sizeBytes: 64 * MIB, resourceText: 'resource', root: '/state' };

const plan = (volume: Volume, facts: Partial<VolumeFacts>, wanted: Partial<typeof WANTED> = {}): VolumePlan =>
  planVolume(volume, { ...EMPTY, ...facts }, { ...WANTED, ...wanted });
const steps = (result: VolumePlan): readonly string[] =>
  'steps' in result ? result.steps.map((step) => step.do) : result.refused.map(({ why }) => why);
const onHost = (host: Partial<HostFacts>, facts: VolumeFacts = EMPTY): VolumeFacts => ({
  ...facts,
  host: { ...HOST, ...host },
});

describe('the plan of a volume', () => {
  it('makes it in the order in which each step finds what it needs', () => {
    expect(steps(plan(VOLUME, onHost({ module: 'there' })))).toEqual([
      ...['load-module', 'make-file', 'attach-loop', 'make-filesystem', 'write-resource', 'make-metadata'],
      ...['bring-up', 'declare-truth', 'note-made'],
    ]);
    expect(steps(plan({ ...VOLUME, backing: { on: 'lvm', group: 'vg0' } }, {}))).toContain('make-lvm');
  });

  it('has the metadata of another module turned into what this one reads, where it is not up', () => {
    const made = { ...UP, disk: { bytes: 64 * MIB, signatures: OURS, isInUse: false, metadata: 8 as const } };
    const down = { ...made, standing: EMPTY.standing };
    expect(plan(MADE, onHost({ version: 9 }, down))).toMatchObject({
      steps: [{ do: 'make-metadata', version: 9 }, { do: 'bring-up' }],
    });
    expect(steps(plan(MADE, onHost({ version: 8 }, down)))).toEqual(['bring-up']);
    expect(steps(plan(MADE, onHost({ version: 9 }, made)))).toEqual([]);
  });

  it('is empty for one that is there', () => {
    expect(plan(MADE, UP)).toEqual({ steps: [], notes: [] });
  });

  it('goes on after each step at which it was cut off, and makes no file system twice', () => {
    const disk = { bytes: 64 * MIB, signatures: [], isInUse: false };
    const rest = ['write-resource', 'make-metadata', 'bring-up', 'declare-truth', 'note-made'];
    expect(steps(plan(VOLUME, { disk: { ...disk, bytes: 0 } }))).toEqual([
      ...['make-file', 'attach-loop', 'make-filesystem'],
      ...rest,
    ]);
    expect(steps(plan(VOLUME, { disk }))).toEqual(['attach-loop', 'make-filesystem', ...rest]);
    expect(steps(plan(VOLUME, { disk: { ...disk, signatures: OURS.slice(1) }, hasLoop: true }))).toEqual(rest);
    expect(steps(plan(VOLUME, { ...UP, standing: EMPTY.standing }))).toEqual([
      'bring-up',
      'declare-truth',
      'note-made',
    ]);
    expect(steps(plan(VOLUME, UP))).toEqual(['declare-truth', 'note-made']);
  });

  it('brings up again what a restart, a detached disk or a lost connection took down, and declares nothing', () => {
    expect(steps(plan(MADE, { ...UP, hasLoop: false, standing: EMPTY.standing }))).toEqual(['attach-loop', 'bring-up']);
    const standing = { ...ALONE, connection: 'StandAlone' };
    expect(steps(plan(MADE, { ...UP, standing }))).toEqual(['bring-up']);
    expect(steps(plan(MADE, { ...UP, standing: { ...standing, connection: 'Connected', disk: 'Diskless' } }))).toEqual([
      'bring-up',
    ]);
    expect(steps(plan(MADE, UP, { resourceText: 'of another address' }))).toEqual(['write-resource', 'bring-up']);
  });

  it.each([
    ['no module', onHost({ module: 'missing' }), /this kernel has no module drbd/],
    ['a program that is missing', onHost({ missing: ['drbdadm'] }), /drbdadm is missing here/],
    ['who is not root', onHost({ isRoot: false }), /only root may/],
    ['a port that somebody listens on', onHost({ listening: new Set([7900]) }), /port 7900 is taken/],
    ['a port of another resource', onHost({ others: { ...NOTHING, ports: new Set([7900]) } }), /port 7900 is taken/],
    [
      'a minor of another resource',
      onHost({ others: { ...NOTHING, minors: new Set([100]) } }),
      /\/dev\/drbd100 belongs/,
    ],
    [
      'a name of another resource',
      onHost({ others: { ...NOTHING, resources: new Set(['voron.database']) } }),
      /another resource/,
    ],
    ['a state that is another account’s', { ...EMPTY, otherOwner: 107 }, /belongs to another account \(uid 107\)/],
  ])('is none for %s', (_, facts, why) => {
    expect(steps(plan(VOLUME, facts)).join('\n')).toMatch(why);
  });

  it('takes the port that its own resource listens on for free', () => {
    expect(steps(plan(MADE, onHost({ listening: new Set([7900]) }, UP)))).toEqual([]);
  });

  it.each([
    ['a file system of somebody else', [{ type: 'ext4', uuid: 'another' }]],
    ['ours with something besides', [...OURS, { type: 'gpt' }]],
    ['a partition table', [{ type: 'dos' }]],
    ['metadata of DRBD alone', [{ type: 'drbd' }]],
    ['something that nobody can read', [{ type: 'something that wipefs cannot read' }]],
  ])('writes over nothing on a disk: %s', (_, signatures) => {
    for (const volume of [VOLUME, { ...VOLUME, backing: { on: 'device', path: '/dev/sdb1' } } as const])
      expect(steps(plan(volume, { disk: { bytes: 64 * MIB, signatures, isInUse: false } }))).toEqual([
        expect.stringContaining('there is something else on'),
      ]);
  });

  it('never makes anew what was made: a disk that is gone or empty is for a person', () => {
    expect(steps(plan(MADE, {})).join()).toContain('is not there: it was made 1970');
    const empty = { bytes: 64 * MIB, signatures: [], isInUse: false };
    expect(steps(plan(MADE, { disk: empty })).join()).toContain('has lost its file system');
  });

  it('takes no device that is in use, too small, or so large that the machine lacked the RAM', () => {
    const volume: Volume = { ...VOLUME, backing: { on: 'device', path: '/dev/sdb1' } };
    const on = (bytes: number, isInUse = false) =>
      steps(plan(volume, { disk: { bytes, signatures: [], isInUse } })).join();
    expect(on(64 * MIB, true)).toContain('is in use');
    expect(on(63 * MIB)).toContain('has 66060288 bytes');
    expect(on(1024 * MIB)).toContain('as much RAM');
    expect(on(68 * MIB)).toContain('make-filesystem');
    expect(steps(plan(volume, {}))).toEqual(['there is no /dev/sdb1']);
  });

  it('tells of one that somebody has open here, and of a size that came too late', () => {
    const standing = { ...ALONE, role: 'Primary' };
    expect(plan(MADE, { ...UP, standing }, { sizeBytes: 256 * MIB })).toEqual({
      steps: [],
      notes: [
        expect.stringContaining('is Primary here'),
        'voron.database keeps the 67108864 bytes that it was made with; state.conf says 268435456',
      ],
    });
  });
});
