import { globSync, readFileSync } from 'node:fs';
import { dirname, normalize } from 'node:path/posix';
import { expect, it } from 'vitest';

/** Values that it imports: a type opens nothing. */
const importsOf = (file: string, text: string): readonly string[] =>
  [...text.matchAll(/\bimport\s+(type\s)?[^;']*?from\s+'(\.{1,2}\/[^']+)'/g)]
    .filter(([, isType]) => !isType)
    .map(([, , to = '']) => normalize(`${dirname(file)}/${to}`));

const graph = new Map(
  globSync('src/**/*.ts').map((file) => [file, importsOf(file, readFileSync(file, 'utf8'))] as const),
);

/** Everything that a file leads to, itself too. */
function reachedFrom(start: string): ReadonlySet<string> {
  const reached = new Set([start]);
  for (const file of reached) for (const to of graph.get(file) ?? []) reached.add(to);
  return reached;
}

const isStore = (file: string): boolean => file.startsWith('src/server/store/');

/** The server itself has its store open; use cases open it for everybody else. */
const SERVES = 'src/commands/serve.ts';

it('no verb opens a store of the server: each calls a use case of server/admin, which a route may call too', () => {
  const verbs = [...graph].filter(([file]) => file.startsWith('src/commands/') && file !== SERVES);
  const opening = verbs.flatMap(([file, imports]) =>
    imports
      .filter((to) => to.startsWith('src/server/') && !to.startsWith('src/server/admin/'))
      .filter((to) => [...reachedFrom(to)].some(isStore))
      .map((to) => `${file} -> ${to}`),
  );
  expect(opening).toEqual([]);
  // It would see one.
  expect([...reachedFrom('src/server/images/uses.ts')].some(isStore)).toBe(true);
  expect(verbs.flatMap(([, imports]) => imports).some((to) => to.startsWith('src/server/admin/'))).toBe(true);
});

it('one file alone knows which engine keeps the nodes', () => {
  /** Each engine is a folder. */
  const engineOf = (file: string) => /^src\/server\/store\/[^/]+\//.exec(file)?.[0];
  const knowing = [...graph].flatMap(([file, imports]) =>
    imports.some((to) => engineOf(to) !== undefined && engineOf(to) !== engineOf(file)) ? [file] : [],
  );
  expect(knowing).toEqual(['src/server/store/open-nodes.ts']);
  // Databases of others are looked at by the host alone.
  for (const [file] of graph)
    if (!/^src\/(?:server\/store\/sqlite|host\/linux)\//.test(file))
      expect(readFileSync(file, 'utf8')).not.toContain('node:sqlite');
});
