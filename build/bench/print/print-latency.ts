import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnyItem } from '../../../src/machine/state/restore.ts';
import { loadConfig } from '../../../test/fixtures/print-host/config-autosave.ts';
import { printerCfg } from '../../../test/fixtures/print-host/configs.ts';
import { openMoonrakerStore } from '../../../test/fixtures/print-host/moonraker-store.ts';
import { loadVariables } from '../../../test/fixtures/print-host/saved-variables.ts';
import { type PrintMachine, printMachine } from '../../../test/fixtures/state/print-machine.ts';
import { type PrintServer, printServer } from '../../../test/fixtures/state/print-server.ts';
import { CONFIG_ITEM, DATABASE_ITEM, VARIABLES_ITEM } from '../../../test/fixtures/state/printer-item.ts';

export interface LatencyOptions {
  readonly rounds: number;
  /** How long variables are saved, a thousand a minute. */
  readonly variablesS: number;
}

/** From when Klipper or Moonraker has written to where the server has it, in seconds: files, agent's part and server of this machine. */
export interface Latency {
  readonly databaseS: readonly number[];
  readonly saveConfigS: readonly number[];
  readonly variablesS: readonly number[];
  readonly savedEachMinute: number;
}

const PRINTER = 'voron';
const EACH_MS = 60;
const LOOK_MS = 5;
/** Whatever waited for stillness is over by then. */
const SETTLE_MS = 2_000;
const PATIENCE_MS = 30_000;

export async function measureLatency(options: LatencyOptions, say: (text: string) => void): Promise<Latency> {
  const databaseS = await measureDatabase(options);
  const saveConfigS = await measureConfig(options);
  const variables = await measureVariables(options);
  say('it is measured how soon a server has what is written');
  return { databaseS, saveConfigS, ...variables };
}

interface Kept<Item extends AnyItem> extends AsyncDisposable {
  readonly server: PrintServer;
  readonly machine: PrintMachine<Item>;
}

/** An item that is kept, with its server. `prepare` writes what is there when the agent begins. */
async function keptItem<Item extends AnyItem>(
  make: (data: string) => Item,
  prepare: (item: Item) => void = () => {},
): Promise<Kept<Item>> {
  await using made = new AsyncDisposableStack();
  const server = made.use(await printServer());
  const machine = made.use(await printMachine(server, make));
  server.give('print01', { [PRINTER]: { items: [machine.item] } });
  await machine.boot('b0000000-1');
  prepare(machine.item);
  machine.keep();
  const held = made.move();
  return { server, machine, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function measureDatabase({ rounds }: LatencyOptions): Promise<readonly number[]> {
  const databaseOf = (data: string) => ({
    ...DATABASE_ITEM,
    path: join(data, 'database'),
    with: [join(data, '.moonraker.uuid')],
  });
  await using kept = await keptItem(databaseOf);
  const { machine, server } = kept;
  writeFileSync(join(machine.data, '.moonraker.uuid'), '0'.repeat(32));
  using store = openMoonrakerStore(join(machine.item.path, 'moonraker-sql.db'), '0'.repeat(32));
  const line = join(server.state, 'state', PRINTER, 'line/database');
  // One an hour is kept, and the newest.
  const newest = async () => (await readdir(line).catch(() => [])).toSorted().at(-1);
  const took: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    await sleep(SETTLE_MS);
    const before = await newest();
    store.addJob({
      filename: `${round}.gcode`,
      status: 'completed',
      startTime: round,
      endTime: round,
      totalDuration: 1,
    });
    took.push(await untilS(async () => (await newest()) !== before));
  }
  return took;
}

async function measureConfig({ rounds }: LatencyOptions): Promise<readonly number[]> {
  const configOf = (data: string) => ({ ...CONFIG_ITEM, path: join(data, 'config') });
  await using kept = await keptItem(configOf, ({ path }) => {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'printer.cfg'), printerCfg('/home/pi/printer_data'));
  });
  const { machine, server } = kept;
  const printer = join(machine.item.path, 'printer.cfg');
  const main = join(server.state, 'git', PRINTER, 'config.git/refs/heads/main');
  const head = async () => readFile(main, 'utf8').catch(() => '');
  await untilS(async () => (await head()) !== '');
  const took: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    await sleep(SETTLE_MS);
    const before = await head();
    const config = loadConfig(printer);
    config.set('probe', 'z_offset', (round / 100).toFixed(3));
    config.save();
    took.push(await untilS(async () => (await head()) !== before));
  }
  return took;
}

/** Counts up in one variable; a later value counts for those before it. */
async function measureVariables({
  variablesS: seconds,
}: LatencyOptions): Promise<Pick<Latency, 'variablesS' | 'savedEachMinute'>> {
  const variablesOf = (data: string) => ({ ...VARIABLES_ITEM, path: join(data, 'config/variables.cfg') });
  await using kept = await keptItem(variablesOf);
  const { machine, server } = kept;
  const variables = loadVariables(machine.item.path);
  const last = join(server.state, 'state', PRINTER, 'line/variables/last.json');
  const there = async () => Number(/count = (\d+)/.exec(await readFile(last, 'utf8').catch(() => ''))?.[1] ?? 0);
  await sleep(SETTLE_MS);
  const written: number[] = [];
  const took: number[] = [];
  const began = performance.now();
  const endMs = began + seconds * 1000;
  while (performance.now() < endMs || took.length < written.length) {
    const nowMs = performance.now();
    if (nowMs < endMs && nowMs >= began + written.length * EACH_MS) {
      variables.save('count', String(written.length + 1));
      written.push(performance.now());
    }
    const count = await there();
    while (took.length < count) took.push((performance.now() - (written[took.length] ?? 0)) / 1000);
    if (nowMs > endMs + PATIENCE_MS) throw new Error('the server did not get the last variables');
    await sleep(LOOK_MS);
  }
  return { variablesS: took, savedEachMinute: (written.length / seconds) * 60 };
}

/** Seconds until it is true. */
async function untilS(isTrue: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  while (!(await isTrue())) {
    if (performance.now() - began > PATIENCE_MS)
      throw new Error(`the server did not get it within ${PATIENCE_MS / 1000} s`);
    await sleep(LOOK_MS);
  }
  return (performance.now() - began) / 1000;
}
