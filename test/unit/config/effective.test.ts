import { describe, expect, it } from 'vitest';
import { formatFault } from '../../../src/config/check/fault.ts';
import { readConfigDir } from '../../../src/config/config-dir.ts';
import { type Effective, effectiveFor, effectiveOf } from '../../../src/config/effective.ts';
import { plainOf, treeAt } from '../../../src/config/tree/tree.ts';
import type { MachineIdentity } from '../../../src/protocol/machine-identity.ts';
import { configHost } from '../../fixtures/config.ts';

const read = (files: Readonly<Record<string, string>>) => readConfigDir(configHost(files), '/config.d');
const machine = (facts: Partial<MachineIdentity>): MachineIdentity => ({ macs: [], labels: {}, ...facts });
const node = async (files: Readonly<Record<string, string>>, name: string): Promise<Effective> => {
  const dir = await read(files);
  expect(dir.faults).toEqual([]);
  const record = dir.nodes.nodes.get(name);
  expect(record).toBeDefined();
  return effectiveOf(dir, record);
};

const LAB = {
  'controller/rescue.conf': 'attempts: 1\ncountdown: 1s\nunattended: wait\n',
  'controller/crescue.conf': 'countdown: 2s\n',
  'nodes/all.conf':
    'group: all\nnodes: print[01-24]\nmetadata: {site: lab, room: none}\nset: {rescue: {countdown: 3s}}\n',
  'nodes/klipper.conf': 'group: klipper\nset: {rescue: {countdown: 4s, attempts: 4}}\n',
  'nodes/print.conf':
    'node: print[01-24]\nmacs:\n  print01: 52-54-00-00-00-01\ngroups: [klipper]\nmetadata: {room: B12}\nset:\n  rescue:\n    attempts: 5\n',
};

describe('the settings of a node', () => {
  it('are the built-in ones below foo.conf below cfoo.conf below its groups in order below its own', async () => {
    const { config, groups, settings } = await node(LAB, 'print01');
    expect(groups).toEqual(['all', 'klipper']);
    expect(config?.rescue).toEqual({ access: 'open', attempts: 5, countdownMs: 4_000, unattended: 'wait' });
    expect(treeAt(settings, ['rescue', 'countdown'])).toMatchObject({
      origin: { layer: 'group klipper', file: 'nodes/klipper.conf', line: 2 },
      superseded: [
        { value: '1s', origin: { layer: 'file', file: 'controller/rescue.conf', line: 2, column: 1 } },
        { value: '2s', origin: { layer: 'override', file: 'controller/crescue.conf', line: 1, column: 1 } },
        { value: '3s', origin: { layer: 'group all', file: 'nodes/all.conf' } },
      ],
    });
    expect(treeAt(settings, ['rescue', 'attempts'])).toMatchObject({
      origin: { layer: 'node', file: 'nodes/print.conf', line: 8, column: 5 },
    });
  });

  it('carry the metadata of its groups and its own', async () => {
    const { metadata } = await node(LAB, 'print24');
    expect(plainOf(metadata)).toEqual({ site: 'lab', room: 'B12' });
  });

  it('apply groups in the order in which the node lists them', async () => {
    const files = (groups: string) => ({
      'nodes/a.conf': 'group: a\nset: {rescue: {attempts: 1}}',
      'nodes/b.conf': 'group: b\nset: {rescue: {attempts: 2}}',
      'nodes/n.conf': `groups: ${groups}`,
    });
    expect((await node(files('[a, b]'), 'n')).config?.rescue.attempts).toBe(2);
    expect((await node(files('[b, a]'), 'n')).config?.rescue.attempts).toBe(1);
  });

  it('that are wrong are a fault of that node alone, where they are said', async () => {
    const files = { ...LAB, 'nodes/bad.conf': 'set:\n  rescue:\n    atempts: 5\n  tmpfss: {}\n' };
    expect((await node(files, 'bad')).faults.map(formatFault)).toEqual([
      expect.stringMatching(/^nodes\/bad\.conf:4:3 unknown key "tmpfss": did you mean "tmpfs"\?$/),
      'nodes/bad.conf:3:5 unknown key "atempts": did you mean "attempts"?',
    ]);
    expect((await node(files, 'print01')).faults).toEqual([]);
  });
});

