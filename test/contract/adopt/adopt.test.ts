import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { planText } from '../../../src/commands/adopt-text.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import type { AdoptionPlan } from '../../../src/server/admin/adopt/adopt-host.ts';
import { exportPrinter } from '../../../src/server/admin/printers/export-printer.ts';
import { configLog } from '../../../src/server/admin/printers/printer-configs.ts';
import { listPrinters } from '../../../src/server/admin/printers/printers.ts';
import { serverState } from '../../../src/server/admin/server-state.ts';
import { HANG_MS } from '../../fixtures/hang.ts';
import { sshdPrograms } from '../../fixtures/identity/sshd.ts';
import { type MainsailHost, mainsailHost } from '../../fixtures/state/mainsail-host.ts';
import { type AdoptingServer, adoptingServer } from './adopting.ts';

const programs = sshdPrograms();
const DATA = '/home/pi/printer_1_data';
const GCODES = [
  '.thumbs/cube-32x32.png',
  'cube.gcode',
  'empty.gcode',
  'parts/-C back\\slash.gcode',
  'parts/two\nlines.gcode',
  'parts/Übergang – Teil 1.gcode',
];

let host: MainsailHost;
let server: AdoptingServer;
beforeAll(async () => {
  if (programs) host = await mainsailHost(programs, { folders: ['printer_1_data', 'printer_voron_data'] });
});
afterAll(() => host?.[Symbol.asyncDispose]());
beforeEach(async (context) => {
  if (!programs) context.skip('needs root, namespaces, and the package openssh-server, from apt if need be');
  server = adoptingServer();
  return () => server[Symbol.asyncDispose]();
});

const stateOf = () => serverState(server.state, linuxHost());
const on = (path: string): string => join(host.root, path);
const dumpOf = (path: string): readonly unknown[] => {
  const database = new DatabaseSync(path, { readOnly: true });
  const tables = ['table_registry', 'namespace_store', 'job_history'];
  const rows = tables.map((table) => database.prepare(`SELECT * FROM ${table}`).all());
  database.close();
  return rows;
};
async function exported(printer: string): Promise<string> {
  const out = join(server.folder, 'out', printer);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(server.folder, 'out'), { recursive: true });
  await exportPrinter(stateOf(), printer, out);
  return join(out, 'line');
}

