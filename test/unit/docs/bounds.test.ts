import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { eventHub } from '../../../src/server/events/event-hub.ts';
import { bootTokens } from '../../../src/server/machines/boot-tokens.ts';
import { openEnrolments } from '../../../src/server/machines/enrolments.ts';
import { issueServerCertificate } from '../../../src/server/machines/server-certificate.ts';
import { createSecureApp } from '../../../src/server/secure-app.ts';
import { placeAuthority } from '../../fixtures/authority.ts';
import { routesOf } from '../../fixtures/routes.ts';
import { appOver, temporaryStore } from '../../fixtures/temporary-store.ts';

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

let routes: Readonly<Record<'anybody' | 'an enrolled machine', readonly string[]>>;
beforeAll(async () => {
  await using temporary = await temporaryStore();
  const host = { ...linuxHost(), console: { line: () => undefined } };
  const dir = temporary.folder;
  const nodes = { ofMachine: async () => undefined, ofNode: async () => undefined };
  using enrolments = openEnrolments(`${dir}/nodes.sqlite`, Date.now);
  const ca = await placeAuthority(host, `${dir}/keys`);
  const secure = createSecureApp({
    certificate: await issueServerCertificate(ca, Date.now()),
    authorities: [ca.certificatePem],
    events: { hub: eventHub(Date.now) },
    ...{ enrolments, authority: ca, nodes, tokens: bootTokens(Date.now), now: Date.now, clock: host.clock },
    log: () => {},
    readSecret: async () => undefined,
    signHostKey: async () => '',
    keepReport: async () => {},
  });
  const { app } = appOver(temporary.store);
  routes = { anybody: await routesOf(app), 'an enrolled machine': await routesOf(secure) };
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
