import { generateKeyPairSync } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import type { AgentState } from '../../src/agent/agent-state.ts';
import { linuxHost } from '../../src/host/linux/host.ts';
import { shellQuote } from '../../src/host/shell-line.ts';
import { keyDigest } from '../../src/identity/certificates/fingerprint.ts';
import { identityFiles } from '../../src/identity/machine/identity-files.ts';
import { readPlainTar } from '../../src/signed/plain-tar.ts';
import { machineKeys } from '../fixtures/machine-keys.ts';
import { MOONRAKER_SCHEMA } from '../fixtures/moonraker-database.ts';
import { type DiskFile, makeDisk } from '../fixtures/vm/disk.ts';
import { RestartableServer } from '../fixtures/vm/restartable-server.ts';
import { Watch } from '../fixtures/vm/watch.ts';
import { bootMachine, type Machine } from './machine.ts';

const UUID = '11111111-2222-3333-4444-00000000000b';
const DATA = '/home/pi/printer_data';
const DATABASE = `${DATA}/database/moonraker-sql.db`;

describe('a print host whose disk has its key and nothing else', () => {
  let dir: string;
  let disk: DiskFile;
  let vm: Machine | undefined;
  let server: RestartableServer;

  const agentState = async () => JSON.parse((await vm?.run('cat /run/statectl/agent.json')) ?? '') as AgentState;
  /** As pi, by another program than ours. */
  const sql = async (text: string): Promise<string> =>
    (await vm?.run(`runuser -u pi -- sqlite3 ${DATABASE} ${shellQuote(text)}`)) ?? '';

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-print-host-'));
    await cp('config.d', join(dir, 'config.d'), { recursive: true });
    await writeFile(
      join(dir, 'config.d/nodes/print11.conf'),
      `match: { uuid: ${UUID} }
set:
  users: { users: { pi: { uid: 1000, home: /home/pi } } }
  overlays: { /home: { kind: tmpfs } }
  state: { printers: { voron: { data: ${DATA}, user: pi } } }
`,
    );
    const state = join(dir, 'a');
    await cp(inject('images').tiny.state, state, { recursive: true });
    await cp(`${DEMO.state}/keys`, `${state}/keys`, { recursive: true });
    const identity = join(dir, 'disk/persistent/statectl/identity');
    await mkdir(identity, { recursive: true, mode: 0o700 });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(identityFiles(identity).key, pem, { mode: 0o600 });
    disk = await makeDisk({ type: 'ext4', label: 'user-data', sizeMiB: 64, tree: join(dir, 'disk') });
    await using keys = await machineKeys(state);
    const machine = { digest: keyDigest(privateKey), node: 'print11', claims: { uuid: UUID }, remote: '10.0.2.15' };
    await keys.approve({ ...machine, proof: 'person' });
    const watch = new Watch((message) => new Error(`${message}\n${vm?.tail()}`));
    server = await RestartableServer.make(state, join(dir, 'config.d'), watch);
    await server.start();
  });
  afterAll(async () => {
    await vm?.[Symbol.asyncDispose]();
    await server.stop();
    await disk[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  const boot = async (): Promise<void> => {
    await vm?.[Symbol.asyncDispose]();
    vm = await bootMachine({
      uuid: UUID,
      disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }, disk],
      cmdline: `root=/dev/vda ip=dhcp statectl.server=${server.url}`,
    });
    await vm.console(/login: /);
  };
  const line = async (): Promise<readonly string[]> =>
    (
      await linuxHost()
        .files.list(join(server.state, 'state/voron/line/database'))
        .catch(() => [])
    ).filter((name) => name.endsWith('.tar'));

  test('ships each commit of its database, and a boot after a power cut has the last', async () => {
    await boot();
    expect(await vm?.run(`stat -c %U ${DATA} ${DATA}/database ${DATA}/config ${DATA}/logs`)).toBe('pi\npi\npi\npi');
    expect(JSON.parse((await vm?.run('cat /run/statectl/state/voron.json')) ?? '')).toMatchObject({ lease: 1 });
    const made = join(dir, 'made.db');
    await sql(`${MOONRAKER_SCHEMA}; INSERT INTO job_history (filename, status) VALUES ('first.gcode', 'completed')`);
    await vm?.run(`echo 0123456789abcdef0123456789abcdef > ${DATA}/.moonraker.uuid`);
    await sql("INSERT INTO job_history (filename, status) VALUES ('second.gcode', 'completed')");
    await server.report('state');
    expect((await agentState()).printers).toMatchObject({
      voron: { lease: 1, items: { database: { state: 'in-step' } } },
    });
    await sql("INSERT INTO job_history (filename, status) VALUES ('third.gcode', 'completed')");
    await vm?.run(
      'until test "$(ls /user-data/persistent/statectl/state/voron/database/last.json)"; do sleep 0.2; done; sync',
    );
    const jobs = async (): Promise<readonly unknown[]> => {
      const newest = (await line()).at(-1);
      if (newest === undefined) return [];
      const tar = await readFile(join(server.state, 'state/voron/line/database', newest));
      const database = readPlainTar(tar, () => true).get('moonraker-sql.db');
      await writeFile(made, database ?? '');
      using opened = new DatabaseSync(made, { readOnly: true });
      return opened
        .prepare('SELECT filename FROM job_history')
        .all()
        .map(({ filename }) => filename);
    };
    await expect.poll(jobs, { timeout: 60_000 }).toEqual(['first.gcode', 'second.gcode', 'third.gcode']);
    // Only the server has it now.
    await vm?.run('rm -r /user-data/persistent/statectl/state; sync');
    await boot();
    expect(await sql('SELECT filename FROM job_history')).toBe('first.gcode\nsecond.gcode\nthird.gcode');
    expect(await vm?.run(`cat ${DATA}/.moonraker.uuid`)).toBe('0123456789abcdef0123456789abcdef');
    expect(await vm?.run(`stat -c %U ${DATABASE}`)).toBe('pi');
    await vm?.run('until grep -q in-step /run/statectl/agent.json; do sleep 0.2; done');
    expect(await vm?.run('/run/statectl/bin/statectl status --no-changes')).toMatch(/voron database +in step/);
  });
});
