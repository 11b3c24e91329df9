import { describe, expect, it } from 'vitest';
import { checkConfigDir } from '../../../../src/config/check/check.ts';
import { foldFaults, formatChecked } from '../../../../src/config/check/fold-faults.ts';
import { readConfigDir } from '../../../../src/config/config-dir.ts';
import { readTemplates } from '../../../../src/config/templates/template-set.ts';
import { configHost } from '../../../fixtures/config.ts';

/** The faults of a config.d, or of one node of it, as `config check` tells them. */
async function faults(files: Readonly<Record<string, string>>, one?: string): Promise<readonly string[]> {
  const host = configHost({ 'system/overlays.conf': '/home: { kind: tmpfs }', ...files });
  const dir = await readConfigDir(host, '/config.d');
  const node = one === undefined ? undefined : dir.nodes.nodes.get(one);
  return foldFaults(checkConfigDir(dir, await readTemplates(host, '/config.d'), node).faults).map(formatChecked);
}

const set = (...names: readonly string[]): string =>
  `set:\n  state:\n    printers:\n${names.map((name) => `      ${name}: { data: /home/${name}, user: pi }`).join('\n')}`;

describe('a printer', () => {
  it('is that of one node', async () => {
    expect(await faults({ 'nodes/n1.conf': set('voron', 'ender'), 'nodes/n2.conf': set('voron2') })).toEqual([]);
  });

  it('that two nodes claim is a fault of both, each with the place of the other', async () => {
    const files = { 'nodes/n1.conf': set('ender', 'voron'), 'nodes/n2.conf': set('voron') };
    expect(await faults(files)).toEqual([
      'nodes/n1.conf:5:7 voron is a printer of n2, too (nodes/n2.conf:4:7): its state belongs to one node (for n1)',
      'nodes/n2.conf:4:7 voron is a printer of n1, too (nodes/n1.conf:5:7): its state belongs to one node (for n2)',
    ]);
    expect(await faults(files, 'n2')).toHaveLength(1);
  });

  it.each([
    [
      'a group',
      { 'nodes/g.conf': `group: g\nnodes: n1,n2\n${set('voron')}`, 'nodes/n1.conf': '', 'nodes/n2.conf': '' },
      'nodes/g.conf:6:7',
    ],
    ['a list of machines', { 'nodes/n.conf': `node: n[1-2]\n${set('voron')}` }, 'nodes/n.conf:5:7'],
    [
      'the settings of all',
      {
        'system/state.conf': 'printers: { voron: { data: /home/v, user: pi } }',
        'nodes/n1.conf': '',
        'nodes/n2.conf': '',
      },
      'system/state.conf:1:13',
    ],
  ])('that %s says of two nodes is told once', async (_what, files: Readonly<Record<string, string>>, at) => {
    expect(await faults(files)).toEqual([
      `${at} voron is said for several nodes here: its state belongs to one, so say it in a file for it alone (its own, or a group with \`nodes: NAME\`) (for n[1-2])`,
    ]);
  });

  it('of all settings is that of the only node', async () => {
    expect(
      await faults({ 'system/state.conf': 'printers: { voron: { data: /home/v, user: pi } }', 'nodes/n1.conf': '' }),
    ).toEqual([]);
  });

  it('that one node takes out of what is said of all is that of the other', async () => {
    expect(
      await faults({
        'system/state.conf': 'printers: { voron: { data: /home/v, user: pi } }',
        'nodes/n1.conf': 'set: { state: { printers: { ~voron: } } }',
        'nodes/n2.conf': '',
      }),
    ).toEqual([]);
  });
});
