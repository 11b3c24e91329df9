import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TABLES } from '../../fixtures/print-host/moonraker-schema.ts';
import { CHECKOUTS, type PrintPrograms, printPrograms } from '../../fixtures/print-host/programs.ts';

const { klipper, moonraker } = CHECKOUTS;
const PNG = Buffer.from('a picture, for who does not look at it').toString('base64');
const GCODE = `; thumbnail begin 32x32 ${PNG.length}
; ${PNG}
; thumbnail end
G4 P400
M117 done
`;

/** What a row has that is another in each run: times, lengths of time, and what is drawn by lot. */
const masked = (value: unknown): unknown => {
  if (typeof value === 'number') return Number.isInteger(value) && value < 1e9 ? value : 'a time';
  if (value instanceof Uint8Array) return masked(Buffer.from(value).toString('latin1'));
  if (typeof value !== 'string') return value;
  return value
    .replace(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|[\da-f]{32}/g, 'UUID')
    .replace(/\d{10}\.\d+|(?<![\d.x])\d+\.\d+/g, 'TIME')
    .replace(/"(path|executable)":"[^"]*"/g, '"$1":"PATH"');
};

describe.each([
  { programs: 'the simulated Moonraker', real: {} },
  ...(moonraker === undefined
    ? []
    : [{ programs: 'the real Moonraker', real: { moonraker, ...(klipper ? { klipper } : {}) } }]),
])('$programs', ({ real }) => {
  let host: PrintPrograms;
  beforeEach(async () => {
    host = await printPrograms(real);
  });
  afterEach(() => host[Symbol.asyncDispose]());

  const database = () => join(host.data, 'database/moonraker-sql.db');
  /** By table its rows, as others would read them while it runs. */
  function rows(): Readonly<Record<string, readonly (readonly unknown[])[]>> {
    using own = new DatabaseSync(database(), { readOnly: true });
    const of = (table: string) => own.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all();
    return Object.fromEntries(
      Object.keys(TABLES).map((table) => [table, of(table).map((row) => Object.values(row).map(masked))]),
    );
  }
  /** Holds that so many transactions reach the file while `act` goes on: each makes a journal, and takes it away. */
  async function expectTransactions(wanted: number, act: () => Promise<void>): Promise<void> {
    let seen = 0;
    const watcher = watch(join(host.data, 'database'), (kind, name) => {
      if (kind === 'rename' && name === 'moonraker-sql.db-journal') seen += 1;
    });
    await act();
    await expect.poll(() => seen / 2, { timeout: 3000 }).toBe(wanted);
    watcher.close();
  }
  const historyIs = (...states: readonly string[]) =>
    expect.poll(() => rows().job_history?.map(([, , , status]) => status)).toEqual(states);

  test('begins a database with its tables, a rollback journal and a full sync', async () => {
    await expectTransactions(20, async () => {
      await host.startMoonraker();
      await expect.poll(() => rows().namespace_store?.some(([, key]) => key === 'klippy_connection')).toBe(true);
    });
    using own = new DatabaseSync(database(), { readOnly: true });
    const tables = own.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").all();
    expect(Object.fromEntries(tables.map(({ name, sql }) => [name, sql]))).toEqual(
      Object.fromEntries(Object.entries(TABLES).map(([name, sql]) => [name, `CREATE TABLE ${sql}`])),
    );
    expect(own.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' });
    expect(readFileSync(database()).length).toBe(40_960);
    expect(readFileSync(join(host.data, '.moonraker.uuid'), 'utf8')).toMatch(/^[\da-f]{32}$/);
    expect(existsSync(join(host.data, 'config/.moonraker.conf.bkp'))).toBe(true);
    const { table_registry: _, ...others } = rows();
    expect(others).toEqual({
      namespace_store: [
        ['database', 'database_version', 'q\x02\0\0\0\0\0\0\0'],
        ['database', 'protected_namespaces', '["announcements","gcode_metadata","moonraker"]'],
        ['database', 'unsafe_shutdowns', 'q\x01\0\0\0\0\0\0\0'],
        ['moonraker', 'file_manager', '{"metadata_version":3}'],
        ['moonraker', 'instance_id', 'sUUID'],
        ['moonraker', 'klippy_connection', '{"path":"PATH","executable":"PATH"}'],
        ['moonraker', 'validate_install', '{"install_version":1}'],
      ],
      authorized_users: [['_API_KEY_USER_', 'UUID', 'a time', '', 'moonraker', null, null, '["admin"]']],
      job_history: [],
      job_totals: [
        ...[
          ['history', 'longest_job', 0, null, 'default'],
          ['history', 'longest_print', 0, null, 'default'],
        ],
        ...['total_filament_used', 'total_jobs', 'total_print_time', 'total_time'].map((name) => [
          ...['history', name, null, 0, 'default'],
        ]),
      ],
    });
  });

  test('writes four transactions that change anything for a print, and one for the file', async () => {
    await host.startMoonraker();
    await expect.poll(() => rows().namespace_store?.length).toBe(7);
    await expectTransactions(1, () => host.upload('a part.gcode', GCODE));
    const picture = join(host.data, 'gcodes/.thumbs/a part-32x32.png');
    expect(readFileSync(picture, 'utf8')).toBe('a picture, for who does not look at it');
    const row = () => rows().namespace_store?.find(([, key]) => key === 'a part.gcode')?.[2];
    const start = GCODE.indexOf('\nG4');
    const known = `{"size":${GCODE.length},"modified":TIME,"uuid":"UUID","file_processors":[],"slicer":"Unknown","slicer_version":"?","gcode_start_byte":${start},"gcode_end_byte":${GCODE.length},"thumbnails":[{"width":32,"height":32,"size":38,"relative_path":".thumbs/a part-32x32.png"}]`;
    expect(row()).toBe(`${known},"print_start_time":null,"job_id":null}`);
    await expectTransactions(4, async () => {
      await host.print('a part.gcode');
      await historyIs('completed');
      await expect.poll(() => rows().job_totals?.find(([, name]) => name === 'total_jobs')?.[3]).toBe(1);
    });
    expect(row()).toBe(`${known},"print_start_time":TIME,"job_id":"000001"}`);
    expect(rows().job_history).toEqual([
      [
        ...[1, '_TRUSTED_USER_', 'a part.gcode', 'completed', 'a time', 'a time', 0, 'a time', 0],
        ...[`${known}}`, '[]', 'default'],
      ],
    ]);
    await expectTransactions(1, () => host.remove('a part.gcode'));
    expect([existsSync(picture), row()]).toEqual([false, undefined]);
    expect(existsSync(join(host.data, 'gcodes/.thumbs'))).toBe(true);
    await expectTransactions(1, () => host.stopMoonraker());
    expect(rows().namespace_store?.find(([, key]) => key === 'unsafe_shutdowns')?.[2]).toBe(`q${'\0'.repeat(8)}`);
  });

  test('says of a job that the plug ended that it was interrupted, and forgets files that are not there when it starts', async () => {
    await host.startMoonraker();
    await host.upload('long.gcode', `${'G4 P100\n'.repeat(300)}`);
    await host.upload('other.gcode', GCODE);
    await host.print('long.gcode');
    await historyIs('in_progress');
    await expect.poll(() => rows().namespace_store?.filter(([name]) => name === 'gcode_metadata').length).toBe(2);
    await host.killMoonraker();
    rmSync(join(host.data, 'gcodes/other.gcode'));
    await host.gcode('CANCEL_PRINT');
    await host.startMoonraker();
    await historyIs('interrupted');
    const known = rows()
      .namespace_store?.filter(([name]) => name === 'gcode_metadata')
      .map(([, key]) => key);
    expect(known).toEqual(['long.gcode']);
    expect(rows().namespace_store?.find(([, key]) => key === 'unsafe_shutdowns')?.[2]).toBe(`q\x02${'\0'.repeat(7)}`);
  });

  test('takes files that others put there only when it starts again with them', async () => {
    mkdirSync(join(host.data, 'gcodes/sub'));
    writeFileSync(join(host.data, 'gcodes/sub/part.gcode'), GCODE);
    await host.startMoonraker();
    const known = () =>
      rows()
        .namespace_store?.filter(([name]) => name === 'gcode_metadata')
        .map(([, key]) => key);
    await expect.poll(known).toEqual(['sub/part.gcode']);
    expect(existsSync(join(host.data, 'gcodes/sub/.thumbs/part-32x32.png'))).toBe(true);
    await host.stopMoonraker();
    // As it would find a folder that is mounted too late.
    renameSync(join(host.data, 'gcodes'), join(host.data, 'late'));
    mkdirSync(join(host.data, 'gcodes'));
    await host.startMoonraker();
    await expect.poll(known).toEqual([]);
  });
});
