import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cloneOf, repositoryOf, runGit, savedConfig } from '../../fixtures/config-host.ts';
import { loadConfig } from '../../fixtures/print-host/config-autosave.ts';
import { type PrintMachine, printMachine } from '../../fixtures/state/print-machine.ts';
import { type PrintServer, printServer } from '../../fixtures/state/print-server.ts';
import { CONFIG_ITEM } from '../../fixtures/state/printer-item.ts';

const [BOOT, NEXT, LATER] = ['b0000000-1', 'b0000000-2', 'b0000000-3'];
const DEAD = 'http://127.0.0.1:9';
const WRITTEN = '[printer]\nkinematics: corexy\n\n[probe]\npin: PA1\nz_offset: 1.5\n\n[fan]\npin: PA2\n';

const configOf = (data: string) => ({ ...CONFIG_ITEM, path: join(data, 'config') });

let server: PrintServer;
let machine: PrintMachine<ReturnType<typeof configOf>>;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'statectl-person-'));
  server = await printServer();
  machine = await printMachine(server, configOf);
  server.give('print01', { voron: { items: [machine.item] } });
});
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const at = (name: string): string => join(machine.item.path, name);
const write = (name: string, text: string | Buffer): void => writeFileSync(at(name), text);
const read = (name: string): string => readFileSync(at(name), 'utf8');
const git = (...words: readonly string[]): string => {
  try {
    return runGit(repositoryOf(server), ...words);
  } catch {
    return '';
  }
};
const line = (name: string): string => git('show', `main:${name}`);
const log = (ref = 'main'): readonly string[] => git('log', '--format=%an: %s', ref).trim().split('\n').filter(Boolean);
const until = (look: () => unknown, what: unknown) =>
  expect.poll(look, { timeout: 20_000, interval: 30 }).toEqual(what);
const names = (): readonly string[] => readdirSync(machine.item.path).filter((name) => !name.startsWith('.statectl-'));
/** As Klipper does it. */
function saveConfig(offset: string): void {
  const config = loadConfig(at('printer.cfg'));
  config.set('probe', 'z_offset', offset);
  config.save();
}
const person = (name = 'clone') => cloneOf(repositoryOf(server), join(folder, name));
/** A machine whose first config is on the line. */
async function running(files: Record<string, string> = { 'printer.cfg': WRITTEN }): Promise<void> {
  await machine.boot(BOOT);
  for (const [name, text] of Object.entries(files)) write(name, text);
  machine.keep();
  await until(() => line('printer.cfg'), files['printer.cfg'] ?? '');
  await machine.status(({ state }) => state === 'in-step');
}

it('a SAVE_CONFIG is a commit on the server within three seconds, and the next boot of an empty machine has it', async () => {
  await running();
  const began = performance.now();
  saveConfig('2.25');
  await until(() => log(), ['voron: SAVE_CONFIG: [probe] z_offset 1.5 -> 2.25', 'voron: printer.cfg added']);
  expect(performance.now() - began).toBeLessThan(3_000);
  const saved = read('printer.cfg');
  // The dated backup is the commit before.
  expect(git('ls-tree', '--name-only', 'main').trim()).toBe('printer.cfg');
  await machine.powerOff();
  rmSync(machine.kept, { recursive: true });
  expect((await machine.boot(NEXT)).items.config?.base).toBe(git('rev-parse', 'main').trim());
  expect([names(), read('printer.cfg')]).toEqual([['printer.cfg'], saved]);
  expect(statSync(at('printer.cfg')).mode & 0o777).toBe(0o644);
  expect(machine.warnings).toEqual([]);
});

it('what editors leave is no state; folders that are made later are watched, and what is removed is removed', async () => {
  await running();
  for (const name of ['.printer.cfg.swp', '4913', 'printer.cfg~', '.moonraker.conf.bkp']) write(name, '[x]\n');
  mkdirSync(at('macros'));
  await until(() => existsSync(at('macros')), true);
  write('macros/a.cfg', '[a]\n');
  write('tmp-upload', '[b]\n');
  renameSync(at('tmp-upload'), at('b.cfg'));
  await until(() => [line('macros/a.cfg'), line('b.cfg')], ['[a]\n', '[b]\n']);
  write('macros/a.cfg', '[a]\n# more\n');
  await until(() => line('macros/a.cfg'), '[a]\n# more\n');
  rmSync(at('b.cfg'));
  await until(() => git('ls-tree', '-r', '--name-only', 'main').trim().split('\n'), ['macros/a.cfg', 'printer.cfg']);
});