describe('a host with two printers', () => {
  it('is adopted with each byte of both, and nothing of it is changed', async () => {
    const before = host.fingerprint();
    const { printers } = await server.adopt(host);
    expect(host.fingerprint()).toBe(before);
    expect(printers.map(({ printer, missed }) => [printer, missed])).toEqual([
      ['voron-1', []],
      ['voron', []],
    ]);
    for (const [printer, folder] of [
      ['voron-1', DATA],
      ['voron', '/home/pi/printer_voron_data'],
    ] as const) {
      const line = await exported(printer);
      const same = (to: string, from: string) =>
        expect([to, readFileSync(join(line, to))]).toEqual([to, readFileSync(on(`${folder}/${from}`))]);
      for (const path of GCODES) same(`gcode/files/${path}`, `gcodes/${path}`);
      for (const path of ['printer.cfg', 'moonraker.conf', 'macros/start.cfg'])
        same(`config/${path}`, `config/${path}`);
      same('variables/variables.cfg', 'config/saved.cfg');
      same('database/.moonraker.uuid', '.moonraker.uuid');
      same('database/moonraker-sql.db', 'database/moonraker-sql.db');
      // A link into the same home is the file that Klipper reads.
      expect(readFileSync(join(line, 'config/mainsail.cfg'), 'utf8')).toBe('[pause_resume]\n');
      expect(readdirSync(join(line, 'config')).toSorted()).toEqual(
        ['.git-history.bundle', 'macros', 'mainsail.cfg', 'moonraker.conf', 'printer.cfg'].toSorted(),
      );
      const { files } = JSON.parse(readFileSync(join(line, 'gcode/index.json'), 'utf8'));
      const cube = files.find(({ path }: { path: string }) => path === 'cube.gcode');
      expect(cube.mtimeNs).toBe(String(statSync(on(`${folder}/gcodes/cube.gcode`), { bigint: true }).mtimeNs));
    }
    const [first] = await configLog(stateOf(), { printer: 'voron' }, { limit: 9 });
    expect(first).toMatchObject({ author: 'voron' });
    expect(readFileSync(join(server.config, 'nodes/voron.conf'), 'utf8')).toContain(
      'services: { klipper: klipper-1, moonraker: moonraker-1 }',
    );
    expect(await listPrinters(stateOf())).toMatchObject([
      { printer: 'voron', node: 'voron', branches: [] },
      { printer: 'voron-1', node: 'voron', branches: [] },
    ]);
  });

  it('a second run takes what changed since, and nothing else', async () => {
    const printers = [{ name: 'ender', folder: '~/printer_1_data' }];
    await server.adopt(host, { node: 'print07', printers });
    const again = await server.adopt(host, { node: 'print07', printers });
    expect(again.plan.isChanged).toBe(false);
    expect(again.printers).toMatchObject([
      {
        config: { changed: 0 },
        gcode: { added: 0, removed: 0, bytes: 0 },
        variables: { isNew: false },
        database: { isNew: false },
      },
    ]);
    host.write(`${DATA}/gcodes/new.gcode`, 'G1\n');
    host.write(
      `${DATA}/config/printer.cfg`,
      `${readFileSync(on(`${DATA}/config/printer.cfg`), 'utf8')}[idle_timeout]\n`,
    );
    host.write(`${DATA}/config/saved.cfg`, "[Variables]\nfilament_loaded = 'PETG'\n\n");
    rmSync(on(`${DATA}/gcodes/empty.gcode`));
    const database = new DatabaseSync(on(`${DATA}/database/moonraker-sql.db`));
    database.exec("INSERT INTO job_history (filename, status) VALUES ('new.gcode', 'completed')");
    database.close();
    const third = await server.adopt(host, { node: 'print07', printers });
    expect(third.printers).toMatchObject([
      {
        config: { changed: 1 },
        gcode: { added: 1, removed: 1, bytes: 3 },
        variables: { isNew: true },
        database: { isNew: true },
      },
    ]);
    const line = await exported('ender');
    expect(dumpOf(join(line, 'database/moonraker-sql.db'))).toEqual(dumpOf(on(`${DATA}/database/moonraker-sql.db`)));
    expect(readFileSync(join(line, 'variables/variables.cfg'), 'utf8')).toContain('PETG');
    expect(existsSync(join(line, 'gcode/files/empty.gcode'))).toBe(false);
    expect(await configLog(stateOf(), { printer: 'ender' }, { limit: 9 })).toHaveLength(2);
    host.write(`${DATA}/gcodes/empty.gcode`, '');
  });

  it('what cannot be looked into any more is not taken for deleted', async () => {
    const printers = [{ name: 'voron', folder: DATA }];
    await server.adopt(host, { printers });
    chmodSync(on(`${DATA}/gcodes/parts`), 0);
    chmodSync(on(`${DATA}/gcodes/cube.gcode`), 0);
    try {
      appendFileSync(on(`${DATA}/gcodes/cube.gcode`), 'G1\n');
      const { plan, printers: taken } = await server.adopt(host, { printers });
      expect(taken).toMatchObject([
        { gcode: { added: 0, removed: 0 }, missed: [{ path: `${DATA}/gcodes/cube.gcode` }] },
      ]);
      expect(plan.printers[0]?.left).toContainEqual({
        what: `${DATA}/gcodes/parts`,
        why: 'this account may not look into it',
      });
      expect(existsSync(join(await exported('voron'), 'gcode/files/parts/two\nlines.gcode'))).toBe(true);
      chmodSync(on(`${DATA}/config`), 0);
      await expect(server.plan(host, { printers })).rejects.toMatchObject({
        code: 'adopt-nothing',
        hint: expect.stringContaining('log in as pi'),
      });
    } finally {
      for (const path of ['gcodes/parts', 'gcodes/cube.gcode', 'config']) chmodSync(on(`${DATA}/${path}`), 0o755);
    }
  });

  it('says what it would do, and does nothing, with --dry-run', () => {
    const words = ['pi@127.0.0.1', '-p', String(host.port), '--state', server.state, '--config', server.config];
    const options = host.sshOptions.flatMap((one) => ['--ssh-option', one]);
    const run = (...more: string[]) =>
      spawnSync(process.execPath, ['src/main.ts', 'adopt', ...words, ...options, '--dry-run', ...more], {
        encoding: 'utf8',
      });
    const { stdout, status } = run('--json');
    expect(status).toBe(0);
    const plan = JSON.parse(stdout) as AdoptionPlan;
    expect(plan).toMatchObject({ node: 'voron', printers: [{ name: 'voron-1' }, { name: 'voron' }] });
    for (const said of [
      ...['printer voron-1: /home/pi/printer_1_data', 'crowsnest', 'KlipperScreen', 'z_probe.py', 'nice.conf'],
      ...['home.nmconnection', 'account lisa', 'usb-Klipper', '/usr/local/bin/beep', '[update_manager]', 'in RAM'],
    ])
      expect(planText(plan)).toContain(said);
    expect(stdout).not.toContain('hunter2');
    expect(readdirSync(server.state)).toEqual(['images']);
    expect(existsSync(join(server.config, 'nodes/voron.conf'))).toBe(false);
  });
});

