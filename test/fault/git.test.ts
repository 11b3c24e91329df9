import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Host } from '../../src/host/host.ts';
import { linuxHost } from '../../src/host/linux/host.ts';
import { printerState } from '../../src/server/state/printer-state.ts';
import { repositoryOf, runGit } from '../fixtures/config-host.ts';
import { failingHost } from '../fixtures/hosts/failing.ts';
import { loadConfig } from '../fixtures/print-host/config-autosave.ts';
import { printMachine } from '../fixtures/state/print-machine.ts';
import { PRINTER, printServer } from '../fixtures/state/print-server.ts';
import { CONFIG_ITEM } from '../fixtures/state/printer-item.ts';

const BOOT = 'b0000000-1';
const WRITTEN = '[printer]\nkinematics: corexy\n\n[probe]\nz_offset: 1.5\n';
const LONG_MS = 300_000;
const configOf = (data: string) => ({ ...CONFIG_ITEM, path: join(data, 'config') });
const until = (look: () => unknown, what: unknown) =>
  expect.poll(look, { timeout: 20_000, interval: 20 }).toEqual(what);

it.each(['error', 'stop', 'torn'] as const)(
  'an agent that meets "%s" at any effect loses no SAVE_CONFIG, and the next one ships what it did not',
  { timeout: LONG_MS },
  async (how) => {
    await using server = await printServer();
    await using machine = await printMachine(server, configOf);
    server.give('print01', { voron: { items: [machine.item] } });
    const path = join(machine.item.path, 'printer.cfg');
    const line = () => {
      try {
        return runGit(repositoryOf(server), 'show', 'main:printer.cfg');
      } catch {
        return '';
      }
    };
    writeFileSync(path, WRITTEN);
    await machine.boot(BOOT);
    for (let at = 1; ; at += 1) {
      const failing = failingHost(linuxHost(), { at, how });
      const config = loadConfig(path);
      config.set('probe', 'z_offset', String(at));
      config.save();
      const saved = readFileSync(path, 'utf8');
      machine.keep({ host: failing });
      let isDone = false;
      void machine
        .status(({ lastMs }) => lastMs !== undefined)
        .then(() => {
          isDone = true;
        });
      await until(() => failing.effects >= at || isDone, true);
      await machine.agentDies();
      expect(readFileSync(path, 'utf8')).toBe(saved);
      machine.keep();
      await until(line, saved);
      await machine.status(({ state }) => state === 'in-step');
      await machine.agentDies();
      if (failing.effects < at) {
        expect(at).toBeGreaterThan(3);
        break;
      }
    }
    const commits = runGit(repositoryOf(server), 'log', '--format=%s', 'main').trim().split('\n');
    expect(new Set(commits).size).toBe(commits.length);
  },
);

it.each(['error', 'stop', 'torn'] as const)(
  'a boot that meets "%s" at any effect leaves no part of a file, and the next one has it all',
  { timeout: LONG_MS },
  async (how) => {
    await using server = await printServer();
    await using first = await printMachine(server, configOf);
    server.give('print01', { voron: { items: [first.item] } });
    await first.boot(BOOT);
    const files = { 'printer.cfg': WRITTEN, 'macros.cfg': '[gcode_macro A]\n' };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(first.item.path, name), text);
    first.keep();
    await first.status(({ state, lastMs }) => state === 'in-step' && lastMs !== undefined);
    await first.agentDies();
    for (let at = 1; ; at += 1) {
      const failing = failingHost(linuxHost(), { at, how });
      let now: Host = failing;
      const host = {
        ...linuxHost(),
        get files() {
          return now.files;
        },
        get exec() {
          return now.exec;
        },
      };
      await using cut = await printMachine(server, configOf, { host });
      // A power cut before this one left it so.
      writeFileSync(join(cut.item.path, 'printer.cfg'), '');
      await cut.boot(`${BOOT}-${at}`).catch(() => {});
      for (const [name, text] of Object.entries(files)) {
        const path = join(cut.item.path, name);
        if (existsSync(path)) expect(['', text], `${name} at effect ${at}`).toContain(readFileSync(path, 'utf8'));
      }
      now = linuxHost();
      await cut.boot(`${BOOT}-${at}-again`);
      for (const [name, text] of Object.entries(files))
        expect(readFileSync(join(cut.item.path, name), 'utf8')).toBe(text);
      const own = join(cut.item.path, '.statectl-tmp');
      expect(readdirSync(own)).toEqual(['note.json']);
      rmSync(own, { recursive: true });
      if (failing.effects < at) {
        expect(at).toBeGreaterThan(6);
        break;
      }
    }
    expect(runGit(repositoryOf(server), 'log', '--format=%s', 'main').trim().split('\n')).toHaveLength(1);
  },
);

it.each(['error', 'stop', 'torn'] as const)(
  'a server that meets "%s" at any effect of taking changes has the line whole, and each change once',
  { timeout: LONG_MS },
  async (how) => {
    const root = mkdtempSync(join(tmpdir(), 'statectl-server-'));
    const asker = { node: 'print01', proof: 'person', printer: { ...PRINTER, items: [CONFIG_ITEM] } } as const;
    const stateOn = (host: Host) =>
      printerState(
        { root, host, alarm: () => {}, free: async () => 1 },
        async () => ({ jobs: [] }),
        async () => undefined,
      );
    const whole = stateOn(linuxHost());
    try {
      for (let at = 1; ; at += 1) {
        const printer = `voron${at}`;
        const failing = failingHost(linuxHost(), { at, how });
        const standing = { lease: 1, boot: BOOT, base: null };
        const content = (text: string) => Buffer.from(text).toString('base64');
        const changes = { base: null, files: [{ path: 'printer.cfg', content: content(`${WRITTEN}# ${at}\n`) }] };
        const cut = stateOn(failing);
        const leased = await cut.lease(printer, BOOT, asker).catch(() => undefined);
        if (leased) await cut.git.ship(printer, 'config', standing, asker, changes).catch(() => {});
        rmSync(join(root, 'state', printer, 'lock'), { force: true });
        rmSync(join(root, 'state', printer, 'lock.break'), { force: true });
        // A boot that was told so begins with nothing, and is a branch: the next one is the line.
        const isUnreadable = leased?.items.config?.id === 'unreadable';
        const later = isUnreadable ? { ...standing, lease: 2, boot: `${BOOT}-later` } : standing;
        // Who has the lease does not ask again: that would be another boot, of what the line has by now.
        if (!leased || isUnreadable) await whole.lease(printer, later.boot, asker);
        const taken = await whole.git.ship(printer, 'config', later, asker, changes);
        expect(taken, `at effect ${at}`).toMatchObject({ on: 'line', conflicts: [] });
        const given = await whole.git.files(printer, 'config', undefined, asker);
        expect(given).toMatchObject({
          id: taken.id,
          files: [{ path: 'printer.cfg', content: changes.files[0]?.content }],
        });
        const log = runGit(join(root, 'git', printer, 'config.git'), 'log', '--format=%s', 'main');
        expect(log.trim()).toBe('printer.cfg added');
        if (failing.effects < at) {
          expect(at).toBeGreaterThan(20);
          break;
        }
      }
    } finally {
      rmSync(root, { recursive: true });
    }
  },
);