it('what people push is there while nothing prints, and waits while something does', async () => {
  await machine.boot(BOOT);
  write('printer.cfg', WRITTEN);
  let isPrinting = true;
  machine.keep({ isPrinting: () => isPrinting });
  await until(() => line('printer.cfg'), WRITTEN);
  person().push({ 'printer.cfg': `${WRITTEN}# pushed\n`, 'new/a.cfg': '[a]\n' });
  expect(await machine.status(({ why }) => why?.includes('waits for the end') === true)).toMatchObject({
    state: 'in-step',
  });
  expect([read('printer.cfg'), existsSync(at('new/a.cfg'))]).toEqual([WRITTEN, false]);
  isPrinting = false;
  await until(() => read('printer.cfg'), `${WRITTEN}# pushed\n`);
  await until(() => existsSync(at('new/a.cfg')), true);
  // What was given is no change of the printer's.
  write('own.cfg', '[own]\n');
  await until(() => log()[0], 'voron: own.cfg added');
  expect(log()).toHaveLength(3);
});

it('where both changed the same the live file stays untouched, and the conflict is on the server', async () => {
  await machine.boot(BOOT);
  write('printer.cfg', WRITTEN);
  let isPrinting = true;
  machine.keep({ isPrinting: () => isPrinting });
  await until(() => line('printer.cfg'), WRITTEN);
  person().push({ 'printer.cfg': WRITTEN.replace('PA2', 'PC2'), 'fine.cfg': '[fine]\n' });
  const mine = WRITTEN.replace('PA2', 'PD2');
  write('printer.cfg', mine);
  await until(() => line('printer.cfg'), mine);
  isPrinting = false;
  await until(() => existsSync(at('fine.cfg')), true);
  expect([read('printer.cfg'), names()]).toEqual([mine, ['fine.cfg', 'printer.cfg']]);
  expect(git('branch', '--list', 'conflict/*').trim().split('\n')).toHaveLength(1);
});

it.each<[string, () => void]>([
  ['empty', () => write('printer.cfg', '')],
  ['full of NUL', () => write('printer.cfg', Buffer.alloc(4096))],
  ['no config', () => write('printer.cfg', 'nothing\n')],
  ['gone', () => rmSync(at('printer.cfg'))],
  [
    'a link',
    () => {
      rmSync(at('printer.cfg'));
      symlinkSync('/etc/hostname', at('printer.cfg'));
    },
  ],
  ['of 10 MB', () => write('printer.cfg', `[printer]\n${'# x\n'.repeat(2_500_000)}`)],
])('a printer.cfg that is %s while the machine runs is not shipped, and told; all else is', async (_title, harm) => {
  await running();
  harm();
  write('other.cfg', '[other]\n');
  await until(() => line('other.cfg'), '[other]\n');
  expect(await machine.status(({ state }) => state === 'fault')).toMatchObject({
    why: expect.stringContaining('printer.cfg'),
  });
  expect(line('printer.cfg')).toBe(WRITTEN);
});

it('a printer.cfg that is no config gives way to one that a person pushes, and is kept', async () => {
  await running();
  write('printer.cfg', 'garbage\n');
  await machine.status(({ state }) => state === 'fault');
  person().push({ 'printer.cfg': `${WRITTEN}# mended\n` });
  await until(() => read('printer.cfg'), `${WRITTEN}# mended\n`);
  const damaged = join(machine.kept, 'damaged');
  const [time = ''] = readdirSync(damaged);
  expect(readFileSync(join(damaged, time, 'printer.cfg'), 'utf8')).toBe('garbage\n');
  write('next.cfg', '[next]\n');
  await until(() => line('next.cfg'), '[next]\n');
  expect(line('printer.cfg')).toBe(`${WRITTEN}# mended\n`);
});

