import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { BoardStatus } from '../../../src/agent/boards/board-status.ts';
import type { PrinterState } from '../../../src/agent/printers/printer-state.ts';
import { watchPrinter } from '../../../src/agent/printers/watch-printer.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { KlipperSocket } from '../../fixtures/state/klipper-socket.ts';

const VERSION = 'v0.12.0-316-g1a2b3c4d';
const OLDER = 'v0.11.0-205-gdeadbeef';
const UNABLE = "mcu 'mcu': Unable to connect\nOnce the underlying issue is corrected\nError configuring printer\n";

let data = '';
let end = new AbortController();
let states: PrinterState[] = [];
const running: KlipperSocket[] = [];

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'printer-'));
  mkdirSync(`${data}/comms`);
  mkdirSync(`${data}/config`);
  writeFileSync(`${data}/config/printer.cfg`, `[mcu]\nserial: ${data}/tty\n`);
  end = new AbortController();
  states = [];
});
afterEach(async () => {
  end.abort(new Error('the test is over'));
  for (const socket of running.splice(0)) await socket.stop();
  rmSync(data, { recursive: true });
});

const klipper = async (options: ConstructorParameters<typeof KlipperSocket>[1] = {}): Promise<KlipperSocket> => {
  const name = options.as === 'moonraker' ? 'moonraker' : 'klippy';
  const socket = await new KlipperSocket(`${data}/comms/${name}.sock`, options).start();
  running.push(socket);
  return socket;
};
const watch = (before?: PrinterState): void => {
  const options = { before, tell: (state: PrinterState) => void states.push(state), alarm: () => {} };
  watchPrinter(linuxHost(), { data }, options, end.signal).catch(() => {});
};
const becomes = (board: Partial<BoardStatus>): Promise<void> =>
  vi.waitFor(() => expect(states.at(-1)?.board).toMatchObject(board), { timeout: 20_000 });

it.each(['klipper', 'moonraker'] as const)('the firmware of each board is known by %s, and asked once', async (as) => {
  const printer = await klipper({ as });
  watch();
  await becomes({ health: 'good', cause: 'talks', klipper: VERSION, mcus: { mcu: VERSION, toolhead: VERSION } });
  printer.print('benchy.gcode');
  await vi.waitFor(() => expect(states.at(-1)).toMatchObject({ state: 'printing', board: { cause: 'talks' } }));
  expect(printer.requests.filter(({ method }) => /objects.list$/.test(method))).toHaveLength(1);
});

it('a Klipper that begins says nothing of its board until it knows', async () => {
  const printer = await klipper();
  printer.become({ webhooks: { state: 'startup', state_message: 'Printer is not ready' } });
  watch();
  await vi.waitFor(() => expect(states.at(-1)?.why).toContain('startup'));
  expect(states.at(-1)).not.toHaveProperty('board');
  printer.become({ webhooks: { state: 'ready', state_message: 'Printer is ready' } });
  await becomes({ cause: 'talks' });
});

it('tells a board that answers and does not go with this Klipper from one that is not there', async () => {
  const printer = await klipper();
  printer.become({
    mcu: { mcu_version: OLDER },
    webhooks: { state: 'error', state_message: 'MCU Protocol error\n…\nmcu: Unknown command: config_x' },
  });
  watch();
  await becomes({ health: 'bad', cause: 'firmware', mcus: { mcu: OLDER, toolhead: VERSION } });
  printer.become({ webhooks: { state: 'error', state_message: UNABLE } });
  await becomes({ health: 'unknown', cause: 'absent', place: `${data}/tty` });
});

it('a board that is lost while it prints is told, and known again when Klipper begins anew', async () => {
  const printer = await klipper();
  watch();
  await becomes({ cause: 'talks' });
  printer.become({ webhooks: { state: 'shutdown', state_message: "Lost communication with MCU 'mcu'" } });
  await becomes({ health: 'unknown', cause: 'absent' });
  await printer.stop();
  await vi.waitFor(() => expect(states.at(-1)?.state).toBe('away'));
  expect(states.at(-1)).not.toHaveProperty('board');
  // Flashed meanwhile.
  printer.become({
    mcu: { mcu_version: OLDER },
    webhooks: { state: 'ready', state_message: 'Printer is ready' },
  });
  await printer.start();
  await becomes({ health: 'good', mcus: { mcu: OLDER, toolhead: VERSION } });
});

it('a config that Klipper does not understand says nothing of a board', async () => {
  const printer = await klipper();
  watch();
  await becomes({ cause: 'talks' });
  printer.become({ webhooks: { state: 'error', state_message: "Section 'probe2' is not a valid config section" } });
  await vi.waitFor(() => expect(states.at(-1)?.why).toContain('probe2'));
  expect(states.at(-1)).not.toHaveProperty('board');
});

it.each([
  ['a version that is no text', { mcu: { mcu_version: 7 } }, { toolhead: VERSION }],
  ['a version without end', { mcu: { mcu_version: 'v'.repeat(5_000) } }, { mcu: expect.stringMatching(/^v{199}…$/) }],
  ['hundreds of boards', Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`mcu b${n}`, {}])), {}],
  ['names of no board', { 'mcu a b': {}, 'mcu ': {}, mcus: {} }, { mcu: VERSION }],
])('%s from a printer is of no harm', async (_, objects, mcus) => {
  const printer = await klipper();
  printer.become(objects);
  watch();
  await becomes({ cause: 'talks', mcus: expect.objectContaining(mcus) });
  expect(Object.keys(states.at(-1)?.board?.mcus ?? {}).length).toBeLessThanOrEqual(16);
});