describe('a machine', () => {
  const files = {
    'nodes/byname.conf': 'node: byname',
    'nodes/mac.conf': 'match: { mac: [AA-BB-CC-00-00-01, aabb.cc00.0002] }',
    'nodes/two.conf': 'match: { arch: aarch64, labels: { room: b12 } }',
    'nodes/one.conf': 'match: { arch: aarch64 }',
    'nodes/serial.conf': 'match: { serial: S1, uuid: 4C4C4544-0042-3510-8052-B4C04F4E4D32 }',
    'nodes/pi.conf': 'group: pi\nmatch: { arch: aarch64 }\nmetadata: { board: pi }',
  };

  it.each([
    ['by any of its MAC addresses', machine({ macs: ['00:00:00:00:00:09', 'aa:bb:cc:00:00:02'] }), 'mac'],
    ['by its host name, in any case', machine({ hostname: 'ByName' }), 'byname'],
    ['by the most selectors', machine({ arch: 'aarch64', labels: { room: 'b12' } }), 'two'],
    ['by fewer where the others fail', machine({ arch: 'aarch64', labels: { room: 'c1' } }), 'one'],
    ['by all selectors only', machine({ serial: 'S1' }), undefined],
    ['by UUID and serial number', machine({ serial: 'S1', uuid: '4c4c4544-0042-3510-8052-b4c04f4e4d32' }), 'serial'],
    ['not at all when nothing is known', machine({}), undefined],
  ])('is known %s', async (_title, facts, name) => {
    expect(effectiveFor(await read(files), facts).node?.name).toBe(name);
  });

  it('that no node file names gets the groups that it matches', async () => {
    const dir = await read({ 'nodes/pi.conf': files['nodes/pi.conf'] });
    const { groups, metadata } = effectiveFor(dir, machine({ arch: 'aarch64' }));
    expect([groups, plainOf(metadata)]).toEqual([['pi'], { board: 'pi' }]);
  });

  it('is that of the card it boots from, where its cards are those of two', async () => {
    const dir = await read({
      'nodes/a.conf': 'match: { mac: "52:54:00:00:00:01" }',
      'nodes/b.conf': 'match: { mac: "52:54:00:00:00:02" }',
    });
    const [one, two] = ['52:54:00:00:00:01', '52:54:00:00:00:02'] as const;
    expect(effectiveFor(dir, machine({ macs: [one, two] })).node?.name).toBe('a');
    expect(effectiveFor(dir, machine({ macs: [two, one] })).node?.name).toBe('b');
    expect(() => effectiveFor(dir, machine({ macs: ['52:54:00:00:00:09', one, two] }))).toThrow(
      'both match this machine',
    );
  });

  it('that two nodes match equally well is refused, and both are named', async () => {
    const dir = await read({
      'nodes/a.conf': 'match: { mac: "52:54:00:00:00:01" }',
      'nodes/b.conf': 'match: { mac: 52-54-00-00-00-01 }',
    });
    expect(() => effectiveFor(dir, machine({ macs: ['52:54:00:00:00:01'] }))).toThrow(
      'a (nodes/a.conf: mac 52:54:00:00:00:01) and b (nodes/b.conf: mac 52:54:00:00:00:01) both match this machine',
    );
  });
});