describe('the database is copied at one moment', () => {
  const printers = [{ name: 'voron', folder: DATA }];
  const without = async (gone: readonly string[], task: () => Promise<void>) => {
    for (const name of gone) rmSync(on(`/opt/bin/${name}`));
    try {
      await task();
    } finally {
      for (const name of gone) symlinkSync(`/usr/bin/${name}`, on(`/opt/bin/${name}`));
    }
  };
  it.each([
    [[], 'in a read transaction of the python3 there'],
    [['python3'], 'in a read transaction of the sqlite3 there'],
    [['python3', 'sqlite3'], 'as a file, which was the same twice'],
  ] as const)('on a host without %j %s', async (gone, how) => {
    await without(gone, async () => {
      const { printers: taken } = await server.adopt(host, { printers });
      expect(taken).toMatchObject([{ database: { isNew: true, how } }]);
      const line = await exported('voron');
      expect(dumpOf(join(line, 'database/moonraker-sql.db'))).toEqual(dumpOf(on(`${DATA}/database/moonraker-sql.db`)));
    });
  });

  it('with the hot journal that a power cut left, which is played back here and stays there', async () => {
    const path = on(`${DATA}/database/moonraker-sql.db`);
    const good = readFileSync(path);
    const database = new DatabaseSync(path);
    database.exec("PRAGMA cache_size = 1; BEGIN; UPDATE job_history SET status = 'lost'");
    database.exec(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO job_history (filename, status) SELECT 'x' || i, 'lost' FROM n",
    );
    const [torn, journal] = [readFileSync(path), readFileSync(`${path}-journal`)];
    database.exec('ROLLBACK');
    database.close();
    expect(torn.equals(good)).toBe(false);
    host.write(`${DATA}/database/moonraker-sql.db`, torn);
    host.write(`${DATA}/database/moonraker-sql.db-journal`, journal);
    try {
      const { printers: taken } = await server.adopt(host, { printers });
      expect(taken).toMatchObject([{ database: { how: expect.stringContaining('hot journal') } }]);
      expect(readFileSync(join(await exported('voron'), 'database/moonraker-sql.db'))).toEqual(good);
      expect(readFileSync(`${path}-journal`)).toEqual(journal);
    } finally {
      rmSync(`${path}-journal`);
      host.write(`${DATA}/database/moonraker-sql.db`, good);
    }
  });

  it('with a write-ahead log that somebody chose, by the python3 there', async () => {
    const path = on(`${DATA}/database/moonraker-sql.db`);
    const good = readFileSync(path);
    const database = new DatabaseSync(path);
    database.exec(
      "PRAGMA journal_mode = wal; INSERT INTO job_history (filename, status) VALUES ('in-the-log.gcode', 'completed')",
    );
    try {
      const { printers: taken } = await server.adopt(host, { printers });
      expect(taken).toMatchObject([{ database: { how: expect.stringContaining('python3') } }]);
      expect(JSON.stringify(dumpOf(join(await exported('voron'), 'database/moonraker-sql.db')))).toContain(
        'in-the-log',
      );
    } finally {
      database.close();
      host.write(`${DATA}/database/moonraker-sql.db`, good);
    }
  });

  it('and one that is damaged is told and kept apart, while all else is taken', async () => {
    const path = `${DATA}/database/moonraker-sql.db`;
    const good = readFileSync(on(path));
    host.write(path, Buffer.from(good).fill(0x5a, 4096, 12_288));
    try {
      const { printers: taken } = await server.adopt(host, { printers });
      expect(taken).toMatchObject([{ database: null, missed: [{ why: expect.stringContaining('no good') }] }]);
      expect(await listPrinters(stateOf())).toMatchObject([{ apart: [{ item: 'database' }] }]);
    } finally {
      host.write(path, good);
    }
  });
});