it.each<[string, () => void, string]>([
  ['empty', () => write('printer.cfg', ''), 'empty'],
  ['full of NUL', () => write('printer.cfg', Buffer.alloc(4096)), 'damaged'],
  ['missing', () => rmSync(at('printer.cfg')), 'missing'],
])(
  'a printer.cfg that a power cut left %s is put right at boot, from what the machine kept, and the bad one is kept',
  async (_title, harm, word) => {
    await running({ 'printer.cfg': WRITTEN, 'macros.cfg': '[m]\n' });
    await machine.agentDies();
    harm();
    write('macros.cfg', '');
    await machine.boot(NEXT);
    expect([read('printer.cfg'), read('macros.cfg')]).toEqual([WRITTEN, '[m]\n']);
    expect(machine.warnings.join('\n')).toContain(`printer.cfg was ${word}: it is taken from what this machine kept`);
    const bad = readdirSync(join(machine.kept, 'damaged'), { recursive: true }).filter((name) =>
      `${name}`.endsWith('.cfg'),
    );
    expect(bad).toHaveLength(word === 'missing' ? 1 : 2);
    expect(log()).toHaveLength(1);
  },
);

it('without a server and without anything kept, a dated backup beside an empty printer.cfg is taken, the newest good one', async () => {
  const old = savedConfig(WRITTEN, '[probe]\nz_offset = 1');
  write('printer.cfg', '');
  write('printer-20261130_061706.cfg', old);
  write('printer-20261130_061707.cfg', Buffer.alloc(100));
  write('printer-20261029_061706.cfg', WRITTEN);
  await machine.boot(BOOT, { urls: [DEAD] });
  expect(read('printer.cfg')).toBe(old);
  expect(machine.warnings.join('\n')).toContain('taken from printer-20261130_061706.cfg');
});

it('a SAVE_CONFIG that was cut between its two renames is finished', async () => {
  await running();
  await machine.agentDies();
  const saved = savedConfig(WRITTEN.replace('z_offset', '#z_offset'), '[probe]\nz_offset = 2.25');
  renameSync(at('printer.cfg'), at('printer-20261130_061706.cfg'));
  write('printer_autosave.cfg', saved);
  await machine.boot(NEXT);
  expect(read('printer.cfg')).toBe(saved);
  expect(log()[0]).toBe('voron: SAVE_CONFIG: [probe] z_offset 1.5 -> 2.25');
});

it('what was saved while the server was away is in the line after the next boot, with what people pushed meanwhile', async () => {
  await running();
  await machine.agentDies();
  person().push({ 'printer.cfg': WRITTEN.replace('PA1', 'PB7') });
  machine.keep({ ask: async () => Promise.reject(new Error('no route to the server')) });
  saveConfig('2.25');
  expect(await machine.status(({ state }) => state === 'ahead')).toMatchObject({
    ahead: 'printer.cfg',
    why: 'no route to the server',
    sinceMs: expect.any(Number),
  });
  await machine.powerOff();
  await machine.boot(NEXT);
  expect(read('printer.cfg')).toContain('z_offset = 2.25');
  expect(read('printer.cfg')).toContain('pin: PB7');
  expect(read('printer.cfg')).toBe(line('printer.cfg'));
  machine.keep();
  await machine.status(({ state }) => state === 'in-step');
  expect(log()).toHaveLength(4);
});

it('a boot without any server begins with what the disk has, and is a branch; the next boot has the line', async () => {
  await running();
  await machine.powerOff();
  const session = await machine.boot(NEXT, { urls: [DEAD] });
  expect([session.lease, read('printer.cfg')]).toEqual([0, WRITTEN]);
  machine.keep();
  saveConfig('3');
  const { branch } = await machine.status(({ state }) => state === 'branch');
  expect(log(`machine/${branch}`)[0]).toBe('voron: SAVE_CONFIG: [probe] z_offset 1.5 -> 3');
  await machine.powerOff();
  await machine.boot(LATER);
  expect([read('printer.cfg'), log()]).toEqual([WRITTEN, ['voron: printer.cfg added']]);
});

it('a branch that no server heard of is shipped as one by the next boot, which has the line', async () => {
  await running();
  await machine.powerOff();
  await machine.boot(NEXT, { urls: [DEAD] });
  machine.keep({ ask: async () => Promise.reject(new Error('no route to the server')) });
  saveConfig('3');
  await machine.status(({ state }) => state === 'ahead');
  await machine.powerOff();
  await machine.boot(LATER);
  expect(read('printer.cfg')).toBe(WRITTEN);
  expect(machine.warnings.join('\n')).toMatch(/is the branch \d{8}-print01-/);
  const [branch = ''] = git('branch', '--format=%(refname:short)', '--list', 'machine/*').trim().split('\n');
  expect(git('show', `${branch}:printer.cfg`)).toContain('z_offset = 3');
});

