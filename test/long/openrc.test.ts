import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import type { AgentState } from '../../src/agent/agent-state.ts';
import { bootMachine, type Machine } from '../boot/lab/machine.ts';
import type { DiskFile } from '../fixtures/vm/disk.ts';
import { sysvinitImage } from '../fixtures/vm/images/sysvinit-image.ts';
import { RestartableServer } from '../fixtures/vm/restartable-server.ts';
import { diskState, KEEP_CYCLES, readFromDisk, USE_FILE, userDataWithFile } from '../fixtures/vm/user-data-disk.ts';
import { Watch } from '../fixtures/vm/watch.ts';

const UUID = '11111111-2222-3333-4444-000000000010';
const DATA = '/home/pi/printer_data';
const GCODES = `${DATA}/gcodes`;
const CACHE = 'statectl-cache-voron-gcode';
/** OpenRC keeps it for whoever supervises the service. */
const AGENT = '$(cat /run/openrc/options/statectl-agent/child_pid)';
/** Of sysinit and the default runlevel: nothing here needs them, and an emulated machine takes a second for each. */
const OFF = [
  ...['brightness', 'mount-configfs', 'hwclock.sh', 'urandom', 'procps', 'bootmisc.sh', 'mountnfs.sh'],
  ...['mountnfs-bootclean.sh', 'checkfs.sh', 'checkroot-bootclean.sh', 'mountall-bootclean.sh', 'rmnologin', 'kmod'],
];