describe('what is refused leaves everything as it was', () => {
  const nothingIsThere = async () => {
    expect(await listPrinters(stateOf())).toEqual([]);
    expect(existsSync(join(server.config, 'nodes/voron.conf'))).toBe(false);
  };

  it('a host whose key is another than the one that is known', async () => {
    const other = join(server.folder, 'known');
    const line = readFileSync(/UserKnownHostsFile=(.*)/m.exec(host.sshOptions.join('\n'))?.[1] ?? '', 'utf8');
    const key = readFileSync(join(host.root, '../other.pub'), 'utf8');
    writeFileSync(other, `${line.split(' ')[0]} ${key}`);
    const sshOptions = [`UserKnownHostsFile=${other}`, ...host.sshOptions];
    await expect(server.plan(host, { sshOptions })).rejects.toMatchObject({
      code: 'adopt-refused',
      message: expect.stringContaining('host key'),
    });
    await nothingIsThere();
  });

  it('a host that lets this key not in', async () => {
    const sshOptions = [`IdentityFile=${join(host.root, '../other')}`, ...host.sshOptions.slice(1)];
    await expect(server.plan(host, { sshOptions })).rejects.toMatchObject({
      code: 'adopt-refused',
      message: expect.stringContaining('nobody in'),
    });
  });

  it('a host that is away', async () => {
    await host.stop();
    try {
      await expect(server.plan(host)).rejects.toMatchObject({ code: 'adopt-unreachable' });
    } finally {
      await host.start();
    }
  });

  it('a printer whose name another node has', async () => {
    writeFileSync(
      join(server.config, 'nodes/print01.conf'),
      'node: print01\nset: { state: { printers: { voron: { data: /home/pi/printer_data, user: pi } } } }\n',
    );
    await expect(server.plan(host)).rejects.toMatchObject({
      code: 'adopt-name',
      message: expect.stringContaining('print01'),
    });
    await nothingIsThere();
  });

  it('a printer that a machine goes on with by now', async () => {
    const printers = [{ name: 'voron', folder: DATA }];
    await server.adopt(host, { printers });
    const record = join(server.state, 'state/voron/printer.json');
    const { holders, ...rest } = JSON.parse(readFileSync(record, 'utf8'));
    const booted = { boot: 'b0000000-0000-4000-8000-000000000001', node: 'voron', lease: 2, sinceMs: 0 };
    writeFileSync(record, JSON.stringify({ ...rest, holders: [...holders, booted] }));
    await expect(server.plan(host, { printers })).rejects.toMatchObject({
      code: 'adopt-line-taken',
      hint: expect.stringContaining('by hand'),
    });
  });

  it('a disk of the server that is full; run again with room, it goes on', async () => {
    const real = linuxHost();
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    const appendStream: typeof real.files.appendStream = async (path) => {
      const stream = await real.files.appendStream(path);
      return { ...stream, write: () => Promise.reject(full) };
    };
    const broken = { ...real, files: { ...real.files, appendStream } };
    await expect(server.adopt(host, { on: broken })).rejects.toMatchObject({ code: 'state-full' });
    expect(existsSync(join(server.config, 'nodes/voron.conf'))).toBe(false);
    expect((await listPrinters(stateOf())).flatMap(({ line }) => line)).toEqual([]);
    await server.adopt(host);
  });
});

