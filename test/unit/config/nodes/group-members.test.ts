import { describe, expect, it } from 'vitest';
import { readConfigDir } from '../../../../src/config/config-dir.ts';
import { strayMembers } from '../../../../src/config/nodes/group-members.ts';
import { configHost } from '../../../fixtures/config.ts';

const straysOf = async (node: string, members: string) => {
  const files = { 'nodes/all.conf': `node: ${node}\n`, 'nodes/voron.conf': `group: voron\nnodes: ${members}\n` };
  const { nodes } = await readConfigDir(configHost(files), '/config.d');
  return strayMembers(nodes).map(({ kind, fault: { file, line, column, message } }) => [
    kind,
    `${file}:${line}:${column} ${message}`,
  ]);
};

describe('a member of a group that no node file names', () => {
  it.each([
    ['prnt[13-24]', 'prnt[13-24]', 'print[13-24]'],
    ['print[1-9]', 'print[1-9]', 'print[01-09]'],
    ['Print13', 'Print13', 'print13'],
    ['print13,pritn14', 'pritn14', 'print14'],
  ])('is a typing error where a node is called almost so: %s', async (members, stray, meant) => {
    expect(await straysOf('print[01-24]', members)).toEqual([
      ['typo', `nodes/voron.conf:2:1 no node file names ${stray}: did you mean ${meant}?`],
    ]);
  });

  it.each([
    ['print[01-02]', 'print[01-24]', 'print[03-24]: group voron does nothing for them yet'],
    ['racka[01-10]', 'rackb[01-10]', 'rackb[01-10]: group voron does nothing for them yet'],
    ['rack-a1', 'rack-b1', 'rack-b1: group voron does nothing for it yet'],
    ['pi[1-4]', 'pc[1-4]', 'pc[1-4]: group voron does nothing for them yet'],
    ['print[01-24]', 'kiosk', 'kiosk: group voron does nothing for it yet'],
  ])('may be one whose file is still to come: of %s and %s', async (node, members, text) => {
    expect(await straysOf(node, members)).toEqual([['absent', `nodes/voron.conf:2:1 no node file names ${text}`]]);
  });

  it('is told apart in one list', async () => {
    expect((await straysOf('print[01-02]', 'print[01-03],prnt02')).map(([kind]) => kind)).toEqual(['typo', 'absent']);
  });

  it('is nothing to tell where every member is a node', async () => {
    expect(await straysOf('print[01-24]', 'print[13-24]')).toEqual([]);
  });
});
