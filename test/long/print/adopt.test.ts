import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEMO } from '../../../build/demo.ts';
import type { AgentState } from '../../../src/agent/agent-state.ts';
import { approvedMachine } from '../../boot/lab/approved-machine.ts';
import { bootMachine, type Machine } from '../../boot/lab/machine.ts';
import { type AdoptingServer, adoptingServer } from '../../contract/adopt/adopting.ts';
import { HANG_MS } from '../../fixtures/hang.ts';
import { sshdPrograms } from '../../fixtures/identity/sshd.ts';
import { type MainsailHost, mainsailHost } from '../../fixtures/state/mainsail-host.ts';
import type { DiskFile } from '../../fixtures/vm/disk.ts';
import { RestartableServer } from '../../fixtures/vm/restartable-server.ts';
import { Watch } from '../../fixtures/vm/watch.ts';

const UUID = '11111111-2222-3333-4444-0000000000ad';
const DATA = '/home/pi/printer_data';
const programs = sshdPrograms();

let host: MainsailHost;
let adopting: AdoptingServer;
let server: RestartableServer;
let disk: DiskFile;
let vm: Machine | undefined;

beforeAll(async () => {
  if (!programs) return;
  host = await mainsailHost(programs);
  adopting = adoptingServer();
  const { folder, state, config } = adopting;
  disk = await approvedMachine(folder, { state, node: 'print12', uuid: UUID });
  writeFileSync(
    join(config, 'nodes/print12.conf'),
    `match: { uuid: ${UUID} }
set:
  users: { users: { pi: { uid: 1000, home: /home/pi } } }
  overlays: { /home: { kind: tmpfs } }
`,
  );
  await adopting.adopt(host, { node: 'print12', printers: [{ name: 'voron', folder: DATA }] });
  server = await RestartableServer.make(state, config, new Watch((message) => new Error(`${message}\n${vm?.tail()}`)));
  await server.start();
});
afterAll(async () => {
  await vm?.[Symbol.asyncDispose]();
  await server?.stop();
  await disk?.[Symbol.asyncDispose]();
  await adopting?.[Symbol.asyncDispose]();
  await host?.[Symbol.asyncDispose]();
});

/** All plain files of the line, but what says when it came. */
function exported(name: string): string {
  const out = join(adopting.folder, name);
  execFileSync(process.execPath, [
    'src/main.ts',
    'printer',
    'export',
    'voron',
    '--out',
    out,
    '--state',
    adopting.state,
  ]);
  const find = `cd ${out}/line && find . -type f ! -name '*.json*' ! -name '*.bundle' -print0 | sort -z | xargs -0 sha256sum`;
  return execFileSync('sh', ['-c', find], { encoding: 'utf8' });
}

test('a host that was adopted boots stateless with each byte that it had, and is exported again as it was', async (context) => {
  if (!programs) return context.skip('needs root, namespaces, and the package openssh-server, from apt if need be');
  const before = exported('before');
  vm = await bootMachine({
    uuid: UUID,
    disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }, disk],
    cmdline: `root=/dev/vda ip=dhcp statectl.server=${server.url}`,
  });
  await vm.console(/login: /);
  const run = (line: string) => vm?.run(line) ?? Promise.resolve('');
  // What the old host has, at the new one: names, sizes, and times as Python makes numbers of them.
  const list = (data: string) =>
    `cd ${data}/gcodes && find . -name .statectl-tmp -prune -o -type f -printf '%p %s %T@\\0' | sort -z | base64 -w0`;
  const read = (text: string) =>
    Buffer.from(text, 'base64')
      .toString()
      .split('\0')
      .map((one) => one.replace(/ (\d+)\.(\d{9})\d*$/, (_, s, ns) => ` ${Number(s) + 1e-9 * Number(ns)}`));
  const old = execFileSync('sh', ['-c', list(join(host.root, DATA))], { encoding: 'utf8' });
  expect(read(await run(list(DATA)))).toEqual(read(old));
  for (const path of [
    'config/printer.cfg',
    'config/macros/start.cfg',
    'config/saved.cfg',
    '.moonraker.uuid',
    'database/moonraker-sql.db',
  ])
    expect([path, await run(`base64 -w0 ${DATA}/${path}`)]).toEqual([
      path,
      readFileSync(join(host.root, DATA, path)).toString('base64'),
    ]);
  expect(await run(`stat -c %U ${DATA}/config/printer.cfg ${DATA}/database/moonraker-sql.db | sort -u`)).toBe('pi');
  const isInStep = async (): Promise<boolean> => {
    const { printers } = JSON.parse(await run('cat /run/statectl/agent.json')) as AgentState;
    const items = Object.values(printers?.voron?.items ?? {});
    return items.length === 4 && items.every((item) => item?.state === 'in-step');
  };
  await expect.poll(isInStep, { timeout: HANG_MS, interval: 500 }).toBe(true);
  expect(exported('after')).toBe(before);
  // From here on the line is that machine's.
  const again = adopting.adopt(host, { node: 'print12', printers: [{ name: 'voron', folder: DATA }] });
  await expect(again).rejects.toMatchObject({ code: 'adopt-line-taken' });
});
