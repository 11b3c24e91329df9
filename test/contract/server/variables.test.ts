import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { type Standing, standingHeaders } from '../../../src/protocol/state/state.ts';
import type { VariableChange, VariablesShipment } from '../../../src/protocol/variables/shipment.ts';
import { exportPrinter } from '../../../src/server/admin/printers/export-printer.ts';
import { printerVariables } from '../../../src/server/admin/printers/printer-variables.ts';
import { dropBranch, listBranches, listPrinters, takeBranch } from '../../../src/server/admin/printers/printers.ts';
import { serverState } from '../../../src/server/admin/server-state.ts';
import { sha256 } from '../../fixtures/state/moonraker-database.ts';
import { BOOT, type PrintHost, type PrintServer, printServer } from '../../fixtures/state/print-server.ts';
import { VARIABLES_ITEM } from '../../fixtures/state/printer-item.ts';

const [NEXT, LATER] = ['b0000000-0000-4000-8000-000000000002', 'b0000000-0000-4000-8000-000000000003'];

let server: PrintServer;
let machine: PrintHost;
beforeEach(async () => {
  server = await printServer();
  server.give('print01', { voron: { items: [VARIABLES_ITEM] } });
  machine = await server.machine('print01');
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const fileOf = (variables: Readonly<Record<string, string>>): string =>
  `[Variables]\n${Object.entries(variables)
    .map(([key, literal]) => `${key} = ${literal}\n`)
    .join('')}\n`;
const change = (seq: number, key: string, literal: string | null): VariableChange => ({
  seq,
  atMs: seq * 1_000,
  key,
  literal,
});
const ship = (
  shipment: Partial<VariablesShipment>,
  { as = machine, ...standing }: Partial<Standing> & { as?: PrintHost } = {},
) => {
  const { changes = [], seq = changes.at(-1)?.seq ?? 1, text = '' } = shipment;
  return as.ask('POST', '/v1/state/voron/variables/variables', {
    body: Buffer.from(JSON.stringify({ seq, changes, text, ...('extra' in shipment && shipment) })),
    headers: {
      ...standingHeaders({ lease: 1, boot: BOOT, base: null, ...standing }),
      'content-type': 'application/json',
    },
  });
};
const get = (as = machine) => as.ask('GET', '/v1/state/voron/variables/variables');
const codeOf = ({ json }: { json: Record<string, unknown> }) => String(json.type).split('/').at(-1)?.split(':').at(-1);
const admin = () => serverState(server.state, linuxHost());
const historyOf = async (key: string, branch?: string) =>
  (await printerVariables(admin(), 'voron', { key, branch }))[0]?.values.map(({ literal }) => literal);
const folder = () => join(server.state, 'state/voron/line/variables');

it('gives back the bytes that came last, and tells the values that each variable had', async () => {
  await machine.lease('voron', BOOT);
  const first = await ship({
    text: fileOf({ a: '1', b: "'x'" }),
    changes: [change(1, 'a', '1'), change(2, 'b', "'x'")],
  });
  expect(first.json).toMatchObject({ on: 'line' });
  // Between two reads one had three values.
  const text = "# by hand\r\n[Variables]\na : 4\nb = 'x'\n";
  const second = await ship({ text, changes: [change(3, 'a', '2'), change(4, 'a', '3'), change(5, 'a', '4')] });
  expect(second.json).toMatchObject({ on: 'line', id: expect.stringMatching(/^00000002-/) });
  const { json } = await machine.lease('voron', NEXT);
  expect(json.items).toEqual({
    variables: { id: second.json.id, sha256: sha256(Buffer.from(text)), sizeBytes: text.length, boot: BOOT, seq: 5 },
  });
  expect((await get()).body.toString()).toBe(text);
  expect(await historyOf('A')).toEqual(['4', '3', '2', '1']);
  expect(await historyOf('b')).toEqual(["'x'"]);
  const [printer] = await listPrinters(admin());
  expect(printer?.line).toMatchObject([{ item: 'variables', kept: 5 }]);
  await expect(printerVariables(admin(), 'voron', { key: 'constructor' })).rejects.toMatchObject({
    code: 'variable-unknown',
  });
});

it('what comes twice, since its answer was lost, counts once, and what is only told again is no change', async () => {
  await machine.lease('voron', BOOT);
  const shipment = { text: fileOf({ a: '1' }), changes: [change(1, 'a', '1')] };
  const [first, again] = [await ship(shipment), await ship(shipment)];
  expect(again.json).toEqual(first.json);
  const overlap = await ship({ text: fileOf({ a: '2' }), changes: [change(1, 'a', '1'), change(2, 'a', '2')] });
  expect(overlap.json.id).not.toBe(first.json.id);
  expect(await historyOf('a')).toEqual(['2', '1']);
  // The next boot tells all of it, since it knows of nothing.
  const { json } = await machine.lease('voron', NEXT);
  const standing = { boot: NEXT, lease: Number(json.lease), base: String(overlap.json.id) };
  expect((await ship({ text: fileOf({ a: '2' }), changes: [change(1, 'a', '2')] }, standing)).json).toEqual(
    overlap.json,
  );
  expect(await historyOf('a')).toEqual(['2', '1']);
  // An old one that was long on its way.
  expect((await ship(shipment)).json.on).toBe('branch');
  expect((await get()).body.toString()).toBe(fileOf({ a: '2' }));
});

it('what went away is told in its history, and nothing at all never takes the place of something', async () => {
  await machine.lease('voron', BOOT);
  await ship({ text: fileOf({ a: '1', b: '2' }), changes: [change(1, 'a', '1'), change(2, 'b', '2')] });
  expect((await ship({ text: fileOf({ a: '1' }), changes: [change(3, 'b', null)] })).json.on).toBe('line');
  expect(await historyOf('b')).toEqual([null, '2']);
  for (const text of ['', '[Variables]\n', '# nothing\n', '[other]\nb = 1\n']) {
    const answer = await ship({ text, seq: 9 });
    expect([answer.status, codeOf(answer)]).toEqual([422, 'variables-empty']);
  }
  expect((await get()).body.toString()).toBe(fileOf({ a: '1' }));
});

it.each([
  ['a call in the file', { text: '[Variables]\na = __import__("os")\n' }, 'variables:2:5: expected a literal'],
  [
    'a call in the journal',
    { text: fileOf({ a: '1' }), changes: [change(1, 'a', 'open("x")')] },
    'a: expected a literal',
  ],
  ['a file cut short', { text: "[Variables]\na = 'abc" }, "variables:2:5: expected ' at the end"],
  ['NULs', { text: '\0'.repeat(99) }, 'variables:1:1: expected a section'],
])('refuses %s, says where, and keeps what it had', async (_title, shipment, why) => {
  await machine.lease('voron', BOOT);
  await ship({ text: fileOf({ a: '0' }) });
  const answer = await ship({ seq: 5, ...shipment });
  expect([answer.status, codeOf(answer)]).toEqual([422, 'variables-damaged']);
  expect(answer.json.detail).toContain(why);
  expect((await get()).body.toString()).toBe(fileOf({ a: '0' }));
});

it.each<[string, object]>([
  ['no text', { text: 1 }],
  ['too many changes', { text: '', changes: Array.from({ length: 1_001 }, (_, at) => change(at + 1, 'a', '1')) }],
  ['a change without a name', { text: '', changes: [{ ...change(1, '', '1') }] }],
  ['a number before the first', { text: '', seq: -1 }],
])('refuses %s', async (_title, shipment) => {
  await machine.lease('voron', BOOT);
  const answer = await ship(shipment as VariablesShipment);
  expect([answer.status, codeOf(answer)]).toEqual([400, 'request-invalid']);
});

it('what a boot saves that began empty is a branch, which says what the line lacks, and can be taken or dropped', async () => {
  await machine.lease('voron', BOOT);
  const line = fileOf({ a: '1', b: '2' });
  await ship({ text: line, changes: [change(1, 'a', '1'), change(2, 'b', '2')] });
  const alone = { boot: NEXT, lease: 0 };
  const text = fileOf({ a: '7', c: '3' });
  const { json } = await ship({ text, changes: [change(1, 'c', '3'), change(2, 'a', '7')] }, alone);
  expect(json).toMatchObject({ on: 'branch', branch: expect.stringContaining('print01') });
  const branch = String(json.branch);
  expect((await get()).body.toString()).toBe(line);
  expect(await listBranches(admin(), 'voron')).toMatchObject([
    { branch, items: [{ item: 'variables', lacking: ['a', 'c'] }] },
  ]);
  expect(await historyOf('a', branch)).toEqual(['7']);
  await expect(historyOf('a', 'nobody')).rejects.toMatchObject({ code: 'branch-unknown' });

  await takeBranch(admin(), 'voron', branch);
  expect((await get()).body.toString()).toBe(text);
  expect(await historyOf('b')).toEqual([null, '2']);
  expect(await historyOf('a')).toEqual(['7', '1']);
  // What runs now goes on beside it.
  expect((await ship({ text: line, seq: 9 })).json).toMatchObject({
    on: 'branch',
    why: expect.stringContaining('an admin put'),
  });
  await dropBranch(admin(), 'voron', branch);
  expect((await get()).body.toString()).toBe(text);
  const { json: next } = await machine.lease('voron', LATER);
  const base = String((next.items as Record<string, { id: string }>).variables?.id);
  expect((await ship({ text: line, seq: 1 }, { boot: LATER, lease: Number(next.lease), base })).json.on).toBe('line');
});

it('all of it is exported as plain files, line and branches', async () => {
  await machine.lease('voron', BOOT);
  const text = fileOf({ a: '1' });
  await ship({ text, changes: [change(1, 'a', '1')] });
  const branch = String((await ship({ text: fileOf({ a: '2' }) }, { boot: NEXT, lease: 0 })).json.branch);
  const out = join(server.state, 'out');
  await exportPrinter(admin(), 'voron', out);
  expect(readFileSync(join(out, 'line/variables/variables.cfg'), 'utf8')).toBe(text);
  expect(readFileSync(join(out, 'branches', branch, 'variables/variables.cfg'), 'utf8')).toBe(fileOf({ a: '2' }));
  expect(JSON.parse(readFileSync(join(out, 'line/variables/journal.jsonl'), 'utf8'))).toMatchObject({
    key: 'a',
    literal: '1',
  });
});

it('of a file that the disk damaged all is known by the one before and the journal, and it is told', async () => {
  await machine.lease('voron', BOOT);
  await ship({ text: fileOf({ a: '1' }), changes: [change(1, 'a', '1')] });
  await ship({ text: fileOf({ a: '2', b: '1' }), changes: [change(2, 'a', '2'), change(3, 'b', '1')] });
  await ship({ text: fileOf({ a: '3', b: '1' }), changes: [change(4, 'a', '3')] });
  const path = join(folder(), 'last.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('a = 3', 'a = 8'));
  const { json } = await machine.lease('voron', NEXT);
  expect(json.items).toMatchObject({ variables: { sha256: sha256(Buffer.from(fileOf({ a: '3', b: '1' }))) } });
  expect(server.alarms.at(-1)).toContain('last.json is damaged');
  expect((await get()).body.toString()).toBe(fileOf({ a: '3', b: '1' }));
  // A line that a power cut tore takes no other with it.
  writeFileSync(
    join(folder(), 'journal.jsonl'),
    `${readFileSync(join(folder(), 'journal.jsonl'), 'utf8')}{"seq":9,"ke`,
  );
  const standing = { boot: NEXT, lease: 2, base: String((json.items as Record<string, { id: string }>).variables?.id) };
  expect((await ship({ text: fileOf({ a: '4', b: '1' }), seq: 5 }, standing)).json.on).toBe('line');
  expect(await historyOf('a')).toEqual(['4', '3', '2', '1']);
});

it('a journal is bounded: of what is saved again and again the newest values stay, and what is seldom saved stays too', async () => {
  server.give('print01', { voron: { items: [VARIABLES_ITEM], quotaBytes: 512 * 1024 } });
  await machine.lease('voron', BOOT);
  await ship({ text: fileOf({ rare: '1', often: '0' }), changes: [change(1, 'rare', '1')] });
  let seq = 1;
  for (let round = 0; round < 6; round += 1) {
    const changes = Array.from({ length: 300 }, () => {
      seq += 1;
      return change(seq, 'often', String(seq));
    });
    await ship({ text: fileOf({ rare: '1', often: String(seq) }), changes });
  }
  const often = (await historyOf('often')) ?? [];
  expect(often[0]).toBe(String(seq));
  expect(often.length).toBeGreaterThanOrEqual(100);
  expect(often.length).toBeLessThan(700);
  expect(await historyOf('rare')).toEqual(['1']);
  expect(statSync(join(folder(), 'journal.jsonl')).size).toBeLessThan(64 * 1024 + 1);
});

it('branches have a share of the quota: the oldest go for a new one, and for a machine that the network alone knows none', async () => {
  server.give('print01', { voron: { items: [VARIABLES_ITEM], quotaBytes: 64 * 1024 } });
  await machine.lease('voron', BOOT);
  await ship({ text: fileOf({ a: '1' }) });
  const big = fileOf({ a: `'${'x'.repeat(6_000)}'` });
  const boots = Array.from({ length: 5 }, (_, at) => `b000000${at}-aaaa`);
  for (const [at, boot] of boots.entries()) {
    server.setClock(Date.UTC(2026, 10, 30, at));
    expect((await ship({ text: big }, { boot, lease: 0 })).json.on).toBe('branch');
  }
  const kept = (await listBranches(admin(), 'voron')).filter(({ items }) => items.length > 0);
  expect(kept.length).toBeLessThan(5);
  expect(kept.at(-1)?.boot).toBe(boots.at(-1));
  expect(server.alarms.join()).toContain('went to make room');
  const guest = await server.machine('print01', 'network');
  const full = await ship({ text: big }, { boot: 'b0000009-aaaa', lease: 0, as: guest });
  expect([full.status, codeOf(full)]).toEqual([507, 'state-full']);
  expect((await get(guest)).status).toBe(403);
  expect((await get(await server.machine('print01'))).body.toString()).toBe(fileOf({ a: '1' }));
  const more = await ship(
    { text: fileOf({ a: `'${'x'.repeat(70_000)}'` }), seq: 99 },
    { as: await server.machine('print01') },
  );
  expect([more.status, codeOf(more)]).toEqual([507, 'state-full']);
});

it('another item, printer or machine gets nothing, and nothing is made for it', async () => {
  await machine.lease('voron', BOOT);
  const paths = [
    'voron/database/variables',
    'voron/%2e%2e/variables',
    'ender/variables/variables',
    'voron/__proto__/variables',
  ];
  for (const path of paths) {
    const answers = [
      await machine.ask('GET', `/v1/state/${path}`),
      await machine.ask('POST', `/v1/state/${path}`, {
        body: Buffer.from(JSON.stringify({ seq: 1, changes: [], text: fileOf({ a: '1' }) })),
        headers: { ...standingHeaders({ lease: 1, boot: BOOT, base: null }), 'content-type': 'application/json' },
      }),
    ];
    for (const { status } of answers) expect(status, path).toBe(404);
  }
  const other = await server.machine('print02');
  expect((await ship({ text: fileOf({ a: '1' }) }, { as: other })).status).toBe(404);
  expect((await get(other)).status).toBe(404);
  expect(readdirSync(join(server.state, 'state'))).toEqual(['voron']);
  expect(readdirSync(join(server.state, 'state/voron'))).toEqual(['printer.json']);
});
