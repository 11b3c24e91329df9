import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { sshdPrograms } from '../../fixtures/identity/sshd.ts';
import { type MainsailHost, mainsailHost } from '../../fixtures/state/mainsail-host.ts';
import { type AdoptingServer, adoptingServer } from './adopting.ts';

const programs = sshdPrograms();
const DATA = '/home/pi/printer_data';
const printers = [{ name: 'voron', folder: DATA }];

let host: MainsailHost;
let server: AdoptingServer;
beforeAll(async () => {
  if (programs) host = await mainsailHost(programs);
});
afterAll(() => host?.[Symbol.asyncDispose]());
beforeEach(async (context) => {
  if (!programs) context.skip('needs root, namespaces, and the package openssh-server, from apt if need be');
  server = adoptingServer();
  return () => server[Symbol.asyncDispose]();
});

const here = (...words: readonly string[]): string =>
  execFileSync('git', ['-c', 'safe.directory=*', `--git-dir=${server.state}/git/voron/config.git`, ...words], {
    encoding: 'utf8',
  }).trim();

/** An account that is on every Debian. */
const SERVERS = 65_534;

it('what root adopts belongs to whom the state of the server belongs, each file of it', async () => {
  chmodSync(server.folder, 0o755);
  for (const path of [server.state, join(server.state, 'images')]) chownSync(path, SERVERS, SERVERS);
  host.write(`${DATA}/gcodes/large.gcode`, Buffer.alloc(20 << 20, 'G1 X1\n'));
  const { printers: taken } = await server.adopt(host, { printers });
  rmSync(join(host.root, `${DATA}/gcodes/large.gcode`));
  expect(taken).toMatchObject([{ database: { isNew: true }, variables: { isNew: true }, missed: [] }]);
  const all = ['**', '**/.*'].flatMap((pattern) => globSync(pattern, { cwd: server.state }));
  expect(all.length).toBeGreaterThan(50);
  expect(all.filter((path) => lstatSync(join(server.state, path)).uid !== SERVERS)).toEqual([]);
  expect(existsSync(join(server.config, 'nodes/voron.conf'))).toBe(true);
  expect(lstatSync(join(server.config, 'nodes/voron.conf')).uid).toBe(0);
});

it('a database of before Moonraker 0.9 is never passed over: what it is, and what to do before', async () => {
  const database = `${DATA}/database/moonraker-sql.db`;
  const kept = readFileSync(join(host.root, database));
  rmSync(join(host.root, database));
  try {
    const none = await server.plan(host, { printers });
    expect(none.printers[0]?.left).toContainEqual({
      what: `${DATA}/database`,
      why: 'there is no database of Moonraker in it (moonraker-sql.db)',
    });
    host.write(`${DATA}/database/data.mdb`, Buffer.alloc(8192));
    const { plan, printers: taken } = await server.adopt(host, { printers });
    expect(plan.printers[0]?.database).toBe(null);
    const [said] = plan.printers[0]?.lookAt ?? [];
    expect(said).toEqual({ what: `${DATA}/database/data.mdb`, why: expect.stringContaining('pip install lmdb') });
    expect(taken).toMatchObject([{ database: null, gcode: { added: 6 } }]);
    host.write(database, kept);
    // What Moonraker made one of stays beside it, and is nothing to tell.
    const again = await server.plan(host, { printers });
    expect(JSON.stringify(again)).not.toContain('data.mdb');
  } finally {
    rmSync(join(host.root, `${DATA}/database/data.mdb`), { force: true });
    host.write(database, kept);
  }
});

it('a host whose find or tar is none of GNU is refused, and nothing of it is taken for empty', async () => {
  await server.adopt(host, { printers });
  for (const [name, words] of [
    ['find', 'find, tar'],
    ['tar', 'tar'],
  ] as const) {
    const real = join(host.root, `opt/bin/${name}`);
    rmSync(real);
    // As that of busybox: it knows neither -printf nor --version.
    writeFileSync(real, '#!/bin/sh\necho "BusyBox v1.35.0 multi-call binary" >&2\nexit 1\n', { mode: 0o755 });
    try {
      await expect(server.adopt(host, { printers })).rejects.toMatchObject({
        code: 'adopt-unfit',
        message: expect.stringContaining(`no GNU ${name}`),
        hint: expect.stringContaining(words.split(', ')[0] === 'find' ? 'findutils' : 'tar'),
      });
    } finally {
      rmSync(real);
      symlinkSync(`/usr/bin/${name}`, real);
    }
  }
  const { printers: taken } = await server.adopt(host, { printers });
  expect(taken).toMatchObject([{ config: { changed: 0 }, gcode: { added: 0, removed: 0 } }]);
});

