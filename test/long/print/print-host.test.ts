import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATA, PRINTER, type PrintGuest, printGuest } from '../../fixtures/print-host/print-guest.ts';
import { completedIn, gcodeName, printWorkload } from '../../fixtures/print-host/print-workload.ts';
import { CHECKOUTS } from '../../fixtures/print-host/programs.ts';

/** What was acknowledged so long before the plug is there, where there is a server. */
const SETTLED_MS = { variable: 2_000, gcode: 2_000, job: 2_000, config: 3_000 };
const INSTANTS = 20;
/** Of an agent that found no server for a while. */
const PATIENCE_MS = 360_000;
/** Each boot has time for all four kinds, some of them several times. */
const PLUG_MS = { least: 6_000, most: 16_000 };

describe(`a print host whose plug is pulled at ${INSTANTS} instants that nobody chose`, () => {
  const workload = printWorkload();
  let machine: PrintGuest;
  let pulledMs = 0;

  beforeAll(async () => {
    machine = await printGuest('print-host-instants', CHECKOUTS);
    await machine.startServer();
    await machine.enrol();
    await machine.boot();
    await machine.startPrograms();
  });
  afterAll(() => machine?.[Symbol.asyncDispose]());

  const read = (path: string) =>
    machine.run(`base64 -w0 ${DATA}/${path}`).then((text) => Buffer.from(text, 'base64').toString());
  const settled = (kind: keyof typeof SETTLED_MS) => workload.until(kind, pulledMs - SETTLED_MS[kind]);
  const last = (kind: keyof typeof SETTLED_MS) => settled(kind).at(-1) ?? 0;

  test.each(Array.from({ length: INSTANTS }, (_, index) => index + 1))(
    'has at another machine what was acknowledged before, byte by byte (instant %i)',
    async () => {
      const afterMs = PLUG_MS.least + Math.random() * (PLUG_MS.most - PLUG_MS.least);
      // The agent begins some seconds after the system.
      expect(await machine.inStep(PATIENCE_MS)).toBeDefined();
      const working = workload.run(machine);
      await sleep(afterMs);
      pulledMs = performance.now();
      await machine.pullPlug();
      await working;
      await machine.boot();

      const variables = await read('config/variables.cfg');
      const variable = Number(/^count = (\d+)$/m.exec(variables)?.[1] ?? 0);
      expect(variable, `variables, ${afterMs.toFixed(0)} ms after it began`).toBeGreaterThanOrEqual(last('variable'));
      if (variable > 0) expect(variables).toBe(workload.bytes.variables(variable));

      const text = await read('config/printer.cfg');
      const config = Number([...text.matchAll(/^#\*# \[skew_correction c(\d+)\]$/gm)].at(-1)?.[1] ?? 0);
      expect(config).toBeGreaterThanOrEqual(last('config'));
      expect(text).toBe(workload.bytes.config(config));

      const names = (await machine.run(`ls ${DATA}/gcodes`)).split('\n').filter((name) => name.endsWith('.gcode'));
      expect(names).toEqual(expect.arrayContaining(settled('gcode').map(gcodeName)));
      const gcode = names.map((name) => Number(/\d+/.exec(name)?.[0]));
      for (const n of gcode.slice(-3)) expect(await read(`gcodes/${gcodeName(n)}`)).toBe(workload.bytes.gcode(n));

      expect(await machine.run(`sqlite3 ${DATA}/database/moonraker-sql.db 'PRAGMA integrity_check'`)).toBe('ok');
      await machine.startPrograms();
      const job = completedIn(await machine.jobs());
      expect(job).toBeGreaterThanOrEqual(last('job'));
      expect(await machine.statectl('printer', 'branches', PRINTER)).not.toMatch(/print01/);
      workload.adopt({ variable, config, job }, gcode);
    },
  );

  test('prints with every server dead: what was before is there again with the server, and what was new in a branch', async () => {
    await machine.inStep(PATIENCE_MS);
    const before = await machine.jobs();
    await machine.killServer();
    await machine.boot();
    await machine.startPrograms();
    expect(await machine.jobs()).toEqual([]);
    await machine.upload('alone.gcode', 'G4 P500\nSAVE_VARIABLE VARIABLE=alone VALUE=1\n');
    await machine.print('alone.gcode');
    await expect.poll(async () => completedIn(await machine.jobs())).toBe(1);
    expect(await read('config/variables.cfg')).toContain('alone = 1\n');
    await machine.startServer();
    const branches = () => machine.statectl('printer', 'branches', PRINTER);
    await expect.poll(branches, { timeout: PATIENCE_MS }).toMatch(/print01.*alone\.gcode/);
    await machine.pullPlug();
    await machine.boot();
    await machine.startPrograms();
    expect(await machine.jobs()).toEqual(before);
    expect(await branches()).toMatch(/print01.*alone\.gcode/);
    expect(await read('config/variables.cfg')).not.toContain('alone');
  });
});
