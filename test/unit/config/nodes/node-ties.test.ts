import { expect, it } from 'vitest';
import { readConfigDir } from '../../../../src/config/config-dir.ts';
import { nodeTies } from '../../../../src/config/nodes/node-ties.ts';
import { configHost } from '../../../fixtures/config.ts';

const tiesOf = async (nodes: Readonly<Record<string, string>>) => {
  const files = Object.fromEntries(Object.entries(nodes).map(([name, text]) => [`nodes/${name}.conf`, text]));
  const dir = await readConfigDir(configHost(files), '/config.d');
  return nodeTies(dir.nodes).map(({ file, message }) => `${file} ${message}`);
};

it('are found where two files claim one machine, in whatever notation', async () => {
  expect(
    await tiesOf({ a: 'match: { mac: "52:54:00:12:34:56" }\n', b: 'match: { mac: 52-54-00-12-34-56 }\n' }),
  ).toEqual(
    ['a', 'b'].map((file) =>
      expect.stringMatching(
        `^nodes/${file}\\.conf a \\(nodes/a\\.conf: .*\\) and b \\(nodes/b\\.conf: .*\\) both match one machine$`,
      ),
    ),
  );
});

it('are none where one file says more of the machine, or they are different ones', async () => {
  const mac = 'mac: "52:54:00:12:34:56"';
  expect(await tiesOf({ a: `match: { ${mac} }\n`, b: `match: { ${mac}, serial: X1 }\n` })).toEqual([]);
  expect(await tiesOf({ a: `match: { ${mac} }\n`, b: 'match: { mac: "52:54:00:12:34:57" }\n' })).toEqual([]);
});

it('know architectures by the words of Debian and iPXE too', async () => {
  const dir = await readConfigDir(
    configHost({ 'nodes/arm.conf': 'group: arm\nmatch: { arch: arm64 }\n' }),
    '/config.d',
  );
  expect(dir.nodes.groups.get('arm')?.match?.arch).toBe('aarch64');
});
