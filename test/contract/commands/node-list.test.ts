import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cli } from '../../../src/cli.ts';
import type { StatectlError } from '../../../src/error.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { useImage } from '../../../src/server/images/uses.ts';
import { keepReport } from '../../../src/server/reports/reports.ts';
import { servedSettings } from '../../../src/server/settings.ts';
import { type TemporaryStore, temporaryStore } from '../../fixtures/server/temporary-store.ts';

const MAC = '52:54:00:12:34:01';
const STRANGER = '52:54:00:12:34:99';
let dir: string;
let temporary: TemporaryStore;
const put = (name: string, text: string) => writeFileSync(join(dir, name), text);

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-node-list-'));
  cpSync('config.d', dir, { recursive: true });
  put('nodes/print01.conf', `match: { mac: "${MAC}" }\n`);
  temporary = await temporaryStore();
  for (const version of ['1', '2']) await temporary.add({ version });
  await useImage(temporary.store, 'lab@1');
});
afterEach(async () => {
  rmSync(dir, { recursive: true });
  await temporary[Symbol.asyncDispose]();
  vi.restoreAllMocks();
});

const state = () => join(temporary.folder, 'state');
const list = (...more: readonly string[]) => node('list', '--config', dir, ...more);

async function node(...words: readonly string[]): Promise<string> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += chunk;
    return true;
  });
  await cli(['node', ...words, '--state', state()]);
  vi.restoreAllMocks();
  return out;
}
/** The state that is printed of a machine, by its name or what it is known by. */
const stateOf = async (name: string) =>
  (await list())
    .split('\n')
    .find((line) => line.includes(name))
    ?.replace(/^.*?(never seen|no change|a reboot changes it|runs baked settings|faulty)/, '$1');

/** What the machine with this address reports after it booted with what the server has for it now. */
async function boots(mac: string, more: object = {}): Promise<void> {
  const { renderNode } = servedSettings(linuxHost(), dir, () => undefined);
  const { configDigest, node } = await renderNode({ macs: [mac], labels: {} });
  const report = {
    mac,
    image: 'lab',
    version: '1',
    config: { digest: configDigest, origin: 'fetched', node },
    ...more,
  };
  await keepReport(temporary.store, report, '127.0.0.1');
}