it('what is there already, and is not of the line, is put aside and told; files of another item are left alone', async () => {
  await running({ 'printer.cfg': WRITTEN });
  await machine.powerOff();
  rmSync(machine.kept, { recursive: true });
  write('printer.cfg', '[default]\n');
  write('extra.cfg', '[extra]\n');
  await machine.boot(NEXT);
  expect([read('printer.cfg'), read('extra.cfg')]).toEqual([WRITTEN, '[extra]\n']);
  expect(readFileSync(join(machine.kept, `before-${NEXT}`, 'printer.cfg'), 'utf8')).toBe('[default]\n');
  write('variables.cfg', '[Variables]\n');
  machine.keep({ apart: ['variables.cfg'] });
  await until(() => line('extra.cfg'), '[extra]\n');
  expect(line('variables.cfg')).toBe('');
});

it('what is put aside keeps its path and what was put aside before: names that differ in a slash alone, or are as long as can be', async () => {
  const long = 'é'.repeat(125);
  const all = ['printer.cfg', 'a_b.cfg', 'a/b.cfg', `${long}/${long}.cfg`];
  await running(Object.fromEntries([['printer.cfg', WRITTEN]]));
  for (const name of all.slice(1)) {
    mkdirSync(join(at(name), '..'), { recursive: true });
    write(name, `[line ${name}]\n`);
    await until(() => line(name), `[line ${name}]\n`);
  }
  for (const [folder, text] of [
    [`before-${NEXT}`, 'one'],
    [`before-${NEXT}-2`, 'two'],
  ] as const) {
    await machine.powerOff();
    rmSync(join(machine.kept, 'config.json'), { force: true });
    for (const name of all) {
      mkdirSync(join(at(name), '..'), { recursive: true });
      write(name, `[${text} ${name}]\n`);
    }
    await machine.boot(NEXT);
    for (const name of all) expect(readFileSync(join(machine.kept, folder, name), 'utf8')).toBe(`[${text} ${name}]\n`);
  }
  expect(readFileSync(join(machine.kept, `before-${NEXT}`, 'a_b.cfg'), 'utf8')).toBe('[one a_b.cfg]\n');
});

it('a damaged file whose name is as long as can be is kept, too', async () => {
  const long = `${'é'.repeat(125)}.cfg`;
  await running();
  write(long, '[good]\n');
  await until(() => line(long), '[good]\n');
  await machine.agentDies();
  write(long, '\0\0');
  await machine.boot(NEXT);
  expect(read(long)).toBe('[good]\n');
  const [time = ''] = readdirSync(join(machine.kept, 'damaged'));
  expect(readFileSync(join(machine.kept, 'damaged', time, long), 'utf8')).toBe('\0\0');
});

it('a file that the server has and a power cut tore is put right, too, where the agent had no time to note that it was taken', async () => {
  await running();
  await machine.status(({ state }) => state === 'in-step');
  const before = [at('.statectl-tmp/note.json'), join(machine.kept, 'config.json')].map(
    (path) => [path, readFileSync(path)] as const,
  );
  write('new.cfg', '[good]\n');
  await until(() => line('new.cfg'), '[good]\n');
  await machine.agentDies();
  for (const [path, bytes] of before) writeFileSync(path, bytes);
  write('new.cfg', '\0\0');
  await machine.boot(NEXT);
  expect(read('new.cfg')).toBe('[good]\n');
  expect(line('new.cfg')).toBe('[good]\n');
});

it('links in the config lead nowhere: nothing is read or written through them, and they are told', async () => {
  await running();
  const secret = join(folder, 'secret');
  mkdirSync(secret);
  writeFileSync(join(secret, 'key.cfg'), '[secret]\n');
  symlinkSync(join(secret, 'key.cfg'), at('key.cfg'));
  symlinkSync(secret, at('dir'));
  write('x.cfg', '[x]\n');
  expect(await machine.status(({ why }) => why?.includes('key.cfg') === true)).toMatchObject({ state: 'in-step' });
  await until(() => line('x.cfg'), '[x]\n');
  expect(git('ls-tree', '-r', '--name-only', 'main').trim().split('\n')).toEqual(['printer.cfg', 'x.cfg']);
  person().push({ 'dir/key.cfg': '[written]\n' });
  expect(await machine.status(({ state }) => state === 'fault')).toMatchObject({
    why: expect.stringContaining('cannot write'),
  });
  expect(readFileSync(join(secret, 'key.cfg'), 'utf8')).toBe('[secret]\n');
});
