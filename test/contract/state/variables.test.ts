import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import type { StateRequest } from '../../../src/machine/state/ask-state.ts';
import { printerVariables } from '../../../src/server/admin/printers/printer-variables.ts';
import { serverState } from '../../../src/server/admin/server-state.ts';
import { sized } from '../../fixtures/effort.ts';
import { loadVariables } from '../../fixtures/print-host/saved-variables.ts';
import { type PrintMachine, printMachine } from '../../fixtures/state/print-machine.ts';
import { type PrintServer, printServer } from '../../fixtures/state/print-server.ts';
import { VARIABLES_ITEM } from '../../fixtures/state/printer-item.ts';

const [BOOT, NEXT, LATER] = ['b0000000-1', 'b0000000-2', 'b0000000-3'];
const DEAD = 'http://127.0.0.1:9';

const variablesOf = (data: string) => ({ ...VARIABLES_ITEM, path: join(data, 'config/variables.cfg') });
type Item = ReturnType<typeof variablesOf>;

let server: PrintServer;
let machine: PrintMachine<Item>;
beforeEach(async () => {
  server = await printServer();
  machine = await printMachine(server, variablesOf);
  server.give('print01', { voron: { items: [machine.item] } });
});
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const path = () => machine.item.path;
const klipper = () => loadVariables(path());
const replaced = (make: () => void): void => {
  rmSync(path());
  make();
};
const lineText = (): string | undefined => {
  const last = join(server.state, 'state/voron/line/variables/last.json');
  return existsSync(last) ? JSON.parse(readFileSync(last, 'utf8')).text : undefined;
};
/** The machine has it on its own disk. */
const onDisk = (text: string) =>
  expect
    .poll(() => readFileSync(join(machine.kept, 'variables.json'), 'utf8'), { timeout: 15_000, interval: 10 })
    .toContain(JSON.stringify(text).slice(1, -1));
const sentOf = ({ body = '', headers = {} }: StateRequest = {}) => ({ body: Buffer.from(body), headers });
/** The server has what the machine has, byte by byte. */
const inStep = (text = readFileSync(path(), 'utf8')) =>
  expect.poll(lineText, { timeout: 15_000, interval: 10 }).toBe(text);
const historyOf = async (key: string) =>
  (await printerVariables(serverState(server.state, linuxHost()), 'voron', { key }))[0]?.values
    .map(({ literal }) => literal)
    .toReversed();
const branches = () => {
  const folder = join(server.state, 'state/voron/branches');
  return existsSync(folder) ? readdirSync(folder) : [];
};

it('what Klipper saved is on the server, value by value, and the next boot has the same bytes', async () => {
  expect(await machine.boot(BOOT)).toMatchObject({ lease: 1, items: { variables: { base: null } } });
  machine.keep();
  const variables = klipper();
  variables.save('lane', '1');
  await inStep();
  variables.save('filament', "{'color': \"it's\", 'temps': (215, -1.5, 1e22, None)}");
  variables.save('lane', '2');
  await inStep();
  const before = readFileSync(path());
  expect(await historyOf('lane')).toEqual(['1', '2']);
  await machine.powerOff();
  const { items } = await machine.boot(NEXT);
  expect(items.variables?.base).toMatch(/^\d{8}-/);
  expect(readFileSync(path()).equals(before)).toBe(true);
  expect(klipper().all.get('lane')).toBe('2');
  expect(branches()).toEqual([]);
});

it('when the server took something last is told, soon after, also of what is saved again and again', async () => {
  await machine.boot(BOOT);
  machine.keep();
  const variables = klipper();
  variables.save('lane', '1');
  const { lastMs: first = 0 } = await machine.status(({ lastMs }) => lastMs !== undefined);
  variables.save('lane', '2');
  await inStep();
  const { state } = await machine.status(({ lastMs = 0 }) => lastMs > first);
  expect(state).toBe('in-step');
});

it('of 1,000 changes a minute most are journaled by themselves, and the last is on the server at once', async () => {
  await machine.boot(BOOT);
  machine.keep();
  const variables = klipper();
  for (let count = 0; count < 100; count += 1) {
    variables.save('filament', `'${'x'.repeat(6_000)}'`);
    variables.save('count', String(count));
    await sleep(60);
  }
  const savedMs = performance.now();
  await inStep();
  expect(performance.now() - savedMs).toBeLessThan(2_000);
  const values = (await historyOf('count')) ?? [];
  expect(values.length).toBeGreaterThan(40);
  expect(values.map(Number)).toEqual(values.map(Number).toSorted((a, b) => a - b));
});