it('a connection that breaks off leaves no node, and the next run goes on with what came whole', async () => {
  const printers = [{ name: 'voron', folder: DATA }];
  for (let at = 0; at < 230; at += 1) host.write(`${DATA}/gcodes/many/${at}.gcode`, `; ${at}\n`);
  host.write(`${DATA}/gcodes/zz-large.gcode`, Buffer.alloc(24 << 20, 'G1 X1\n'));
  try {
    let bytes = 0;
    const broken = server.adopt(host, {
      printers,
      onBytes(more) {
        bytes += more;
        if (bytes < 8 << 20) return;
        host.cut();
      },
    });
    await expect(broken).rejects.toMatchObject({ code: expect.stringMatching(/^adopt-(?:cut|archive)$/) });
    expect(existsSync(join(server.config, 'nodes/voron.conf'))).toBe(false);
    const { printers: taken } = await server.adopt(host, { printers });
    // Whole batches of before are not asked for again.
    expect(taken[0]?.gcode.added).toBeLessThan(100);
    expect(readFileSync(join(await exported('voron'), 'gcode/files/zz-large.gcode')).length).toBe(24 << 20);
  } finally {
    rmSync(on(`${DATA}/gcodes/many`), { recursive: true });
    rmSync(on(`${DATA}/gcodes/zz-large.gcode`));
  }
});

it('a statectl that is killed leaves nothing half and nobody at the host, and the next one goes on', async () => {
  host.write(`${DATA}/gcodes/large.gcode`, Buffer.alloc(64 << 20, 'G1 X1\n'));
  const words = ['pi@127.0.0.1', '-p', String(host.port), '--state', server.state, '--config', server.config];
  const options = [...host.sshOptions.flatMap((one) => ['--ssh-option', one]), '--printer', `voron=${DATA}`];
  const child = spawn(process.execPath, ['src/main.ts', 'adopt', ...words, ...options], { stdio: 'ignore' });
  try {
    const uploads = join(server.state, 'state/voron/uploads/gcode');
    const isOnItsWay = () => existsSync(uploads) && readdirSync(uploads).some((name) => name.startsWith('whole.'));
    await expect.poll(isOnItsWay, { timeout: HANG_MS, interval: 5 }).toBe(true);
    child.kill('SIGKILL');
    await expect.poll(host.sessions, { timeout: HANG_MS }).toEqual([]);
    expect(existsSync(join(server.config, 'nodes/voron.conf'))).toBe(false);
    await server.adopt(host, { printers: [{ name: 'voron', folder: DATA }] });
    expect(statSync(join(await exported('voron'), 'gcode/files/large.gcode')).size).toBe(64 << 20);
  } finally {
    child.kill('SIGKILL');
    rmSync(on(`${DATA}/gcodes/large.gcode`));
  }
});

