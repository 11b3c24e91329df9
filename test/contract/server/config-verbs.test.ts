import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cloneOf, fetchConfig, repositoryOf, runGit, savedConfig, shipConfig } from '../../fixtures/config-host.ts';
import { BOOT, type PrintHost, type PrintServer, printServer } from '../../fixtures/state/print-server.ts';
import { CONFIG_ITEM } from '../../fixtures/state/printer-item.ts';

const ALONE = 'a0000000-0000-4000-8000-000000000003';
const WRITTEN = '[printer]\nkinematics: corexy\n\n[probe]\npin: PA1\nz_offset: 1.5\n';
const SAVED = savedConfig(WRITTEN.replace('z_offset', '#z_offset'), '[probe]\nz_offset = 2.25');

let server: PrintServer;
let machine: PrintHost;
let folder: string;
let first: string;
let second: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'statectl-verbs-'));
  server = await printServer();
  server.give('print01', { voron: { items: [CONFIG_ITEM] } });
  machine = await server.machine('print01');
  await machine.lease('voron', BOOT);
  first = String((await shipConfig(machine, null, { 'printer.cfg': WRITTEN })).json.id);
  second = String((await shipConfig(machine, first, { 'printer.cfg': SAVED })).json.id);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const run = (verb: string, ...words: readonly string[]) =>
  spawnSync(process.execPath, ['src/main.ts', 'printer', verb, '--state', server.state, ...words], {
    encoding: 'utf8',
  });
const json = (verb: string, ...words: readonly string[]) => JSON.parse(run(verb, ...words, '--json').stdout);

it('log says what SAVE_CONFIG changed, and diff shows it', () => {
  expect(run('log', 'voron').stdout).toMatch(
    /^REVISION .*\n[0-9a-f]{12} {2}2026-11-30T06:17:06\S+ +voron +SAVE_CONFIG: \[probe\] z_offset 1\.5 -> 2\.25\n/,
  );
  expect(json('log', 'voron', 'printer.cfg')).toMatchObject([{ id: second }, { id: first, files: ['printer.cfg'] }]);
  expect(json('log', 'voron', 'other.cfg')).toEqual([]);
  expect(run('diff', 'voron').stdout).toContain('+#*# z_offset = 2.25');
  expect(run('diff', 'voron', second, first).stdout).toContain('-#*# z_offset = 2.25');
});

it('diff shows all of a first revision, and nothing where nothing came yet', async () => {
  server.give('print01', { voron: { items: [CONFIG_ITEM] }, ender: { items: [CONFIG_ITEM] } });
  await machine.lease('ender', BOOT);
  expect(run('diff', 'ender')).toMatchObject({ status: 0, stdout: '' });
  await shipConfig(machine, null, { 'printer.cfg': WRITTEN }, {}, 'ender');
  expect(run('diff', 'ender').stdout).toContain('+kinematics: corexy');
  expect(run('diff', 'ender', 'none').stderr).toContain('`statectl printer log ender` names them');
});

it('a roll back is a commit of the admin, which the machine is given as any other', async () => {
  expect(run('rollback', 'voron', first).status).toBe(0);
  expect((await fetchConfig(machine, second)).files).toEqual({ 'printer.cfg': WRITTEN });
  expect(json('log', 'voron')).toMatchObject([{ message: expect.stringContaining('Roll back to') }, {}, {}]);
  expect(run('rollback', 'voron', first).stdout).toContain('that already');
  for (const unknown of ['nothing', '--output=/tmp/x', 'f'.repeat(40)])
    expect(run('rollback', 'voron', '--', unknown).stderr).toContain('there is no revision');
});

it('wrong words are told, and nothing is done', () => {
  for (const limit of ['abc', '0', '-1', '1.5'])
    expect(run('log', 'voron', `--limit=${limit}`)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('a number from 1 on'),
    });
  expect(run('conflicts', 'voron', '--done')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('which conflict'),
  });
});

