import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Host, HttpResponse } from '../../../src/host/host.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import type { AnyItem } from '../../../src/machine/state/restore.ts';
import { moonrakerDatabase } from '../../fixtures/state/moonraker-database.ts';
import { type PrintMachine, printMachine } from '../../fixtures/state/print-machine.ts';
import { type PrintServer, printServer } from '../../fixtures/state/print-server.ts';
import { CONFIG_ITEM, DATABASE_ITEM, GCODE_ITEM, VARIABLES_ITEM } from '../../fixtures/state/printer-item.ts';

const [BOOT, OTHER, NEXT, LATER] = ['b0000000-1', 'b0000000-2', 'b0000000-3', 'b0000000-4'];

/** A server that says what it has, and then breaks: what it answers where anything of an item is asked for. */
type Break = () => Promise<HttpResponse>;
const answer = (status: number, text: string, wait?: () => Promise<never>): Break => {
  async function* body() {
    yield Buffer.from(text);
    await wait?.();
  }
  return async () => ({ status, headers: {}, body: body() });
};
const BREAKS: readonly (readonly [string, Break])[] = [
  ['with 500', answer(500, 'no')],
  ['with 404', answer(404, '{}')],
  ['with a redirect', answer(302, '')],
  ['with garbage', answer(200, '<html>it works</html>')],
  ['with half of it', answer(200, '{"id":', () => Promise.reject(new Error('the cable was pulled')))],
  ['with nothing', async () => Promise.reject(new Error('connect ECONNREFUSED'))],
];
const ITEMS: Readonly<Record<string, (data: string) => AnyItem>> = {
  database: (data) => ({ ...DATABASE_ITEM, path: join(data, 'database'), with: [] }),
  config: (data) => ({ ...CONFIG_ITEM, path: join(data, 'config') }),
  variables: (data) => ({ ...VARIABLES_ITEM, path: join(data, 'config/variables.cfg') }),
};
/** One version after the other. */
const CONTENTS: Readonly<Record<string, (version: number) => readonly [name: string, bytes: Buffer]>> = {
  database: (version) => ['database/moonraker-sql.db', moonrakerDatabase([`job ${version}`])],
  config: (version) => ['config/printer.cfg', Buffer.from(`[printer]\nversion: ${version}\n`)],
  variables: (version) => ['config/variables.cfg', Buffer.from(`[Variables]\nversion = ${version}\n\n`)],
};

let server: PrintServer;
let machine: PrintMachine<AnyItem> | undefined;
let broken: Break | undefined;
beforeEach(async () => {
  server = await printServer();
  broken = undefined;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await machine?.[Symbol.asyncDispose]();
  machine = undefined;
  await server[Symbol.asyncDispose]();
});

async function machineOf(make: (data: string) => AnyItem, node = 'print01'): Promise<PrintMachine<AnyItem>> {
  const host = linuxHost();
  const http: Host['http'] = {
    ...host.http,
    request: (url, options) =>
      broken && url.includes('/v1/state/') && !url.endsWith('/lease') ? broken() : host.http.request(url, options),
  };
  const made = await printMachine(server, make, { node, host: { ...host, http } });
  server.give(node, { voron: { items: [made.item] } });
  return made;
}
function put(of: PrintMachine<AnyItem>, [name, bytes]: readonly [string, Buffer]): void {
  mkdirSync(dirname(join(of.data, name)), { recursive: true });
  writeFileSync(join(of.data, name), bytes);
}

// Which of them does not matter to the item.
it.each(BREAKS.map(([how, one], at) => [Object.keys(ITEMS)[at % 3] ?? '', how, one] as const))(
  'a boot whose server says what it has of the %s and then answers %s begins with what the disk has, as a branch',
  async (kind, _how, one) => {
    const [make, contentOf] = [ITEMS[kind], CONTENTS[kind]];
    if (!make || !contentOf) throw new Error(kind);
    const [name, first] = contentOf(1);
    machine = await machineOf(make);
    await machine.boot(BOOT);
    put(machine, contentOf(1));
    machine.keep();
    await machine.status(({ state, lastMs }) => state === 'in-step' && lastMs !== undefined);
    await expect.poll(() => existsSync(machine?.kept ?? ''), { timeout: 10_000 }).toBe(true);
    await machine.powerOff();
    // Another machine goes on with the line meanwhile.
    {
      await using another = await machineOf(make, 'print02');
      await another.boot(OTHER);
      put(another, contentOf(2));
      another.keep();
      await another.status(({ state, lastMs }) => state === 'in-step' && lastMs !== undefined);
    }
    broken = one;
    const session = await machine.boot(NEXT);
    expect(readFileSync(join(machine.data, name))).toEqual(first);
    expect(machine.warnings.join('\n')).toContain('which this machine had');
    expect(session).toMatchObject({ lease: 3, items: { [kind]: { why: expect.any(String) } } });
    // It is none of the line, which the next boot has.
    broken = undefined;
    await machine.powerOff();
    await machine.boot(LATER);
    expect(readFileSync(join(machine.data, name))).toEqual(contentOf(2)[1]);
  },
  30_000,
);

it('a machine whose disk is full boots with the line, goes on with it, and tells that it keeps nothing', async () => {
  const make = ITEMS.database as (data: string) => AnyItem;
  machine = await machineOf(make);
  await machine.boot(BOOT);
  const [name, bytes] = CONTENTS.database?.(1) ?? ['', Buffer.alloc(0)];
  put(machine, [name, bytes]);
  machine.keep();
  await machine.status(({ state, lastMs }) => state === 'in-step' && lastMs !== undefined);
  await machine.powerOff();
  const host = linuxHost();
  const files: Host['files'] = {
    ...host.files,
    write: (path, data, options) =>
      path.includes('/disk/')
        ? Promise.reject(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }))
        : host.files.write(path, data, options),
  };
  await using full = await printMachine(server, make, { host: { ...host, files } });
  const session = await full.boot(NEXT);
  expect(session).toMatchObject({ lease: 2, items: { database: { base: expect.stringMatching(/^00000001-/) } } });
  expect(readFileSync(join(full.data, name))).toEqual(bytes);
  expect(full.warnings.join('\n')).toContain('is not kept on the disk');
});

it('a server that says its listing letter by letter holds up no boot, and Moonraker waits for the agent', async () => {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout(ms === 120_000 ? 500 : ms));
  await using fast = await machineOf((data) => ({ ...GCODE_ITEM, path: join(data, 'gcodes') }));
  await fast.boot(BOOT);
  fast.keep();
  await fast.status(({ state, lastMs }) => state === 'in-step' && lastMs === undefined);
  put(fast, ['gcodes/a.gcode', Buffer.from('G28\n')]);
  await fast.status(({ lastMs }) => lastMs !== undefined);
  await fast.agentDies();
  // The answer never ends; whoever asks says until when it may take.
  const host = linuxHost();
  const http: Host['http'] = {
    ...host.http,
    async request(url, options) {
      if (!url.endsWith('/mirror')) return await host.http.request(url, options);
      const { promise, reject } = Promise.withResolvers<never>();
      options?.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true });
      return await answer(200, '{', () => promise)();
    },
  };
  machine = await printMachine(server, (data) => ({ ...GCODE_ITEM, path: join(data, 'gcodes') }), {
    host: { ...host, http },
  });
  const { items } = await machine.boot(NEXT);
  expect(items.gcodes).toMatchObject({ base: null, why: expect.stringContaining('timeout') });
  expect(existsSync(join(dirname(machine.data), 'run/voron/gcodes.loading'))).toBe(true);
});
