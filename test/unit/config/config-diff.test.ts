import { describe, expect, it } from 'vitest';
import type { ConfigFault } from '../../../src/config/check/fault.ts';
import { configDiff } from '../../../src/config/config-diff.ts';
import { loadSnapshot } from '../../../src/config/load-revision.ts';

const BASE = {
  'system/overlays.conf': '/etc: { kind: ramdisk }\n',
  'nodes/print.conf': 'node: print[01-24]\nmacs: { print01: 52:54:00:12:34:01 }\ngroups: [klipper]\n',
  'nodes/klipper.conf': 'group: klipper\nmetadata: { room: B12 }\nset: { etc: { templates: [motd] } }\n',
  'templates/motd': '---\npath: /etc/motd\n---\n{{ node.name }} in {{ metadata.room }}\nsame\n',
};
const ALL = 'print[01-24]';
const side = async (files: Readonly<Record<string, string>>, faults: readonly ConfigFault[] = []) => ({
  ...(await loadSnapshot(new Map(Object.entries(files)))),
  faults,
});
const diff = async (to: Readonly<Record<string, string>>, from: Readonly<Record<string, string>> = {}) =>
  configDiff(await side({ ...BASE, ...from }), await side({ ...BASE, ...to }));

describe('a change', () => {
  it('of a template is told once for all whose lines differ by their own values alone', async () => {
    const { groups } = await diff({ 'templates/motd': BASE['templates/motd'].replace('{{ node', 'Hello {{ node') });
    expect(groups).toEqual([
      {
        nodes: expect.arrayContaining(['print01', 'print24']),
        changes: [
          {
            path: 'files./etc/motd.content',
            lines: ['-{{ node.name }} in B12', '+Hello {{ node.name }} in B12'],
            template: 'motd',
          },
        ],
      },
    ]);
    expect(groups[0]?.nodes).toHaveLength(24);
  });

  it('of a template is another one where it says something else', async () => {
    const motd = BASE['templates/motd'].replace(
      'same',
      '{% if node.name == "print07" %}lucky{% else %}same{% endif %}',
    );
    const { groups } = await diff({ 'templates/motd': motd });
    expect(groups).toEqual([
      { nodes: ['print07'], changes: [expect.objectContaining({ lines: ['-same', '+lucky'] })] },
    ]);
  });

  it('of each machine with its own metadata is told by the names of these', async () => {
    const machines = Object.fromEntries(
      ['a', 'b'].map((name, at) => [
        `nodes/${name}.conf`,
        `metadata: { slot: ${at + 3}, room: here }\ngroups: [klipper]\n`,
      ]),
    );
    const motd = BASE['templates/motd'].replace('same', 'slot {{ metadata.slot | default: "none" }}');
    const { groups } = await diff({ ...machines, 'templates/motd': motd }, machines);
    expect(groups.find(({ nodes }) => nodes.includes('a'))).toEqual({
      nodes: ['a', 'b'],
      changes: [expect.objectContaining({ lines: ['-same', '+slot {{ metadata.slot }}'] })],
    });
  });

  it.each([
    [
      'how a machine is known',
      { 'nodes/print.conf': BASE['nodes/print.conf'].replace(':01 }', ':02 }') },
      ['print01'],
      'match.mac',
      ['52:54:00:12:34:01'],
      ['52:54:00:12:34:02'],
    ],
    [
      'its metadata',
      { 'nodes/klipper.conf': BASE['nodes/klipper.conf'].replace('B12', '{ no: 3 }').replace('[motd]', '[]') },
      ALL,
      'metadata.room',
      'B12',
      { no: 3 },
    ],
  ])('of %s is told', async (_title, to, nodes, path, old, now) => {
    const { groups } = await diff(to);
    const [group] = groups;
    expect(nodes === ALL ? group?.nodes.length : group?.nodes).toEqual(nodes === ALL ? 24 : nodes);
    expect(group?.changes).toContainEqual({ path, from: old, to: now });
  });

  it('of the groups of a machine is told although it gets the same', async () => {
    const { groups } = await diff({ 'nodes/spare.conf': 'group: spare\nnodes: print[03-04]\n' });
    expect(groups).toEqual([
      { nodes: ['print03', 'print04'], changes: [{ path: 'groups', from: ['klipper'], to: ['spare', 'klipper'] }] },
    ]);
  });

  it('of a group that takes machines by what they are is told of these', async () => {
    const arm = (image: string) => ({
      'nodes/arm.conf': `group: arm\nmatch: { arch: arm64 }\nset: { boot: { image: ${image} } }\n`,
    });
    const { groups } = await diff(arm('b'), arm('a'));
    expect(groups).toEqual([
      {
        nodes: ['(machines that group arm takes by its match)'],
        changes: [{ path: 'boot.image', from: 'a', to: 'b' }],
      },
    ]);
  });

  it('of a file that came is told with its lines, and machines that came by one line for all alike', async () => {
    const [came] = (
      await diff({
        'templates/issue': '---\npath: /etc/issue\nmode: "0600"\n---\nhello\n',
        'nodes/klipper.conf': BASE['nodes/klipper.conf'].replace('[motd]', '[motd, issue]'),
      })
    ).groups;
    expect(came?.changes).toContainEqual({
      path: 'files./etc/issue',
      to: { mode: '0600', owner: 'root', group: 'root', template: 'issue' },
      lines: ['+hello'],
      template: 'issue',
    });
    const { groups } = await diff({ 'nodes/print.conf': BASE['nodes/print.conf'].replace('24]', '30]') });
    expect(groups).toEqual([
      {
        nodes: ['print25', 'print26', 'print27', 'print28', 'print29', 'print30'],
        changes: [{ path: '', to: expect.objectContaining({ match: { hostname: '{{ node.name }}' } }) }],
      },
    ]);
  });
});