describe('a host that means no good', () => {
  const printers = [{ name: 'voron', folder: DATA }];
  const replaced = async (name: string, script: string, task: () => Promise<void>) => {
    const real = readFileSync(`/usr/bin/${name}`);
    expect(real.length).toBeGreaterThan(0);
    rmSync(on(`/opt/bin/${name}`));
    const seemly = `[ "$1" = --version ] && exec /usr/bin/${name} --version`;
    writeFileSync(on(`/opt/bin/${name}`), `#!/bin/sh\n${seemly}\n${script}\n`, { mode: 0o755 });
    try {
      await task();
    } finally {
      rmSync(on(`/opt/bin/${name}`));
      symlinkSync(`/usr/bin/${name}`, on(`/opt/bin/${name}`));
    }
  };

  it.each([
    ['an archive that never ends', 'exec cat /dev/zero'],
    ['one of noise that never ends', 'exec cat /dev/urandom'],
    ['one that is cut', '/usr/bin/tar "$@" | head -c 700'],
    ['members that go on for ever', 'while :; do /usr/bin/tar -cf - /opt/bin/sh -h 2>/dev/null | head -c 10240; done'],
  ])(
    'is refused: %s',
    async (_title, script) => {
      await replaced('tar', script, async () => {
        await expect(server.plan(host, { printers })).rejects.toMatchObject({ code: 'adopt-archive' });
      });
      expect(readdirSync(server.state)).toEqual(['images']);
    },
    60_000,
  );

  it('gives nothing that was not asked for: other names, links, twice the same', async () => {
    mkdirSync(on('/opt/evil/sub'), { recursive: true });
    writeFileSync(on('/opt/evil/printer.cfg'), '[evil]\n');
    symlinkSync('/etc/passwd', on('/opt/evil/macros'));
    const evil =
      'cd /opt/evil; exec /usr/bin/tar -P -cf - --transform "s,^printer.cfg,../../../../etc/evil.cfg," printer.cfg macros /opt/evil/printer.cfg';
    await replaced('tar', evil, async () => {
      const plan = await server.plan(host, { printers });
      expect(plan.printers[0]?.config.files).toBe(1);
      expect(plan.printers[0]?.left.map(({ what }) => what)).toContain(`${DATA}/config/printer.cfg`);
    });
    rmSync(on('/opt/evil'), { recursive: true });
  });

  it('is read no longer than it may be: a find that never ends, a login that only talks', async () => {
    await replaced('find', '/usr/bin/yes "f 1 1.0 1.0 1 9|./x|" | /usr/bin/tr "|\\n" "\\000\\000"', async () => {
      const plan = await server.plan(host, { printers });
      expect(plan.printers[0]?.left.map(({ why }) => why)).toContainEqual(
        expect.stringContaining('more files than are kept'),
      );
    });
    const greeting = readFileSync(on('/home/pi/.bashrc'));
    host.write('/home/pi/.bashrc', 'exec /usr/bin/yes\n');
    await expect(server.plan(host, { printers })).rejects.toMatchObject({
      code: 'adopt-refused',
      message: expect.stringContaining('without end'),
    });
    host.write('/home/pi/.bashrc', greeting);
  }, 120_000);

  it('links out, pipes, a printer.cfg of 10 MB and holes of terabytes are left, and told', async () => {
    const cfg = readFileSync(on(`${DATA}/config/printer.cfg`));
    symlinkSync('/etc/shadow', on(`${DATA}/config/shadow.cfg`));
    symlinkSync('/home/pi/.ssh/authorized_keys', on(`${DATA}/config/keys.cfg`));
    symlinkSync('/etc', on(`${DATA}/gcodes/etc`));
    spawnSync('mkfifo', [on(`${DATA}/gcodes/pipe.gcode`)]);
    spawnSync('truncate', ['-s', '3T', on(`${DATA}/config/holes.cfg`)]);
    appendFileSync(on(`${DATA}/config/printer.cfg`), Buffer.alloc(10 << 20, '# long\n'));
    host.write(`${DATA}/config/new\nline.cfg`, '[x]\n');
    host.write(`${DATA}/config/.git/config`, '[remote "origin"]\n\turl = git@github.com:ada/printer.git\n');
    try {
      const { plan } = await server.adopt(host, { printers });
      const left = new Map(plan.printers[0]?.left.map(({ what, why }) => [what, why]));
      for (const [path, why] of [
        ['config/shadow.cfg', 'link to /etc/shadow'],
        ['config/keys.cfg', 'link to'],
        ['gcodes/etc', 'link to /etc'],
        ['gcodes/pipe.gcode', 'a pipe'],
        ['config/holes.cfg', 'more than 1048576 bytes'],
        ['config/printer.cfg', 'more than 1048576 bytes'],
        ['config/new\nline.cfg', 'cannot be shown'],
        ['config/.git', 'git there cannot read it'],
        ['config/.git: git@github.com:ada/printer.git', 'pushed to'],
      ] as const)
        expect([path, left.get(`${DATA}/${path}`)]).toEqual([path, expect.stringContaining(why)]);
      const line = await exported('voron');
      expect(readdirSync(join(line, 'config')).toSorted()).toEqual([
        '.git-history.bundle',
        'macros',
        'mainsail.cfg',
        'moonraker.conf',
        // Nobody knows without printer.cfg that these are variables.
        'saved.cfg',
      ]);
      expect(existsSync(join(line, 'gcode/files/etc'))).toBe(false);
    } finally {
      for (const path of [
        'config/shadow.cfg',
        'config/keys.cfg',
        'config/holes.cfg',
        'config/new\nline.cfg',
        'config/.git',
        'gcodes/etc',
        'gcodes/pipe.gcode',
      ])
        rmSync(on(`${DATA}/${path}`), { recursive: true });
      host.write(`${DATA}/config/printer.cfg`, cfg);
    }
  });

  it('saved variables that Klipper would stop at are told, and the rest is taken', async () => {
    const saved = readFileSync(on(`${DATA}/config/saved.cfg`));
    host.write(`${DATA}/config/saved.cfg`, '[Variables]\nx = __import__("os")\n');
    const { printers: taken } = await server.adopt(host, { printers });
    expect(taken).toMatchObject([
      { variables: null, missed: [{ why: expect.stringContaining('expected a literal') }] },
    ]);
    host.write(`${DATA}/config/saved.cfg`, saved);
  });
});