it('what is being written does not count: cut at any byte, with pauses, or emptied first', async () => {
  await machine.boot(BOOT);
  machine.keep();
  const variables = klipper();
  variables.save('a', '123');
  variables.save('z', '456');
  await inStep();
  const whole = readFileSync(path(), 'utf8').replace('a = 123', 'a = 789');
  const seen = new Set<string | undefined>();
  for (let cut = 0; cut < whole.length; cut += 3) {
    const file = openSync(path(), 'r+');
    ftruncateSync(file);
    writeSync(file, whole.slice(0, cut));
    await sleep(30);
    writeSync(file, whole.slice(cut));
    closeSync(file);
    await sleep(20);
    seen.add(lineText());
  }
  await inStep(whole);
  seen.delete(undefined);
  for (const text of seen) expect([whole, whole.replace('789', '123')]).toContain(text);
  expect(await historyOf('z')).toEqual(['456']);
});

it.each<[string, () => void, RegExp]>([
  ['is emptied', () => writeFileSync(path(), ''), /variables\.cfg is empty: the 2 variables/],
  ['has its section alone', () => writeFileSync(path(), '[Variables]\n\n'), /is empty/],
  ['is deleted', () => rmSync(path()), /is gone: the 2 variables/],
  [
    'has code',
    () => writeFileSync(path(), '[Variables]\na = 1\nb = open("/etc/passwd")\n'),
    /variables\.cfg:3:5: expected a literal/,
  ],
  ['has NULs of a power cut', () => writeFileSync(path(), Buffer.alloc(64)), /variables\.cfg:1:1: expected a section/],
  ['is cut short', () => writeFileSync(path(), "[Variables]\na = 1\nb = 'fo"), /variables\.cfg:3:5: expected '/],
  [
    'is no UTF-8',
    () => writeFileSync(path(), Buffer.from("[Variables]\na = '\xe9'\n", 'latin1')),
    /2:6: expected UTF-8/,
  ],
  ['is far too large', () => writeFileSync(path(), `[Variables]\na = '${'x'.repeat(2 << 20)}'\n`), /too large|EFBIG/],
  ['is a link', () => replaced(() => symlinkSync('/etc/hostname', path())), /is a symlink: it is not shipped/],
  ['is a folder', () => replaced(() => mkdirSync(path())), /is a dir: it is not shipped/],
])('a file that %s is told, and the server and the next boot have the one before', async (_title, spoil, why) => {
  await machine.boot(BOOT);
  machine.keep();
  const variables = klipper();
  variables.save('a', '1');
  variables.save('b', "'two'");
  await inStep();
  const good = readFileSync(path(), 'utf8');
  spoil();
  expect((await machine.status(({ state }) => state === 'fault')).why).toMatch(why);
  expect(lineText()).toBe(good);
  await machine.powerOff();
  await machine.boot(NEXT);
  expect(readFileSync(path(), 'utf8')).toBe(good);
});

it('a variable that goes away counts after two seconds, is told, and is in the history', async () => {
  await machine.boot(BOOT);
  machine.keep();
  const variables = klipper();
  variables.save('a', '1');
  variables.save('b', '2');
  await inStep();
  const [without, both] = ['[Variables]\na = 1\n\n', readFileSync(path(), 'utf8')];
  writeFileSync(path(), without);
  await sleep(1_000);
  expect(lineText()).toBe(both);
  await inStep(without);
  expect((await machine.status(({ why }) => why !== undefined)).why).toContain('b went away');
  expect(await historyOf('b')).toEqual(['2', null]);
});

it('what repr() prints and Klipper cannot read again is kept and told', async () => {
  await machine.boot(BOOT);
  machine.keep();
  writeFileSync(path(), '[Variables]\na = inf\n\n');
  await inStep();
  expect((await machine.status(({ why }) => why !== undefined)).why).toContain(
    'Klipper cannot read a at its next start',
  );
  await machine.powerOff();
  await machine.boot(NEXT);
  expect(readFileSync(path(), 'utf8')).toBe('[Variables]\na = inf\n\n');
  expect(machine.warnings.join()).toContain('Klipper cannot read a in');
});

it('an editor that puts another file in its place, with the same size and time, is seen', async () => {
  await machine.boot(BOOT);
  machine.keep();
  klipper().save('a', '1');
  await inStep();
  const time = new Date(1_700_000_000_000);
  utimesSync(path(), time, time);
  const fresh = join(dirname(path()), 'variables.tmp');
  writeFileSync(fresh, readFileSync(path(), 'utf8').replace('1', '2'));
  utimesSync(fresh, time, time);
  renameSync(fresh, path());
  await inStep('[Variables]\na = 2\n\n');
});

it('a boot that no server answered goes on with what the disk has, and catches up on the line at the next', async () => {
  await machine.boot(BOOT);
  machine.keep();
  klipper().save('lane', '1');
  await inStep();
  await machine.powerOff();
  expect(await machine.boot(NEXT, { urls: [DEAD] })).toMatchObject({ lease: 0 });
  expect(klipper().all.get('lane')).toBe('1');
  machine.keep({ ask: () => Promise.reject(new Error('there is no server')) });
  const variables = klipper();
  variables.save('lane', '7');
  variables.save('alone', "'yes'");
  const status = await machine.status(({ ahead }) => ahead?.startsWith('2 variables') ?? false);
  expect(status).toMatchObject({
    state: 'ahead',
    why: 'there is no server',
    ahead: expect.stringMatching(/^2 variables \((lane, alone|alone, lane)\)$/),
  });
  const text = readFileSync(path(), 'utf8');
  await machine.powerOff();
  await machine.boot(LATER);
  expect(readFileSync(path(), 'utf8')).toBe(text);
  machine.keep();
  await inStep(text);
  expect(await historyOf('lane')).toEqual(['1', '7']);
  expect(branches()).toEqual([]);
});

it('what it shipped last is known for its own, though the answer to it was lost and a boot without a server came between', async () => {
  await machine.boot(BOOT);
  machine.keep({
    ask: (path, request) =>
      machine.direct.ask('POST', `/v1/state/${path}`, sentOf(request)).then(() => Promise.reject(new Error('cut'))),
  });
  klipper().save('lane', '1');
  await inStep();
  await machine.powerOff();
  await machine.boot(NEXT, { urls: [DEAD] });
  machine.keep({ ask: () => Promise.reject(new Error('there is no server')) });
  klipper().save('lane', '2');
  await onDisk('lane = 2');
  await machine.powerOff();
  await machine.boot(LATER);
  expect(klipper().all.get('lane')).toBe('2');
  machine.keep();
  await inStep('[Variables]\nlane = 2\n\n');
  expect(await historyOf('lane')).toEqual(['1', '2']);
  expect(branches()).toEqual([]);
});

it('what a machine did alone while another one went on with the line is a branch, and the line is given back', async () => {
  await machine.boot(BOOT);
  machine.keep();
  klipper().save('lane', '1');
  await inStep();
  await machine.powerOff();
  await machine.boot(NEXT, { urls: [DEAD] });
  machine.keep({ ask: () => Promise.reject(new Error('there is no server')) });
  klipper().save('lane', '7');
  await onDisk('lane = 7');
  await machine.powerOff();
  server.give('spare', { voron: { items: [machine.item] } });
  await using spare = await printMachine(server, variablesOf, { node: 'spare' });
  await spare.boot('b0000000-9');
  spare.keep();
  loadVariables(spare.item.path).save('lane', '2');
  await inStep('[Variables]\nlane = 2\n\n');
  await spare.powerOff();
  await machine.boot(LATER);
  expect(klipper().all.get('lane')).toBe('2');
  machine.keep();
  await expect.poll(branches, { timeout: 10_000 }).toHaveLength(1);
  const [branch = ''] = branches();
  const of = async () => (await printerVariables(serverState(server.state, linuxHost()), 'voron', { branch }))[0];
  await expect.poll(of).toMatchObject({ key: 'lane', literal: '7' });
  klipper().save('lane', '3');
  await inStep('[Variables]\nlane = 3\n\n');
});

it('a server that comes back to a boot that had none gets a branch, and the next boot has the line', async () => {
  await using bare = await printMachine(server, variablesOf, { hasDisk: false });
  await bare.boot(BOOT);
  bare.keep();
  loadVariables(bare.item.path).save('lane', '1');
  await inStep('[Variables]\nlane = 1\n\n');
  await bare.powerOff();
  expect(await bare.boot(NEXT, { urls: [DEAD] })).toMatchObject({ lease: 0, items: { variables: { base: null } } });
  expect(existsSync(bare.item.path)).toBe(false);
  bare.keep();
  loadVariables(bare.item.path).save('lane', '9');
  expect(await bare.status(({ state }) => state === 'branch')).toMatchObject({
    branch: expect.stringContaining('print01'),
    lacking: ['lane'],
  });
  await bare.powerOff();
  await bare.boot(LATER);
  expect(loadVariables(bare.item.path).all.get('lane')).toBe('1');
});

it('what lies there and is not the line’s is put aside and told; what is no good, too', async () => {
  await machine.boot(BOOT);
  machine.keep();
  klipper().save('lane', '1');
  await inStep();
  await machine.powerOff();
  rmSync(machine.kept, { recursive: true });
  for (const [text, aside] of [
    ['[Variables]\nlane = 5\n\n', /before-/],
    ['[Variables]\nlane = open()\n', /\.bad$/],
  ] as const) {
    rmSync(machine.kept, { recursive: true, force: true });
    writeFileSync(path(), text);
    await machine.boot(NEXT);
    expect(klipper().all.get('lane')).toBe('1');
    const put = readdirSync(dirname(path())).find((name) => aside.test(name)) ?? '';
    expect(readFileSync(join(dirname(path()), put), 'utf8')).toBe(text);
    expect(machine.warnings.join()).toContain('put aside');
  }
});

it('an agent that is killed, or that was away while Klipper saved, loses nothing and tells nothing twice', async () => {
  await machine.boot(BOOT);
  machine.keep({ ask: () => Promise.reject(new Error('there is no server')) });
  const variables = klipper();
  variables.save('a', '1');
  await machine.status(({ state }) => state === 'ahead');
  variables.save('a', '2');
  await machine.status(({ state }) => state === 'ahead');
  await machine.agentDies();
  variables.save('a', '3');
  machine.keep();
  await inStep();
  expect((await historyOf('a'))?.at(-1)).toBe('3');
  expect((await historyOf('a'))?.[0]).toBe('1');
});

it('whenever the plug is pulled, another machine has at its boot what the server had, and nothing older than two seconds', {
  timeout: 120_000,
}, async () => {
  let count = 0;
  for (let boot = 0; boot < sized(6, 20); boot += 1) {
    await using one = await printMachine(server, variablesOf, { hasDisk: false });
    await one.boot(`b0000000-${boot}`);
    const given = existsSync(one.item.path) ? readFileSync(one.item.path, 'utf8') : undefined;
    expect(given).toBe(lineText());
    one.keep();
    const variables = loadVariables(one.item.path);
    const saved: { readonly count: number; readonly atMs: number }[] = [];
    const cutMs = performance.now() + Math.random() * sized(3_000, 5_000);
    while (performance.now() < cutMs) {
      count += 1;
      variables.save('count', String(count));
      saved.push({ count, atMs: performance.now() });
      await sleep(Math.random() * 60);
    }
    await one.powerOff();
    const has = Number(/count = (\d+)/.exec(lineText() ?? '')?.[1] ?? 0);
    const old = saved.findLast(({ atMs }) => atMs < cutMs - 2_000)?.count ?? 0;
    expect(has).toBeGreaterThanOrEqual(old);
  }
  expect(branches()).toEqual([]);
});

it('what was put aside before stays, however often other variables lie there', async () => {
  await machine.boot(BOOT);
  machine.keep();
  klipper().save('lane', '1');
  await inStep();
  await machine.agentDies();
  const put = () => {
    const names = readdirSync(dirname(path())).filter((name) => /\.before-|\.bad/.test(name));
    return names.map((name) => readFileSync(join(dirname(path()), name), 'utf8')).toSorted();
  };
  const texts = ['[Variables]\nlane = 5\n\n', '[Variables]\nlane = 6\n\n', 'garbage', 'more garbage'];
  for (const [at, text] of texts.entries()) {
    rmSync(machine.kept, { recursive: true, force: true });
    writeFileSync(path(), text);
    await machine.boot(`b0000000-9${at}`);
    expect(klipper().all.get('lane')).toBe('1');
    expect(put()).toEqual(texts.slice(0, at + 1).toSorted());
  }
});
