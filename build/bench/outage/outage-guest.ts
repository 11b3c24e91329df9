import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Machine, startMachine } from '../../../test/fixtures/vm/boot-machine.ts';
import { type AgentReport, RestartableServer } from '../../../test/fixtures/vm/restartable-server.ts';
import { Watch } from '../../../test/fixtures/vm/watch.ts';
import { DEMO } from '../../demo.ts';

/** A machine without a disk whose agent is connected, and its server. */
export interface OutageLab extends AsyncDisposable {
  readonly vm: Machine;
  readonly server: RestartableServer;
  /** Asks again at each report that comes. */
  readonly watch: Watch;
}

const UUID = '11111111-2222-3333-4444-00000000000b';
const QUEUE = '/run/statectl/queue';
const STATE = '/run/statectl/agent.json';
const CONNECTED_MS = 120_000;

/** A file of config.d, whose whole text is `right`; the agent puts it right where somebody damages it. */
export const fileOf = (index: number): string => `/etc/outage/${String(index).padStart(4, '0')}`;

export const isReported = (text: string): string => `grep -q ${text} ${QUEUE}/*.json`;
export const NOTHING_WAITS = `! ls ${QUEUE}/*.json`;
export const IS_CONNECTED = `grep -q '"state": "connected"' ${STATE}`;

/** Boots the demo with so many files of config.d. */
export async function outageLab(files: number, say: (text: string) => void): Promise<OutageLab> {
  await using made = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'statectl-outage-'));
  made.defer(() => rm(dir, { recursive: true }));
  const config = join(dir, 'config.d');
  await cp('config.d', config, { recursive: true });
  await cp(`${DEMO.state}/keys`, join(dir, 'state/keys'), { recursive: true });
  await writeFile(`${config}/nodes/outage.conf`, nodeFile(files));
  const watch = new Watch((message) => new Error(message));
  const server = await RestartableServer.make(join(dir, 'state'), config, watch);
  made.defer(() => server.stop());
  await server.start();
  say('a machine boots');
  const vm = await startMachine(
    {
      uuid: UUID,
      disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }],
      cmdline: `root=/dev/vda ip=dhcp statectl.server=${server.url}`,
    },
    'bench-outage',
  );
  made.use(vm);
  await vm.console(/login: /);
  await server.report('connected', CONNECTED_MS);
  await vm.run('systemctl is-system-running --wait');
  say('the machine is up, and its agent connected');
  const held = made.move();
  return { vm, server, watch, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const nodeFile = (files: number): string => `match: { uuid: ${UUID} }
set:
  identity: { trust: network }
  etc:
    edits: overwrite
    files:
${Array.from({ length: files }, (_, index) => `      ${fileOf(index + 1)}: { text: "right\\n" }\n`).join('')}`;

/** Whether it became true in time. The guest looks for itself, so that nobody asks all the time. */
export async function untilInGuest({ run }: Machine, condition: string, ms: number): Promise<boolean> {
  const endMs = performance.now() + ms;
  for (let leftMs = ms; leftMs > 0; leftMs = endMs - performance.now()) {
    const tries = Math.ceil(Math.min(leftMs, 60_000) / 1000);
    const loop = `n=0; until ${condition}; do n=$((n + 1)); [ $n -lt ${tries} ] || exit 0; sleep 1; done 2>/dev/null`;
    if ((await run(`${loop}; echo yes`)).endsWith('yes')) return true;
  }
  return false;
}

/** As a lack of memory would. Gives how long it took until the next one ran, in seconds; undefined: none does. */
export async function killAgent(vm: Machine, withinMs: number): Promise<number | undefined> {
  const pid = await vm.run('systemctl show -P MainPID statectl-agent');
  const beganMs = performance.now();
  await vm.run('systemctl kill -s KILL statectl-agent');
  const runs = `grep -q '"pid": ' ${STATE} && ! grep -q '"pid": ${pid},' ${STATE}`;
  return (await untilInGuest(vm, runs, withinMs)) ? (performance.now() - beganMs) / 1000 : undefined;
}

/** What is true inside now. */
export async function lookInto({ run }: Machine) {
  const text = await run(`systemctl --failed --no-legend --plain | tr '\\n' ' '; echo
systemctl show -P CPUUsageNSec statectl-agent
awk '/^RssAnon/ { print $2 }' /proc/$(systemctl show -P MainPID statectl-agent)/status
ls ${QUEUE} | grep -c json
cat ${QUEUE}/*.json 2>/dev/null | wc -c
cat ${QUEUE}/dropped 2>/dev/null || echo 0`);
  const [failed = '', cpuNs, memoryKib, length, bytes, dropped] = text.split('\n');
  return {
    failed: failed.trim(),
    cpuMs: Number(cpuNs) / 1e6,
    memoryBytes: Number(memoryKib) * 1024,
    queue: { length: Number(length), bytes: Number(bytes) },
    dropped: Number(dropped),
  };
}

/** In the order of the queue. */
export async function queuedReports({ run }: Machine): Promise<readonly AgentReport[]> {
  const text = await run(`for file in ${QUEUE}/*.json; do cat $file; echo; done`);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as AgentReport);
}
