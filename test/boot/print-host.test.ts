import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import type { AgentState } from '../../src/agent/agent-state.ts';
import { shellQuote } from '../../src/host/shell-line.ts';
import type { InstallFacts } from '../../src/machine/facts/system-facts.ts';
import { planCan } from '../../src/machine/network/can-handover.ts';
import { createFacts } from '../fixtures/facts.ts';
import { HANG_MS } from '../fixtures/hang.ts';
import { networkConfig } from '../fixtures/network.ts';
import { MOONRAKER_SCHEMA } from '../fixtures/state/moonraker-database.ts';
import type { DiskFile } from '../fixtures/vm/disk.ts';
import { RestartableServer } from '../fixtures/vm/restartable-server.ts';
import { diskState, KEEP_CYCLES, readFromDisk } from '../fixtures/vm/user-data-disk.ts';
import { Watch } from '../fixtures/vm/watch.ts';
import { approvedMachine } from './lab/approved-machine.ts';
import { bootMachine, type Machine } from './lab/machine.ts';

const UUID = '11111111-2222-3333-4444-00000000000b';
const DATA = '/home/pi/printer_data';
/** Without networkd. */
const INSTALL: InstallFacts = {
  ...{ machineId: 'x', machineIdOrigin: 'derived', usesNetworkd: false, usesIfupdown: false, hasResolvConf: 'file' },
};
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

  const asPi = async (text: string): Promise<string> =>
    (await vm?.run(`runuser -u pi -- sh -c ${shellQuote(text)}`)) ?? '';

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-print-host-'));
    await cp('config.d', join(dir, 'config.d'), { recursive: true });
    await writeFile(
      join(dir, 'config.d/nodes/print11.conf'),
      `match: { uuid: ${UUID} }
set:
  users: { users: { pi: { uid: 1000, home: /home/pi } } }
  overlays: { /home: { kind: tmpfs } }
  network: { interfaces: { can0: { kind: can, bitrate: 500k, txqueuelen: 256 } } }
  state:
    printers: { voron: { data: ${DATA}, user: pi } }
    places:
      /home/pi/refused: { kind: cache, printer: voron }
      /home/pi/paused: { kind: cache, printer: voron, restart: pause }
`,
    );
    const state = join(dir, 'a');
    disk = await approvedMachine(dir, { state, node: 'print11', uuid: UUID });
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
      ...{ uuid: UUID, can: true },
      disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }, disk],
      cmdline: `root=/dev/vda ip=dhcp statectl.server=${server.url}`,
    });
    await vm.console(/login: /);
  };
  /** All that is to outlive the machine, by path. */
  const digests = async (): Promise<string> =>
    (await vm?.run(
      `cd ${DATA} && sqlite3 database/moonraker-sql.db .dump | sha256sum && sha256sum .moonraker.uuid config/* gcodes/*.gcode`,
    )) ?? '';
  /** Until the agent says that the server has all of it, and took database and variables later than `before`. */
  const inStep = async (before: Readonly<Record<string, number>> = {}): Promise<Readonly<Record<string, number>>> => {
    let lastMs: Readonly<Record<string, number>> = {};
    const isIn = async (): Promise<boolean> => {
      const items = Object.entries((await agentState()).printers?.voron?.items ?? {});
      lastMs = Object.fromEntries(items.map(([name, item]) => [name, item?.lastMs ?? 0]));
      const isLater = Object.entries(before).every(([name, ms]) => (lastMs[name] ?? 0) > ms);
      return isLater && items.length === 6 && items.every(([, item]) => item?.state === 'in-step');
    };
    await expect.poll(isIn, { timeout: HANG_MS, interval: 500 }).toBe(true);
    return { database: lastMs.database ?? 0, variables: lastMs.variables ?? 0 };
  };

  test('ships what its printer writes, and a boot after a power cut has all of it, byte by byte', async () => {
    await boot();
    expect(await vm?.run(`stat -c %U ${DATA} ${DATA}/database ${DATA}/config ${DATA}/logs`)).toBe('pi\npi\npi\npi');
    expect(JSON.parse((await vm?.run('cat /run/statectl/state/voron/session.json')) ?? '')).toMatchObject({ lease: 1 });
    await sql(`${MOONRAKER_SCHEMA}; INSERT INTO job_history (filename, status) VALUES ('first.gcode', 'completed')`);
    await asPi(`echo 0123456789abcdef0123456789abcdef > ${DATA}/.moonraker.uuid`);
    await asPi(`printf '[printer]\\nkinematics: corexy\\n' > ${DATA}/config/printer.cfg`);
    await asPi(`printf "[Variables]\\nfilament = 'PLA'\\n\\n" > ${DATA}/config/variables.cfg`);
    await asPi(`cd ${DATA}/gcodes && head -c 300000 /dev/urandom > .part && mv .part benchy.gcode`);
    await sql("INSERT INTO job_history (filename, status) VALUES ('second.gcode', 'completed')");
    await vm?.run('until grep -q in-step /run/statectl/agent.json; do sleep 0.2; done');
    const first = await inStep();
    await sql("INSERT INTO job_history (filename, status) VALUES ('third.gcode', 'completed')");
    await asPi(`printf "[Variables]\\nfilament = 'ABS'\\n\\n" > ${DATA}/config/variables.cfg`);
    await inStep(first);
    const before = await digests();
    // Only the server has it now.
    await vm?.run('rm -r /user-data/persistent/statectl/state; sync');
    await boot();
    expect(await digests()).toBe(before);
    expect(await sql('SELECT filename FROM job_history')).toBe('first.gcode\nsecond.gcode\nthird.gcode');
    expect(await vm?.run(`cd ${DATA} && stat -c %U database/* .moonraker.uuid config/* gcodes/* | sort -u`)).toBe('pi');
    await inStep();
    expect(await vm?.run('/run/statectl/bin/statectl status --no-changes')).toMatch(/voron database +in step/);
  });

  test('shows a cache that may be interrupted, which its reader outlives, and keeps others as a mirror on a kernel before 6.9', async () => {
    expect(await vm?.run('/run/statectl/bin/statectl status --no-changes')).toMatch(
      /\/home\/pi\/refused is kept as a mirror: a cache needs Linux 6\.9, this is 6\.1\./,
    );
    expect(await vm?.run(`awk '$3 == "fuse" { print $2 }' /proc/mounts`)).toBe('/home/pi/paused');
    const sum = await asPi('head -c 4000000 /dev/urandom >/home/pi/paused/a.gcode; sha256sum </home/pi/paused/a.gcode');
    // As Klipper reads, and as Python does: what was interrupted is asked again.
    const read = 'dd if=/home/pi/paused/a.gcode bs=8k status=none | sha256sum';
    const kill = 'kill -KILL $(pgrep -P $(systemctl show -P MainPID statectl-cache-voron-paused) -f -- --serve-cache)';
    const meanwhile = `echo 1 >/proc/sys/vm/drop_caches; { ${read}; } & ${kill}; wait`;
    for (let kills = 0; kills < 3; kills += 1) expect(await vm?.run(meanwhile)).toBe(sum);
  });

  /** What the kernel says of the CAN interface, once it is up. */
  const canUp = async (): Promise<object> => {
    const show = 'ip -details -json link show dev can0';
    const [found] = JSON.parse(
      (await vm?.run(`until ${show} up | grep -q bitrate; do sleep 0.2; done; ${show}`)) ?? '',
    );
    const { bittiming, restart_ms: restartMs } = found.linkinfo.info_data;
    return { bitrate: bittiming.bitrate, queue: found.txqlen, restartMs };
  };
  /** As whoever pulls the plug of an adapter, and puts it in again. */
  const pullCan = async (meanwhile: string): Promise<void> => {
    const card = await vm?.run('readlink -f /sys/class/net/can0/device');
    await vm?.run(`echo 1 >${card}/remove; until test ! -e /sys/class/net/can0; do sleep 0.2; done; ${meanwhile}`);
    await vm?.run('echo 1 >/sys/bus/pci/rescan');
  };

  test('has its CAN interface up whenever the adapter is there, by networkd, and by udev where no networkd is', async () => {
    expect(await canUp()).toEqual({ bitrate: 500_000, queue: 256, restartMs: 100 });
    const isTold = (state: string) =>
      `until /run/statectl/bin/statectl status --no-changes | grep -q 'interface can0 *${state}'; do sleep 1; done`;
    await pullCan(isTold('MISSING'));
    expect(await canUp()).toEqual({ bitrate: 500_000, queue: 256, restartMs: 100 });
    await vm?.run(isTold('up'));
    const network = await networkConfig('interfaces: { can0: { kind: can, bitrate: 250k } }');
    const can = { hasUdev: true, ip: '/usr/bin/ip' };
    const [folder, rules] = planCan(createFacts({ config: { network } }), { ...INSTALL, can });
    if (folder?.kind !== 'mkdir' || rules?.kind !== 'write') throw new Error('there is no rule for udev');
    const text = Buffer.from(rules.content).toString('base64');
    await pullCan(
      `rm /run/systemd/network/10-statectl-can0.*; networkctl reload; mkdir -p ${folder.path}; echo ${text} | base64 -d >${rules.path}; udevadm control --reload`,
    );
    expect(await canUp()).toEqual({ bitrate: 250_000, queue: 128, restartMs: 100 });
  });

  /** Klipper's API, as much of it as a printer that prints; its process is one of pi. Of two dollars systemd-run makes one. */
  const KLIPPY = `use IO::Socket::UNIX; use POSIX; $/ = "\\x03"; $| = 1;
my $server = IO::Socket::UNIX->new(Local => "${DATA}/comms/klippy.sock", Listen => 4) or die;
my $pid = getpid();
my $status = '{"webhooks":{"state":"ready"},"print_stats":{"state":"printing","filename":"a.gcode"}}';
while (my $client = $server->accept) { while (my $asked = <$client>) {
  my ($id) = $asked =~ /"id":(\\d+)/;
  my $result = {
    2 => qq({"status":$status}), 5 => '{"objects":["webhooks","mcu"]}',
    6 => '{"status":{"mcu":{"mcu_version":"v0.11.0-205-gdeadbeef"}}}',
  }->{$id} // qq({"process_id":$pid,"software_version":"v0.12.0-316-g1a2b3c4d"});
  print $client qq({"id":$id,"result":$result}\\x03);
} }`;
  const lock = (words: string) => vm?.run(`/run/statectl/bin/statectl lock ${words}`) ?? '';

  test('knows a print, and what else must not be disturbed, and is a good neighbour of it', async () => {
    const show = 'systemctl show statectl-agent -p CPUSchedulingPolicy -p IOSchedulingClass -p MemoryMax';
    expect((await vm?.run(show))?.split('\n').toSorted()).toEqual([
      'CPUSchedulingPolicy=5',
      'IOSchedulingClass=3',
      'MemoryMax=268435456',
    ]);
    expect(await vm?.run('chrt -p $(systemctl show -P MainPID statectl-agent) | head -1')).toContain('SCHED_IDLE');
    await vm?.run('systemctl start statectl-printer-voron.service');
    expect(await vm?.run('cat /run/systemd/system/moonraker.service.d/50-statectl.conf')).toContain(
      'Wants=statectl-printer-voron.service',
    );
    await vm?.run(`systemd-run --unit klippy --uid pi perl -e ${shellQuote(KLIPPY)}`);
    await vm?.run('until test -e /run/statectl/locks/print-voron; do sleep 0.2; done');
    expect(await lock('check 2>&1; echo $?')).toMatch(
      /^locked: print-voron \(klipper of voron: prints a.gcode\)[^]*\n75$/,
    );
    expect(await vm?.run('stat -c %a:%U /run/statectl/locks')).toBe('700:root');
    // Who is not root hears it from the agent, which says it a moment after it holds it.
    await expect.poll(() => vm?.run('runuser -u pi -- /run/statectl/bin/statectl lock list')).toContain('print-voron');
    const status = await vm?.run('/run/statectl/bin/statectl status --no-changes');
    expect(status).toMatch(/printer voron +printing a.gcode/);
    expect(status).toMatch(
      /board of voron +Klipper talks to it \(mcu has v0.11.0-205-gdeadbeef; Klipper is v0.12.0-316-g1a2b3c4d\): they differ/,
    );
    await vm?.run('systemctl stop klippy; until test ! -e /run/statectl/locks/print-voron; do sleep 0.2; done');
    const inhibit = 'systemd-inhibit --what=shutdown --who=pi --why="wet paint" sleep 600';
    await vm?.run(
      `systemd-run --unit paint ${inhibit}; until ls /run/systemd/inhibit/[0-9]* >/dev/null 2>&1; do sleep 0.2; done`,
    );
    expect(await lock('check 2>&1; echo $?')).toMatch(/\(pi: wet paint\)[^]*\n75$/);
    await vm?.run('systemctl stop paint');
    expect(await lock('check; echo $?')).toBe('0');
  });

  test('leaves its disk clean, and evidence that its way down came so far', async () => {
    await vm?.run(KEEP_CYCLES);
    // systemd leaves alone whose name begins so (ROOT_STORAGE_DAEMONS).
    const stubborn = 'cd /user-data; trap "" TERM; exec -a @stubborn sleep 9999';
    await vm?.run(`systemd-run -q -p TimeoutStopSec=1 -p SendSIGKILL=no bash -c ${shellQuote(stubborn)}`);
    await vm?.run('systemctl --no-block poweroff');
    expect(await vm?.ended()).toBe('guest-shutdown');
    expect(await diskState(disk.file)).toBe('clean');
    expect(await readFromDisk(disk.file, '/persistent/statectl/cycle/stopping.json')).toContain('"cycle"');
    expect(await readFromDisk(disk.file, '/persistent/logs/down.log')).toMatch(
      /did not end when asked to: \d+\(sleep\)\n[^]*all but \/aside\/user-data is unmounted$/,
    );
  });
});
