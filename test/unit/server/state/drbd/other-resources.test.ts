import { describe, expect, it } from 'vitest';
import { memoryHost } from '../../../../../src/host/memory.ts';
import { takenByOthers } from '../../../../../src/server/state/drbd/other-resources.ts';

const resource = (name: string, number: number): string =>
  `resource ${name} {\n on a { device minor ${number}; address 10.0.0.1:${7000 + number}; }\n}\n`;
const CONF = 'include "drbd.d/global_common.conf";\ninclude "drbd.d/*.res";\n';

async function taken(files: Readonly<Record<string, string>>) {
  const { files: port } = memoryHost({ files });
  const { ports, minors, resources } = await takenByOthers({ files: port });
  return [[...ports], [...minors], [...resources]];
}

describe('what resources of others have', () => {
  it('is in drbd.conf and beside it, but for the files of this server', async () => {
    expect(
      await taken({
        '/etc/drbd.conf': `${CONF}${resource('r0', 0)}`,
        '/etc/drbd.d/r1.res': resource('r1', 1),
        '/etc/drbd.d/statectl-voron.database.res': resource('voron.database', 100),
        '/etc/drbd.d/r2.res.old': resource('r2', 2),
      }),
    ).toEqual([
      [7000, 7001],
      [0, 1],
      ['r0', 'r1'],
    ]);
  });

  it.each([
    ['by its whole path', '/var/lib/linstor.d/*.res', '/var/lib/linstor.d/pvc-1.res'],
    ['from where it lies', 'more/?.res', '/etc/drbd.d/more/a.res'],
    ['from a folder above', '../cluster.d/one.res', '/etc/cluster.d/one.res'],
  ])('is in what they include, %s', async (_, include, path) => {
    expect(
      await taken({
        '/etc/drbd.conf': CONF,
        '/etc/drbd.d/linstor-resources.res': `# include "/srv/old.res";\ninclude "${include}";\n`,
        '/srv/old.res': resource('old', 9),
        [path]: `include "${path}";\n${resource('far', 100)}`,
      }),
    ).toEqual([[7100], [100], ['far']]);
  });

  it('is nothing on a host that has none', async () => {
    expect(await taken({})).toEqual([[], [], []]);
  });
});