describe('what names a machine', () => {
  it.each([
    '525400123456',
    '"525400123456"',
    '52540012e456',
    '52-54-00-12-E4-56',
    '01-52-54-00-12-e4-56',
    '5254.0012.E456',
    '52:54:00:12:E4:56',
    '002345678901',
    '0000000e0001',
  ])('is a MAC address in any notation, without quotes too: %s', async (mac) => {
    const plain = mac.replace(/^01-|[^0-9a-f]/gi, '').toLowerCase();
    const wanted = plain.replace(/..(?=.)/g, '$&:');
    const { faults, nodes } = await read({
      'nodes/one.conf': `match: { mac: ${mac} }\n`,
      'nodes/list.conf': `match:\n  mac:\n    - ${mac}\n`,
      'nodes/n.conf': `node: n[1-2]\nmacs:\n  n1: ${mac}\n`,
      'nodes/g.conf': `group: g\nmatch: { mac: [${mac}] }\n`,
    });
    expect(faults).toEqual([]);
    expect(['one', 'list', 'n1'].map((name) => nodes.nodes.get(name)?.match.mac)).toEqual([
      [wanted],
      [wanted],
      [wanted],
    ]);
    expect(nodes.groups.get('g')?.match?.mac).toEqual([wanted]);
  });

  it('counts as it was written: serial numbers, labels and host names of digits', async () => {
    const { faults, nodes } = await read({
      'nodes/a.conf': 'match: { serial: 0012, hostname: 007, labels: { rack: 07, row: 1.10, test: true } }\n',
    });
    expect(faults).toEqual([]);
    expect(nodes.nodes.get('a')?.match).toEqual({
      serial: '0012',
      hostname: '007',
      labels: { rack: '07', row: '1.10', test: 'true' },
    });
  });

  it.each([
    ['match: { labels: { rack: } }', '1:20 "match.labels.rack": expected a text'],
    ['metadata: { rack: 07 }', '1:13 07 would be the number 7: put it in quotes'],
    ['metadata: { ids: [52540012e456] }', '1:19 52540012e456 would be the number Infinity: put it in quotes'],
    ['metadata: { version: 1.10 }', '1:13 1.10 would be the number 1.1: put it in quotes'],
    ['metadata: { phone: +49123 }', '1:13 +49123 would be the number 49123: put it in quotes'],
    ['metadata: { id: 0x1F }', '1:13 0x1F would be the number 31: put it in quotes'],
    ['metadata: { on: True }', '1:13 True would be true: put it in quotes'],
    ['metadata: { none: ~ }', '1:13 ~ would be nothing: put it in quotes'],
  ])('is no number: %s is a fault', async (text, fault) => {
    const { faults } = await read({ 'nodes/x.conf': text });
    expect(faults.map(formatFault)).toEqual([`nodes/x.conf:${fault}`]);
  });

  it('is no number, and that hides no other fault of its file', async () => {
    const dir = await read({ 'nodes/x.conf': 'metadata: { rack: 07 }\nset: { boot: { imag: a } }\n' });
    expect(dir.faults).toHaveLength(1);
    expect(effectiveOf(dir, dir.nodes.nodes.get('x')).faults).toHaveLength(1);
  });
});

describe('a node file', () => {
  it.each([
    ['node: print[1-2]\nmatch: {arch: x86_64}', '2:1 one match cannot tell 2 machines apart'],
    ['node: print[1-2]\nmacs: {print3: "52:54:00:00:00:01"}', '2:8 print3 is not among the names of this file'],
    ['node: print[2-1]', '1:1 "print[2-1]": 2-1 counts down'],
    ['match: {mac: 52:54}', '1:9 "match.mac": expected a MAC address such as 52:54:00:12:34:56'],
    ['groups: [none]', '1:1 there is no group none; write nodes/none.conf with `group: none`'],
    ['gruops: [a]', '1:1 unknown key "gruops": did you mean "groups"?'],
    ['group: "a b"', '1:1 "group": expected a name'],
    ['a: [', '1:5 '],
  ])('%j is a fault', async (text, fault) => {
    const { faults, nodes } = await read({ 'nodes/good.conf': '', 'nodes/x.conf': text });
    expect(faults.map(formatFault).join('\n')).toContain(`nodes/x.conf:${fault}`);
    expect(nodes.nodes.has('good')).toBe(true);
  });

  it('cannot name what another names', async () => {
    const { faults } = await read({ 'nodes/a.conf': 'node: n[1-3]', 'nodes/b.conf': 'node: n2' });
    expect(faults.map(formatFault)).toEqual(['nodes/b.conf:1:1 n2 is in nodes/a.conf already']);
  });
});

describe('a group for all machines', () => {
  const files = {
    ...LAB,
    'nodes/everyone.conf': 'group: everyone\nnodes: all\nmetadata: {site: here}\nset: {boot: {image: lab}}\n',
  };

  it('has every node, and machines that no node file names', async () => {
    const named = await node(files, 'print01');
    expect(named.groups).toEqual(['all', 'everyone', 'klipper']);
    expect(named.config?.boot.image).toBe('lab');
    for (const facts of [{ macs: ['52:54:00:ff:ff:ff'] }, { hostname: 'all' }, {}])
      expect(effectiveFor(await read(files), machine(facts))).toMatchObject({
        groups: ['everyone'],
        config: { boot: { image: 'lab' } },
      });
  });

  it('leaves no machine that could be called all', async () => {
    for (const text of ['node: all\n', 'node: "all,print99"\n']) {
      const { faults } = await read({ 'nodes/x.conf': text });
      expect(faults.map(formatFault)).toEqual([expect.stringContaining('"all" stands for all machines')]);
    }
    const { faults } = await read({ 'nodes/all.conf': 'metadata: {}\n' });
    expect(faults).toHaveLength(1);
  });
});
