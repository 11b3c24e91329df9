import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { AnyItem } from '../../../src/machine/state/restore.ts';
import { sshdPrograms } from '../../fixtures/identity/sshd.ts';
import { mainsailHost } from '../../fixtures/state/mainsail-host.ts';
import { printMachine } from '../../fixtures/state/print-machine.ts';
import { printServer } from '../../fixtures/state/print-server.ts';
import { CONFIG_ITEM, DATABASE_ITEM, GCODE_ITEM, VARIABLES_ITEM } from '../../fixtures/state/printer-item.ts';
import { adoptingServer } from './adopting.ts';

const DATA = '/home/pi/printer_data';
const programs = sshdPrograms();
const boot = (at: number): string => `b0000000-0000-4000-8000-00000000000${at}`;

/** Each item of the printer, where its data is, and files of it. */
const ITEMS: readonly (readonly [make: (data: string) => AnyItem, files: readonly string[]])[] = [
  [
    (data) => ({ ...DATABASE_ITEM, path: join(data, 'database'), with: [join(data, '.moonraker.uuid')] }),
    ['database/moonraker-sql.db', '.moonraker.uuid'],
  ],
  [
    (data) => ({ ...GCODE_ITEM, name: 'gcode', path: join(data, 'gcodes') }),
    ['gcodes/cube.gcode', 'gcodes/.thumbs/cube-32x32.png', 'gcodes/parts/two\nlines.gcode'],
  ],
  [(data) => ({ ...CONFIG_ITEM, path: join(data, 'config') }), ['config/printer.cfg', 'config/macros/start.cfg']],
  [(data) => ({ ...VARIABLES_ITEM, path: join(data, 'config/saved.cfg') }), ['config/saved.cfg']],
];

it('a host is adopted while the server runs, and a machine that boots as its printer has each byte and each time of it', async (context) => {
  if (!programs) return context.skip('needs root, namespaces, and the package openssh-server, from apt if need be');
  await using host = await mainsailHost(programs);
  await using server = await printServer();
  await using adopting = adoptingServer({ state: server.state });
  const printers = [{ name: 'voron', folder: DATA }];
  await adopting.adopt(host, { printers });
  server.give('voron', { voron: { items: ITEMS.map(([make]) => make(DATA)) } });
  // Until a machine boots, as often as one likes.
  await adopting.adopt(host, { printers });
  for (const [at, [make, files]] of ITEMS.entries()) {
    await using machine = await printMachine(server, make, { node: 'voron', hasDisk: false });
    const session = await machine.boot(boot(at));
    expect([session.lease, machine.warnings]).toEqual([at + 2, []]);
    for (const file of files) {
      const [old, now] = [join(host.root, DATA, file), join(machine.data, file)];
      expect([file, readFileSync(now)]).toEqual([file, readFileSync(old)]);
      // As Python makes a number of a time, which Moonraker compares.
      const timeOf = (path: string): number => {
        const { mtimeNs } = statSync(path, { bigint: true });
        return Number(mtimeNs / 1_000_000_000n) + 1e-9 * Number(mtimeNs % 1_000_000_000n);
      };
      if (file.startsWith('gcodes/')) expect([file, timeOf(now)]).toEqual([file, timeOf(old)]);
    }
  }
  await expect(adopting.adopt(host, { printers })).rejects.toMatchObject({ code: 'adopt-line-taken' });
});