describe('a Debian whose services are OpenRC’s', () => {
  let dir: string;
  let disk: DiskFile;
  let web: Server;
  let server: RestartableServer;
  let vm: Machine;
  let packageSettings: string;

  const write = (motd: string, more = '') =>
    writeFile(
      join(dir, 'config.d/nodes/print10.conf'),
      `match: { uuid: ${UUID} }
set:
  identity: { trust: network, names: [print10.lab.test] }
  services: { services: { bootlogs: enabled, rc.local: masked, ${OFF.map((name) => `${name}: disabled`).join(', ')} } }
  python: { extra: { ${packageSettings}, services: [qemu-guest-agent] } }
  etc: { files: { /etc/motd: { text: "${motd}\\n" } } }
  users: { users: { pi: { uid: 1000, home: /home/pi } } }
  overlays: { /home: { kind: tmpfs } }
  update: { health: { services: [bootlogs], stable: 5s } }
  state:
    printers: { voron: { data: ${DATA}, user: pi, trust: network } }
    places: { ${GCODES}: { kind: cache, printer: voron, restart: pause } }
${more}`,
    );
  const services = async (runlevel: string) => (await vm.run(`rc-status --nocolor ${runlevel}`)).split('\n');
  const agentState = async () => JSON.parse(await vm.run('cat /run/statectl/agent.json')) as AgentState;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-openrc-'));
    await cp('config.d', join(dir, 'config.d'), { recursive: true });
    await execa('tar', ['-cf', join(dir, 'extra.tar'), '-C', 'config.d', 'README']);
    const archive = await readFile(join(dir, 'extra.tar'));
    web = createServer((_request, response) => void response.end(archive));
    await new Promise<void>((listening) => web.listen(0, '127.0.0.1', listening));
    const sha256 = createHash('sha256').update(archive).digest('hex');
    packageSettings = `url: "http://10.0.2.2:${(web.address() as AddressInfo).port}/extra.tar", sha256: "${sha256}"`;
    await write('first');
    const root = await sysvinitImage('openrc');
    disk = await userDataWithFile();
    const state = join(dir, 'state');
    await cp(inject('images').tiny.state, state, { recursive: true });
    await cp(`${DEMO.state}/keys`, `${state}/keys`, { recursive: true });
    const watch = new Watch((message) => new Error(`${message}\n${vm?.tail()}`));
    server = await RestartableServer.make(state, join(dir, 'config.d'), watch);
    await server.start();
    vm = await bootMachine({
      uuid: UUID,
      disks: [{ file: root, temporary: true }, disk],
      cmdline: `root=/dev/vda ip=dhcp statectl.server=${server.url}`,
    });
    await vm.event('handed-over');
  });
  afterAll(async () => {
    await vm?.[Symbol.asyncDispose]();
    await server?.stop();
    web?.close();
    await disk?.[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  test('has the agent in its default runlevel, where it gives way to everything else', async () => {
    expect(await server.report('booted')).toMatchObject({ id: expect.stringMatching(/^boot-/) });
    expect(await server.report('connected')).toMatchObject({ agent: { server: server.url } });
    expect(await vm.run('rc-status --runlevel; rc-service statectl-agent status')).toBe('default\n * status: started');
    // proc_pid_stat(5): the nineteenth is the nice value.
    expect(await vm.run(`cut -d " " -f 19 /proc/${AGENT}/stat; ionice -p ${AGENT}`)).toBe('19\nidle');
    expect(await vm.run(`cat /proc/${AGENT}/oom_score_adj; readlink /proc/${AGENT}/fd/2`)).toBe('500\n/dev/kmsg');
    expect(await vm.run(`tr "\\0" " " < /proc/${AGENT}/cmdline`)).toBe('/run/statectl/rt/statectl agent ');
  });

  test('starts what config.d names, and neither what is disabled nor what is masked', async () => {
    expect((await services('default')).filter((line) => /bootlogs|rc\.local/.test(line))).toEqual([
      expect.stringMatching(/bootlogs.*started/),
    ]);
    const started = (await services('sysinit')).join('\n');
    expect(started).toContain('networking');
    for (const name of ['brightness', 'procps']) expect(started).not.toContain(name);
    expect(await vm.run('hostname')).toBe('print10');
    await expect(vm.run('rc-status --crashed')).rejects.toThrow('exit status 1');
  });

  test('gives its services their Python packages', async () => {
    // A service itself, by which the test runs its programs.
    expect(await vm.run('echo $PYTHONPATH')).toBe('/run/statectl/python/extra');
  });

  test('keeps the address of the boot, which ifupdown and dhclient renew', async () => {
    const [lease] = JSON.parse(await vm.run('cat /run/statectl/boot.json')).leases;
    expect(await vm.run('ip -4 -o address show dev eth0')).toContain(` ${lease.address}/`);
    expect(await vm.run('ifquery --state | sort; pidof dhclient | wc -w')).toBe('eth0=eth0\nlo=lo\n1');
    expect(await vm.run('cat /etc/resolv.conf')).toContain('nameserver 10.0.2.3');
    // dhclient's own address and route, and nothing of the boot beside them.
    expect((await vm.run('ip -4 route show default')).trim()).toBe('default via 10.0.2.2 dev eth0');
    expect((await vm.run('ip -4 -o address show dev eth0')).split('\n')).toEqual([expect.stringContaining('dynamic')]);
  });

  test('takes on a change of config.d, of which sshd is told', async () => {
    await write('second', '  ssh: { passwords: true }\n');
    const { agent } = await server.report('bundle');
    expect(agent).toMatchObject({
      state: 'applied',
      applied: expect.arrayContaining(['/etc/motd', '/etc/ssh/sshd_config.d/10-statectl.conf']),
    });
    // Nor is there one that sshd could not be told.
    expect(JSON.parse(await vm.run('cat /run/statectl/applied.json'))).toMatchObject({ warnings: [] });
    expect(await vm.run('cat /etc/motd')).toBe('second');
  });

  test('starts an agent again that was killed', async () => {
    const killed = await vm.run(`echo ${AGENT}; kill -KILL ${AGENT}`);
    expect(await server.report('connected')).toBeDefined();
    expect(await vm.run(`echo ${AGENT}`)).not.toBe(killed);
    expect(await vm.run(`rc-service statectl-agent status; cut -d " " -f 19 /proc/${AGENT}/stat`)).toBe(
      ' * status: started\n19',
    );
    expect((await agentState()).connection).toMatchObject({ state: 'connected', server: server.url });
  });

  test('shows gcode as a cache, which goes on when whoever serves it is killed, and goes with its service', async () => {
    const shown = `grep -c "^${CACHE} ${GCODES} fuse " /proc/mounts`;
    expect(await vm.run(`rc-service ${CACHE} status; ${shown}`)).toBe(' * status: started\n1');
    expect(await vm.run('rc-service --nocolor statectl-printer-voron status')).toContain('started');
    const sum = await vm.run(`head -c 4000000 /dev/urandom >${GCODES}/a.gcode; sha256sum <${GCODES}/a.gcode`);
    const read = `dd if=${GCODES}/a.gcode bs=8k status=none | sha256sum`;
    const kill = `kill -KILL $(pgrep -P $(cat /run/openrc/options/${CACHE}/child_pid) -f -- --serve-cache)`;
    const meanwhile = `echo 1 >/proc/sys/vm/drop_caches; { ${read}; } & ${kill}; wait`;
    for (let kills = 0; kills < 3; kills += 1) expect(await vm.run(meanwhile)).toBe(sum);
    // The holder, too: it is mounted anew.
    await vm.run(`kill -KILL $(cat /run/openrc/options/${CACHE}/child_pid)`);
    await expect.poll(() => vm.run(`sha256sum <${GCODES}/a.gcode 2>&1 || true; ${shown} || true`)).toBe(`${sum}\n1`);
    await vm.run(`rc-service ${CACHE} stop`);
    expect(await vm.run(`${shown} || true; ls ${GCODES}`)).toBe('0\na.gcode');
    // For the way down.
    await vm.run(`rc-service ${CACHE} start; until ${shown}; do sleep 0.5; done`);
  });

  test('is looked at for its health once its runlevel is reached', async () => {
    const { health } = await agentState();
    const good = health?.checks.filter(({ why }) => why === undefined).map(({ name }) => name);
    expect(good).toEqual(['system', 'root', 'persistent', 'service bootlogs', 'server']);
    // Nobody has installed Klipper.
    expect(health?.checks.find(({ name }) => name === 'printer voron')?.why).toContain('Klipper does not answer');
  });

  test('stops the agent, and nothing of it is left', async () => {
    const pid = await vm.run(`echo ${AGENT}`);
    await vm.run('rc-service statectl-agent stop');
    await expect(vm.run('rc-service statectl-agent status')).rejects.toThrow('status: stopped');
    await vm.run(`while test -e /proc/${pid}; do sleep 0.2; done`);
    // For the way down: as a machine with another system beside this one, whose start is not proved yet.
    const cycle = 'printf \'{"cycle":17,"bootId":"%s"}\' "$(cat /proc/sys/kernel/random/boot_id)"';
    await vm.run(`rm /run/statectl/agent.json; ${cycle} > /run/statectl/cycle.json; rc-service statectl-agent start`);
    await vm.run('until test -s /user-data/persistent/statectl/cycle/alive.json; do sleep 0.2; done');
  });

  test('goes down without waiting for the agent, and leaves its disk clean', async () => {
    await vm.run(`${KEEP_CYCLES}; ${USE_FILE}`);
    await vm.run('shutdown -t 0 -h -P now');
    await vm.console(/Stopping statectl-agent/);
    expect(await vm.ended()).toBe('guest-shutdown');
    expect(await diskState(disk.file)).toBe('clean');
    expect(await readFromDisk(disk.file, '/persistent/logs/down.log')).toMatch(/poweroff: the disks of this system\n/);
    expect(JSON.parse(await readFromDisk(disk.file, '/persistent/statectl/cycle/stopping.json'))).toHaveProperty(
      'cycle',
    );
    expect(JSON.parse(await readFromDisk(disk.file, '/persistent/statectl/cycle/deliberate.json'))).toMatchObject({
      ...{ cycle: 17, by: 'runlevel shutdown' },
    });
  });
});
