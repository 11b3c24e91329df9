/** The tests that guard a folder, the narrower first: all others would only be loaded again for each mutant. */
const TESTS: readonly (readonly [prefix: string, tests: readonly string[]])[] = [
  [
    'src/signed/',
    ['test/unit/signed/**', 'test/unit/boot/{bundle,delivery}.test.ts', 'test/unit/server/bundles/bundles.test.ts'],
  ],
  [
    'src/identity/',
    [
      'test/unit/identity/**',
      'test/contract/identity/**',
      'test/unit/agent/identity/renew.test.ts',
      'test/unit/commands/build/build-keys.test.ts',
    ],
  ],
  [
    'src/fetch/',
    ['test/unit/fetch/**', 'test/unit/signed/bundle/over-http.test.ts', 'test/unit/boot/{bundle,servers}.test.ts'],
  ],
  ['src/config/history/edit-value', ['test/unit/config/history/edit-value.test.ts']],
  ['src/config/history/yaml-', ['test/unit/config/history/edit-value.test.ts']],
  ['src/config/history/', ['test/unit/config/history/**', 'test/contract/config/history/**']],
  ['src/config/settings/delivered-path', ['test/unit/config/settings/**']],
  ['src/machine/identity/', ['test/unit/machine/identity/**']],
  ['src/protocol/', ['test/unit/protocol/**']],
  [
    'src/server/machines/',
    [
      'test/unit/server/machines/**',
      'test/contract/server/{secure-app,state-folder,proven-reports}.test.ts',
      'test/unit/commands/node/node-enrol.test.ts',
    ],
  ],
  ['src/server/', ['test/unit/server/**', 'test/contract/server/**', 'test/unit/commands/node/node-enrol.test.ts']],
];

/** Throws for a file that no row names. */
export function testsOf(files: readonly string[]): readonly string[] {
  const tests = files.flatMap((file) => {
    const row = TESTS.find(([prefix]) => file.startsWith(prefix));
    if (!row) throw new Error(`no tests are named for ${file}: give it a row in build/mutate/tests.ts`);
    return row[1];
  });
  return [...new Set(tests)];
}