describe('node list', () => {
  it('tells what machines get, and why edits are not taken up', async () => {
    expect(await stateOf('print01')).toBe('never seen');
    put('nodes/print02.conf', 'match: { hostname: print02 }\n');
    put('.git/index.lock', '');
    let said = '';
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
      said += chunk;
      return true;
    });
    const out = await list();
    expect(out).toContain('print01');
    expect(out).not.toContain('print02');
    expect(said).toMatch(/^edits of config\.d are not taken up: .*\n→ .*index\.lock$/m);
  });

  it('says of a machine whether it was seen, and whether a reboot changes it', async () => {
    expect(await stateOf('print01')).toBe('never seen');
    await boots(MAC);
    expect(await stateOf('print01')).toBe('no change');
    put('nodes/print01.conf', `match: { mac: "${MAC}" }\nset: { boot: { arguments: [quiet] } }\n`);
    expect(await stateOf('print01')).toBe('a reboot changes it: settings');
    await boots(MAC);
    await useImage(temporary.store, 'lab@2');
    expect(await stateOf('print01')).toBe('a reboot changes it: image lab@2');
    await boots(MAC, { config: { origin: 'baked', digest: 'x' } });
    expect(await stateOf('print01')).toBe('runs baked settings');
  });

  it('says whose system did not start well, by what, and what the machine does about it', async () => {
    put('nodes/print01.conf', `match: { mac: "${MAC}" }\n`);
    const health = async () => JSON.parse(await list('--json'))[0].health;
    await boots(MAC, { health: { state: 'waiting', failing: [{ check: 'system', reason: 'it starts' }] } });
    expect(await health()).toBeUndefined();
    const failing = [{ check: 'service klipper', reason: 'it is failed (exit-code)' }];
    await boots(MAC, { health: { state: 'failed', failing, answer: 'held' } });
    expect(await health()).toEqual([
      'its system did not start well: service klipper: it is failed (exit-code); it reboots when its print, or who else must not be disturbed, is done',
    ]);
    await boots(MAC, { health: { state: 'started', failing: 'nonsense' } });
    expect(await health()).toBeUndefined();
    await boots(MAC, { health: 'nonsense' });
    expect(await health()).toBeUndefined();
  });

  it('says whose other system is not booted any more, and how a start ended that wants somebody', async () => {
    put('nodes/print01.conf', `match: { mac: "${MAC}" }\n`);
    const slots = async () => JSON.parse(await list('--json'))[0].slots;
    const a = { state: 'GOOD', image: 'lab@1', healthyCycles: 4 };
    const healthy = { cycle: 9, slot: 'a', verdict: 'HEALTHY' };
    await boots(MAC, { slots: { booted: 'a', systems: { a }, past: [healthy] } });
    expect(await slots()).toBeUndefined();
    const b = { state: 'BAD', image: 'lab@2', healthyCycles: 0, why: '2 failed starts in a row' };
    const failed = { cycle: 11, slot: 'b', verdict: 'FAILED_START', why: 'health: service klipper: it is dead' };
    await boots(MAC, { slots: { booted: 'a', systems: { a, b }, past: [failed, healthy] } });
    const told = [
      'slot b (lab@2) is bad: 2 failed starts in a row; it runs slot a',
      'cycle 11 on slot b failed to start (FAILED_START): health: service klipper: it is dead',
    ];
    expect(await slots()).toEqual(told);
    // The next boot tells nothing of them yet.
    await boots(MAC);
    expect(await slots()).toEqual(told);
    await boots(MAC, { slots: { booted: 'a', systems: { a, b: 'nonsense' }, past: [] } });
    expect(await slots()).toEqual(told);
    await boots(MAC, { slots: { booted: 'a', systems: { a }, past: 'nonsense' } });
    expect(await slots()).toBeUndefined();
  });

  it('says before another image comes whose boards have the firmware of another Klipper', async () => {
    const printers = 'state: { printers: { voron: { data: /home/pi/printer_data, user: pi } } }';
    put('nodes/print01.conf', `match: { mac: "${MAC}" }\nset: { ${printers} }\n`);
    const mcus = { mcu: 'v0.12.0-1-g11111111' };
    await boots(MAC, { boards: { voron: { klipper: 'v0.12.0-1-g11111111', health: 'good', mcus } } });
    const boards = async () => JSON.parse(await list('--json'))[0].boards;
    expect(await boards()).toBeUndefined();
    const bad = { klipper: 'v0.12.0-1-g11111111', health: 'bad', cause: 'firmware', mcus };
    await boots(MAC, { boards: { voron: bad } });
    expect(await boards()).toEqual([expect.stringContaining('Klipper of voron cannot talk to its board (firmware)')]);
    await boots(MAC, { boards: { voron: { ...bad, health: 'good', cause: 'talks' } } });
    // The next boot tells nothing of boards.
    await boots(MAC);
    expect(await boards()).toBeUndefined();
    await useImage(temporary.store, 'lab@2');
    expect(await boards()).toEqual([expect.stringMatching(/^lab@2 does not say which Klipper voron has there/)]);
    await temporary.add({ version: '3', klipper: { '/home/pi/klipper': 'v0.13.0-0-g22222222' } });
    await useImage(temporary.store, 'lab@3');
    const told =
      'mcu of voron has the firmware v0.12.0-1-g11111111, and lab@3 Klipper v0.13.0-0-g22222222: it may have to be flashed';
    expect(await boards()).toEqual([told]);
    let said = '';
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
      said += chunk;
      return true;
    });
    await list();
    expect(said).toBe(`print01: ${told}\n`);
  });

  it('compares with what machines get, not with files that are at fault', async () => {
    await boots(MAC);
    put('nodes/print02.conf', 'set: { boot: { imgae: x } }\n');
    expect(await stateOf('print01')).toBe('no change');
    expect(await stateOf('print02')).toMatch(/^faulty: nodes\/print02\.conf:1:\d+ unknown key "imgae"/);
    put('system/boot.conf', 'nonsense: 1\n');
    expect(await stateOf('print01')).toBe('no change');
  });

  it('has the machines that reported and are in no file', async () => {
    await boots(STRANGER, { arch: 'x86_64' });
    expect(await stateOf(`mac ${STRANGER}`)).toBe('no change');
    put('controller/cboot.conf', 'arguments: [quiet]\n');
    expect(await stateOf(`mac ${STRANGER}`)).toBe('a reboot changes it: settings');
    expect(JSON.parse(await list('--json'))).toMatchObject([
      { node: 'print01', state: 'never seen' },
      { knownBy: `mac ${STRANGER}`, report: { image: 'lab@1' }, changes: ['settings'] },
    ]);
  });

  it.each([
    ['a text', (file: string) => writeFileSync(file, 'SQLite format 4\0no')],
    ['one that was cut', (file: string) => truncateSync(file, statSync(file).size / 2)],
    [
      'a folder',
      (file: string) => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
  ])(
    'tells of a database of machines that is %s what `node pending` tells of it, and nothing else',
    async (_title, damage) => {
      await node('pending');
      await boots(MAC);
      expect(await stateOf('print01')).toBe('no change');
      damage(join(state(), 'nodes.sqlite'));
      const told = (await node('pending').catch((error: unknown) => error)) as StatectlError;
      const { code, message, hint } = told;
      expect(told).toMatchObject({ code: 'enrolments-unusable', message: expect.stringContaining('nodes.sqlite') });
      await expect(list()).rejects.toMatchObject({ code, message, hint });
    },
  );

  it('refuses a config.d that was never without fault, with the faults', async () => {
    put('system/boot.conf', 'nonsense: 1\n');
    await expect(list()).rejects.toMatchObject({ message: expect.stringContaining('system/boot.conf:1:1') });
  });
});
