import { globSync, readFileSync } from 'node:fs';
import { dirname, normalize } from 'node:path/posix';
import { expect, it } from 'vitest';

/** Every import of a file, of types too, and those that are asked for later. */
const importsOf = (file: string, text: string): readonly string[] =>
  [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map(([, to = '']) =>
    normalize(`${dirname(file)}/${to}`),
  );

const graphOf = (files: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> =>
  new Map([...files].map(([file, text]) => [file, importsOf(file, text).filter((to) => files.has(to))]));

/** Files that lead back to themselves, each with what it imports on its way there (Tarjan's algorithm). */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file) ?? 0);
    open.push(file);
    for (const to of graph.get(file) ?? []) {
      if (!order.has(to)) visit(to);
      if (open.includes(to)) lowest.set(file, Math.min(lowest.get(file) ?? 0, lowest.get(to) ?? 0));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const circle = open.splice(open.indexOf(file));
    if (circle.length > 1 || graph.get(file)?.includes(file)) circles.push(circle.toSorted());
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return circles;
}

/** `src/config/tree/tree.ts` is in config; a file of src/ itself in none. */
const roomOf = (file: string): string | undefined => /^src\/([^/]+)\//.exec(file)?.[1];

/** `fetch -> config`, with the files that say so. */
function pairsOf(graph: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, readonly string[]> {
  const edges = [...graph].flatMap(([file, tos]) => tos.map((to) => ({ file, to })));
  const between = edges.filter(({ file, to }) => roomOf(file) && roomOf(to) && roomOf(file) !== roomOf(to));
  const grouped = Map.groupBy(between, ({ file, to }) => `${roomOf(file)} -> ${roomOf(to)}`);
  return new Map([...grouped].map(([pair, all]) => [pair, all.map(({ file, to }) => `${file} -> ${to}`)]));
}

const rows = readFileSync('ARCHITECTURE.md', 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, room, subject, knows] = /^\| `([a-z]+)` \| (.+?) \| (.+) \|$/.exec(line) ?? [];
    return room === undefined ? [] : [{ room, subject, knows: knows ?? '' }];
  });
const allowed = rows.flatMap(({ room, knows }) =>
  [...knows.matchAll(/`([a-z]+)`/g)].map(([, to]) => `${room} -> ${to}`),
);
const files = new Map(globSync('src/**/*.ts').map((file) => [file, readFileSync(file, 'utf8')]));
const graph = graphOf(files);

it('no file of src/ leads back to itself by what it imports', () => {
  expect(circlesOf(graph)).toEqual([]);
  // It does see them: types, imports on several lines, and such as are asked for later.
  const [a, b, c] = ['src/a.ts', 'src/x/b.ts', 'src/x/c.ts'] as const;
  const round = new Map([
    [a, "import type { B } from './x/b.ts';"],
    [b, "export const later = () => import(\n  './c.ts'\n);"],
    [c, "type A = typeof import('../a.ts');"],
  ]);
  expect(circlesOf(graphOf(round))).toEqual([[a, b, c]]);
});

it('each room knows the rooms that its row in ARCHITECTURE.md names, and no other', () => {
  const found = pairsOf(graph);
  const strangers = [...found].filter(([pair]) => !allowed.includes(pair)).flatMap(([, edges]) => edges);
  expect(strangers).toEqual([]);
  expect(allowed.filter((pair) => !found.has(pair))).toEqual([]);
  expect([...new Set([...files.keys()].flatMap((file) => roomOf(file) ?? []))].toSorted()).toEqual(
    rows.map(({ room }) => room).toSorted(),
  );
});

it('no pair of rooms leads up', () => {
  const order = rows.map(({ room }) => room);
  const up = allowed.filter((pair) => {
    const [from = '', to = ''] = pair.split(' -> ');
    return order.indexOf(to) >= order.indexOf(from);
  });
  expect(up).toEqual([]);
  for (const low of ['protocol', 'machine', 'changes'])
    for (const high of ['boot', 'agent', 'server', 'commands']) expect(allowed).not.toContain(`${low} -> ${high}`);
  expect(allowed).not.toContain('agent -> boot');
  expect(allowed).not.toContain('boot -> agent');
});

it('the words that all rooms know know none of them', () => {
  for (const word of ['error', 'entry-of', 'printable', 'version'])
    expect((graph.get(`src/${word}.ts`) ?? []).filter(roomOf)).toEqual([]);
});