it('a folder that is a link into the home, as that of KAMP, is taken with what is a config in it; no other is', async () => {
  host.write('/home/pi/KAMP/Configuration/Adaptive_Meshing.cfg', '[gcode_macro KAMP]\n');
  host.write('/home/pi/KAMP/Configuration/deep/more.cfg', '[gcode_macro MORE]\n');
  host.write('/home/pi/KAMP/Configuration/install.sh', 'rm -rf /\n');
  host.write('/home/pi/.secret/keys.cfg', 'hunter2\n');
  const links = [
    ['KAMP', '/home/pi/KAMP/Configuration'],
    ['secret', '/home/pi/.secret'],
    ['home', '/home/pi'],
    ['data', DATA],
    ['etc', '/etc/ssh'],
    ['nowhere', '/home/pi/nowhere'],
  ] as const;
  for (const [name, target] of links) symlinkSync(target, join(host.root, DATA, 'config', name));
  try {
    const { plan } = await server.adopt(host, { printers });
    const files = here('ls-tree', '-r', '--name-only', 'main').split('\n');
    expect(files).toEqual([
      ...['KAMP/Adaptive_Meshing.cfg', 'KAMP/deep/more.cfg', 'macros/start.cfg', 'mainsail.cfg', 'moonraker.conf'],
      'printer.cfg',
    ]);
    const [left, lookAt] = [plan.printers[0]?.left, plan.printers[0]?.lookAt].map((all) =>
      all?.map(({ what }) => what),
    );
    for (const [name] of links.slice(1)) expect(left).toContain(`${DATA}/config/${name}`);
    expect(lookAt).toContain('KAMP is a link to /home/pi/KAMP/Configuration');
    // What is gone from there goes from here, too.
    rmSync(join(host.root, '/home/pi/KAMP/Configuration/deep'), { recursive: true });
    await server.adopt(host, { printers });
    expect(here('ls-tree', '-r', '--name-only', 'main')).not.toContain('more.cfg');
  } finally {
    for (const [name] of links) rmSync(join(host.root, DATA, 'config', name));
  }
});

it('gcode that Klipper prints from elsewhere is taken where that is all, and told where it is not', async () => {
  const path = join(host.root, DATA, 'config/printer.cfg');
  const [cfg, gcodes] = [readFileSync(path, 'utf8'), join(host.root, DATA, 'gcodes')];
  const aside = `${gcodes}.aside`;
  host.write('/media/usb stick/ä cube.gcode', 'G28\n');
  host.write(`${DATA}/config/printer.cfg`, cfg.replace('~/printer_data/gcodes', '/media/usb stick'));
  try {
    const both = await server.plan(host, { printers });
    expect(both.printers[0]).toMatchObject({ gcode: { files: 6 } });
    expect(both.printers[0]?.lookAt[0]).toEqual({
      what: 'printer.cfg: [virtual_sdcard] path: /media/usb stick',
      why: expect.stringContaining('is not taken'),
    });
    renameSync(gcodes, aside);
    mkdirSync(gcodes);
    const { plan, printers: taken } = await server.adopt(host, { printers });
    expect(plan.printers[0]?.lookAt[0]?.why).toContain('say that path');
    expect(taken).toMatchObject([{ gcode: { added: 1, bytes: 4 }, missed: [] }]);
    // A link to it is the same folder.
    rmSync(gcodes, { recursive: true });
    symlinkSync('/media/usb stick', gcodes);
    const linked = await server.plan(host, { printers });
    expect(linked.printers[0]).toMatchObject({ gcode: { files: 1 } });
    expect(JSON.stringify(linked.printers[0]?.lookAt)).not.toContain('say that path');
  } finally {
    rmSync(gcodes, { recursive: true });
    renameSync(aside, gcodes);
    host.write(`${DATA}/config/printer.cfg`, cfg);
  }
});
