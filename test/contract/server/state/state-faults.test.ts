import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { databaseTar, moonrakerDatabase, sha256 } from '../../../fixtures/state/moonraker-database.ts';
import { BOOT, type PrintHost, type PrintServer, printServer } from '../../../fixtures/state/print-server.ts';

const [NEXT, ALONE] = ['b0000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000003'];
const AT = Date.UTC(2026, 10, 30, 10);
const HOUR_MS = 3_600_000;

let server: PrintServer;
let machine: PrintHost;
beforeEach(async () => {
  server = await printServer();
  server.setClock(AT);
  server.give('print01', { voron: {} });
  machine = await server.machine('print01');
  await machine.lease('voron', BOOT);
});
afterEach(() => server[Symbol.asyncDispose]());

const tarOf = (...jobs: string[]) => databaseTar(moonrakerDatabase(jobs));
const folder = (): string => join(server.state, 'state/voron/line/database');
const lineOf = (): readonly string[] => readdirSync(folder()).filter((name) => name.endsWith('.tar'));
const idOf = ({ json }: { readonly json: Record<string, unknown> }): string => String(json.id);
const printer = (...words: readonly string[]) =>
  spawnSync(process.execPath, ['src/main.ts', 'printer', ...words, '--state', server.state], { encoding: 'utf8' });

it('what the line had when a branch was taken stays in its history, however soon the next one comes', async () => {
  const id = idOf(await machine.ship('voron', tarOf('line'), { lease: 1 }));
  const branch = await machine.ship('voron', tarOf('alone'), { boot: ALONE });
  expect(printer('take', 'voron', String(branch.json.branch)).status).toBe(0);
  const { items } = (await machine.lease('voron', NEXT)).json as { items: { database: { id: string } } };
  for (const job of ['a', 'b', 'c'])
    await machine.ship('voron', tarOf('alone', job), { lease: 2, boot: NEXT, base: items.database.id });
  expect(lineOf()[0]).toBe(`${id}.tar`);
});

it('a machine that had the printer once makes no more room of it than the printer may have', async () => {
  const size = tarOf('a').length;
  server.give('print01', {});
  server.give('print02', { voron: { quotaBytes: 2 * size } });
  const other = await server.machine('print02');
  await other.lease('voron', NEXT);
  await other.ship('voron', tarOf('a'), { lease: 2, boot: NEXT });
  server.setClock(AT + HOUR_MS);
  const id = idOf(await other.ship('voron', tarOf('b'), { lease: 2, boot: NEXT }));
  for (const [hour, job] of ['x', 'y'].entries()) {
    server.setClock(AT + (2 + hour) * HOUR_MS);
    expect((await machine.ship('voron', tarOf(job), { lease: 1 })).json).toMatchObject({ on: 'branch' });
  }
  expect(lineOf()).toEqual([`${id}.tar`]);
  expect(JSON.parse(printer('list', '--json').stdout)[0].bytes).toBeLessThanOrEqual(2 * size);
});

it('a boot that asks again goes on with what it is told then, as a container does in the boot of its host', async () => {
  await machine.ship('voron', tarOf('a'), { lease: 1 });
  const again = (await machine.lease('voron', BOOT)).json as { lease: number; items: { database: { id: string } } };
  expect(again.lease).toBe(1);
  const shipped = await machine.ship('voron', tarOf('a', 'b'), { lease: 1, base: again.items.database.id });
  expect(shipped.json).toMatchObject({ on: 'line' });
  expect(
    (await machine.ship('voron', tarOf('a', 'b', 'c'), { lease: 1, base: again.items.database.id })).json,
  ).toMatchObject({
    on: 'line',
  });
});

it.each<[string, (id: string) => void]>([
  ['whose tar is cut short', (id) => truncateSync(join(folder(), `${id}.tar`), 5_000)],
  ['whose tar is gone', (id) => rmSync(join(folder(), `${id}.tar`))],
  ['whose record is torn', (id) => writeFileSync(join(folder(), `${id}.json`), '{"id": "0000')],
  ['whose record is empty', (id) => writeFileSync(join(folder(), `${id}.json`), '')],
])('a generation %s is put apart and told, and the one before is given back', async (_title, damage) => {
  const before = idOf(await machine.ship('voron', tarOf('a'), { lease: 1 }));
  server.setClock(AT + HOUR_MS);
  const id = idOf(await machine.ship('voron', tarOf('a', 'b'), { lease: 1 }));
  damage(id);
  expect((await machine.lease('voron', NEXT)).json.items).toMatchObject({ database: { id: before } });
  expect(server.alarms.join('\n')).toContain(`${id}.json`);
  expect(readdirSync(join(server.state, 'state/voron/apart/database'))).toContain(`${id}.json`);
  const { json } = await machine.ship('voron', tarOf('c'), { lease: 2, boot: NEXT, base: before });
  expect(json).toMatchObject({ on: 'line' });
  expect(Number(String(json.id).slice(0, 8))).toBeGreaterThan(Number(id.slice(0, 8)));
});

it('an export has all that is whole, and what the disk changed as it is, told', async () => {
  const ids: string[] = [];
  for (const [hour, job] of ['a', 'b', 'c'].entries()) {
    server.setClock(AT + hour * HOUR_MS);
    ids.push(idOf(await machine.ship('voron', tarOf(job), { lease: 1 })));
  }
  // Bytes of the database, and bytes of the tar itself.
  for (const [at, offset] of [
    [0, 9_000],
    [1, 3],
  ] as const) {
    const path = join(folder(), `${ids[at]}.tar`);
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(offset) ^ 0xff, offset);
    writeFileSync(path, bytes);
  }
  const out = mkdtempSync(join(tmpdir(), 'statectl-export-'));
  try {
    const { status, stderr } = printer('export', 'voron', '--out', join(out, 'voron'));
    expect([stderr, status]).toEqual(['', 0]);
    const line = join(out, 'voron/line/database');
    expect(readFileSync(join(line, 'moonraker-sql.db'))).toEqual(moonrakerDatabase(['c']));
    for (const id of ids.slice(0, 2))
      expect(JSON.parse(readFileSync(join(line, `history/${id}/generation.json`), 'utf8'))).toMatchObject({
        fault: expect.stringContaining('the disk changed it'),
      });
    expect(readdirSync(join(line, `history/${ids[1]}`))).toContain(`${ids[1]}.tar`);
  } finally {
    rmSync(out, { recursive: true });
  }
});

it('two machines that say at the very same moment that they are the printer: one has the line, the other is a branch', async () => {
  server.give('print02', { voron: {} });
  const other = await server.machine('print02');
  const leases = await Promise.all([machine.lease('voron', NEXT), other.lease('voron', ALONE)]);
  const [mine, its] = leases.map(({ json }) => Number(json.lease)) as [number, number];
  expect([mine, its].toSorted()).toEqual([2, 3]);
  const answers = await Promise.all([
    machine.ship('voron', tarOf('mine'), { lease: mine, boot: NEXT }),
    other.ship('voron', tarOf('its'), { lease: its, boot: ALONE }),
  ]);
  expect(answers.map(({ json }) => json.on).toSorted()).toEqual(['branch', 'line']);
  const winner = answers.findIndex(({ json }) => json.on === 'line');
  expect([mine, its][winner]).toBe(3);
  const { items } = (await machine.lease('voron', 'c0000000-0000-4000-8000-000000000004')).json as {
    items: { database: { sha256: string } };
  };
  expect(items.database.sha256).toBe(sha256(tarOf(['mine', 'its'][winner] ?? '')));
});
