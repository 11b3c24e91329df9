import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { type EveryRoute, everyRoute } from '../../fixtures/server/every-route.ts';

const ROOT = `${import.meta.dirname}/../../..`;

/** The table of docs/design/bounds.md, cell by cell, without its head. */
const rows = readFileSync(`${ROOT}/docs/design/bounds.md`, 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  .slice(1);

let routes: EveryRoute;
beforeAll(async () => {
  routes = await everyRoute();
});

test('each route that strangers or machines may ask has its bounds in the table of docs/design/bounds.md', () => {
  expect(rows.length).toBeGreaterThan(15);
  const said = (who: string) =>
    rows
      .filter(([whose]) => whose === who)
      .map(([, what = '']) => what)
      .join('\n');
  for (const route of routes.anybody) expect(said('anybody')).toContain(`\`${route}\``);
  // Who enrols is a stranger yet.
  for (const route of routes['an enrolled machine'])
    expect(`${said('an enrolled machine')}\n${route === 'POST /v1/enrol' ? said('anybody') : ''}`).toContain(
      `\`${route}\``,
    );
});

test('each row of that table says no route that is not there, and names a test that holds it', () => {
  const known = [...routes.anybody, ...routes['an enrolled machine']];
  for (const cells of rows) {
    expect(cells.filter((cell) => cell === '' || cell === undefined)).toEqual([]);
    for (const [, route = ''] of (cells[1] ?? '').matchAll(/`([A-Z]+ \/[^`]*)`/g)) expect(known).toContain(route);
    expect(existsSync(`${ROOT}/test/${cells.at(-1)}.test.ts`), cells.at(-1)).toBe(true);
  }
});
