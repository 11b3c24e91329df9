import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/host.ts';
import { printerVariables } from '../../src/server/admin/printers/printer-variables.ts';
import { serverState } from '../../src/server/admin/server-state.ts';
import { failingHost } from '../fixtures/hosts/failing.ts';
import { loadVariables } from '../fixtures/print-host/saved-variables.ts';
import { printMachine } from '../fixtures/state/print-machine.ts';
import { printServer } from '../fixtures/state/print-server.ts';
import { VARIABLES_ITEM } from '../fixtures/state/printer-item.ts';

const BOOT = 'b0000000-1';

it.each(['error', 'stop', 'torn'] as const)(
  'an agent that meets "%s" at any effect loses no variable, and the next one ships all of them',
  { timeout: 300_000 },
  async (how) => {
    await using server = await printServer();
    const quiet = { ...linuxHost(), console: { line: () => undefined } };
    for (let at = 1; ; at += 1) {
      const printer = `voron`;
      await using machine = await printMachine(
        server,
        (data) => ({ ...VARIABLES_ITEM, path: join(data, 'config/variables.cfg') }),
        { hasDisk: at % 2 === 0 },
      );
      server.give('print01', { [printer]: { items: [machine.item] } });
      await machine.boot(`${BOOT}-${at}`);
      const failing = failingHost(quiet, { at, how });
      machine.keep({ host: failing });
      const variables = loadVariables(machine.item.path);
      variables.save('lane', String(at));
      const shipped = async () =>
        (await printerVariables(serverState(server.state, quiet), printer, {}).catch(() => [])).map(
          ({ key, literal }) => `${key}=${literal}`,
        );
      await expect
        .poll(async () => failing.effects >= at || (await shipped()).includes(`lane=${at}`), {
          timeout: 10_000,
          interval: 10,
        })
        .toBe(true);
      await machine.agentDies();
      variables.save('last', `'after ${at}'`);
      machine.keep({ host: quiet });
      await expect
        .poll(shipped, { timeout: 10_000, interval: 20 })
        .toEqual([`lane=${at}`, `last='after ${at}'`].toSorted());
      if (failing.effects < at) {
        expect(at).toBeGreaterThan(4);
        break;
      }
    }
  },
);

it.each(['error', 'stop', 'torn'] as const)(
  'a boot that meets "%s" at any effect leaves no part of a file, and the next one has it all',
  async (how) => {
    await using server = await printServer();
    await using machine = await printMachine(server, (data) => ({
      ...VARIABLES_ITEM,
      path: join(data, 'config/variables.cfg'),
    }));
    server.give('print01', { voron: { items: [machine.item] } });
    await machine.boot(BOOT);
    machine.keep();
    loadVariables(machine.item.path).save('lane', '1');
    await machine.status(({ lastMs }) => lastMs !== undefined);
    await machine.agentDies();
    for (let at = 1; ; at += 1) {
      await using other = await printMachine(
        server,
        (data) => ({ ...VARIABLES_ITEM, path: join(data, 'config/variables.cfg') }),
        {
          host: failingHost(linuxHost(), { at, how }),
        },
      );
      const failing = await other.boot(`${BOOT}-${at}`).then(
        () => 'whole',
        () => 'cut',
      );
      const { all } = loadVariables(other.item.path);
      expect(['1', undefined], `at effect ${at}`).toContain(all.get('lane'));
      rmSync(other.item.path);
      if (failing === 'whole' && all.get('lane') === '1' && at > 8) break;
      writeFileSync(other.item.path, '');
    }
  },
);