it('a conflict is named, shown and settled', async () => {
  cloneOf(repositoryOf(server), join(folder, 'clone')).push({ 'printer.cfg': SAVED.replace('PA1', 'PB1') });
  await shipConfig(machine, second, { 'printer.cfg': SAVED.replace('PA1', 'PC1') });
  const [{ branch, paths }] = json('conflicts', 'voron');
  expect([branch, paths]).toEqual([expect.stringMatching(/^conflict\/\d{8}T\d{6}Z$/), ['printer.cfg']]);
  expect(run('conflicts', 'voron', branch).stdout).toMatch(/-pin: PC1\n\+pin: PB1/);
  expect(run('conflicts', 'voron', 'conflict/none').stderr).toContain('there is no conflict');
  expect(run('conflicts', 'voron', branch, '--done').status).toBe(0);
  expect(json('conflicts', 'voron')).toEqual([]);
});

it('a branch of a printer whose lease nobody ever had is seen, exported and taken', async () => {
  server.give('print01', { voron: { items: [CONFIG_ITEM] }, ender: { items: [CONFIG_ITEM] } });
  const alone = await shipConfig(machine, null, { 'printer.cfg': WRITTEN }, { lease: 0, boot: ALONE }, 'ender');
  const branch = String(alone.json.branch);
  expect(json('branches', 'ender')).toMatchObject([{ branch, items: [{ item: 'config', lacking: ['printer.cfg'] }] }]);
  const out = join(folder, 'out');
  expect(run('export', 'ender', '--out', out).status).toBe(0);
  expect(readFileSync(join(out, 'branches', branch, 'config/printer.cfg'), 'utf8')).toBe(WRITTEN);
  rmSync(join(server.state, 'state/ender/printer.json'));
  expect(json('branches', 'ender')).toMatchObject([{ branch, items: [{ item: 'config', lacking: ['printer.cfg'] }] }]);
  expect(run('take', 'ender', branch).status).toBe(0);
  await machine.lease('ender', BOOT);
  expect(run('log', 'ender').stdout).toContain('printer.cfg added');
});

it('list, branches, take, drop and export know configs', async () => {
  const alone = await shipConfig(machine, first, { 'a.cfg': '[a]\n' }, { lease: 0, boot: ALONE });
  const branch = String(alone.json.branch);
  expect(json('list')).toMatchObject([{ line: [{ item: 'config', id: second, kept: 2 }], branches: [branch] }]);
  expect(json('branches', 'voron')).toMatchObject([{ branch, items: [{ lacking: ['a.cfg', 'printer.cfg'] }] }]);
  expect(run('take', 'voron', branch).status).toBe(0);
  expect((await fetchConfig(machine)).files).toEqual({ 'printer.cfg': WRITTEN, 'a.cfg': '[a]\n' });
  const out = join(folder, 'out');
  expect(run('export', 'voron', '--out', out).status).toBe(0);
  expect(readFileSync(join(out, 'line/config/printer.cfg'), 'utf8')).toBe(WRITTEN);
  expect(readFileSync(join(out, 'branches', branch, 'config/a.cfg'), 'utf8')).toBe('[a]\n');
  runGit('/', 'clone', '-q', join(out, 'line/config/.git-history.bundle'), join(folder, 'again'));
  expect(readFileSync(join(folder, 'again/a.cfg'), 'utf8')).toBe('[a]\n');
  expect(run('drop', 'voron', branch).status).toBe(0);
  expect(runGit(repositoryOf(server), 'branch', '--format=%(refname:short)').trim()).toBe('main');
});

it('a printer without a config, and one that nobody knows, are told', async () => {
  server.give('print01', { ender: {} });
  expect(run('log', 'nobody').stderr).toContain('no printer nobody');
  expect(run('log', 'voron', '--item', 'other').stderr).toMatch(/voron has no other with a history here\n→ .*--item/);
  await machine.lease('ender', BOOT);
  for (const verb of ['log', 'diff', 'conflicts'])
    expect(run(verb, 'ender').stderr).toMatch(/ender has no config here\n→ a machine ships it/);
});