describe('a side with faults', () => {
  const voron = { 'nodes/voron.conf': 'node: voron\n' };

  it('is named with them, and only machines without are compared', async () => {
    const image = { 'nodes/voron.conf': 'node: voron\nset: { boot: { image: x } }\n' };
    const { from, to, notCompared, groups } = await diff(
      { ...image, 'templates/motd': BASE['templates/motd'].replace('room', 'rom') },
      voron,
    );
    expect([from.faults, to.faults]).toEqual([
      [],
      [
        expect.objectContaining({
          file: 'templates/motd',
          line: 4,
          nodes: expect.arrayContaining(['print01', 'print24']),
        }),
      ],
    ]);
    expect(notCompared).toHaveLength(24);
    expect(groups).toEqual([{ nodes: ['voron'], changes: [{ path: 'boot', to: { image: 'x' } }] }]);
  });

  it.each([
    ['of its own', { 'nodes/voron.conf': 'node: [' }, ['voron']],
    ['of the settings of all', { 'system/boot.conf': 'image: [' }, 26],
    ['of a misspelt file, which nobody has', { 'sytem/boot.conf': 'image: x\n' }, []],
  ])('of a file %s says nothing of the machines that it is for', async (_title, broken, expected) => {
    const { to, notCompared, groups } = await diff({ ...voron, ...broken }, voron);
    expect(to.faults).toHaveLength(1);
    expect(typeof expected === 'number' ? notCompared.length : notCompared).toEqual(expected);
    expect(groups).toEqual([]);
  });

  it('of a group stops the machines that were in it', async () => {
    const group = (text: string) => ({ 'nodes/spare.conf': text });
    const { notCompared, groups } = await diff(
      group('group: spare\nnodes: print[03-04]\nset: { boot: { image: [ } }\n'),
      group('group: spare\nnodes: print[03-04]\nset: { boot: { image: x } }\n'),
    );
    expect([notCompared, groups]).toEqual([['print03', 'print04'], []]);
  });
});
