import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/host.ts';
import { failingHost } from '../fixtures/hosts/failing.ts';
import { moonrakerDatabase } from '../fixtures/state/moonraker-database.ts';
import { type PrintMachine, printMachine } from '../fixtures/state/print-machine.ts';
import { type PrintServer, printServer } from '../fixtures/state/print-server.ts';
import { DATABASE_ITEM } from '../fixtures/state/printer-item.ts';

const databaseOf = (data: string) => ({ ...DATABASE_ITEM, path: join(data, 'database'), with: [] });

describe.each(['stop', 'error', 'torn'] as const)(
  'an agent that something comes in the way of (%s) while it ships',
  (how) => {
    let server: PrintServer;
    let machine: PrintMachine<ReturnType<typeof databaseOf>>;
    beforeAll(async () => {
      server = await printServer();
      machine = await printMachine(server, databaseOf);
      server.give('print01', { voron: { items: [machine.item] } });
    });
    afterAll(async () => {
      await machine[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    });

    it('loses nothing at any effect: the next one ships what is there, and the next boot has it', async () => {
      let at = 1;
      for (; ; at += 1) {
        const name = `job-${at}.gcode`;
        expect((await machine.boot(`b0000000-${how}-${at}`)).lease).toBeGreaterThan(0);
        writeFileSync(join(machine.item.path, 'moonraker-sql.db'), moonrakerDatabase([name]));
        const host = failingHost(linuxHost(), { at, how });
        machine.keep({ host });
        await machine.status(({ state }) => state !== 'ahead' || how !== 'error');
        const isOver = host.effects < at;
        await machine.agentDies();
        machine.keep();
        await machine.status(({ state }) => state === 'in-step');
        await machine.powerOff();
        await machine.boot(`b0000000-${how}-${at}-next`);
        using database = new DatabaseSync(join(machine.item.path, 'moonraker-sql.db'), { readOnly: true });
        expect(database.prepare('SELECT filename FROM job_history').all()).toEqual([{ filename: name }]);
        await machine.powerOff();
        if (isOver) break;
      }
      expect(at).toBeGreaterThan(6);
    });
  },
);
