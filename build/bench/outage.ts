import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUE_LIMITS } from '../../src/agent/report-queue.ts';
import { type Machine, startMachine } from '../../test/fixtures/vm/boot-machine.ts';
import { type AgentReport, RestartableServer } from '../../test/fixtures/vm/restartable-server.ts';
import { Watch } from '../../test/fixtures/vm/watch.ts';
import { DEMO } from '../demo.ts';

/** One look into the machine while its server is away. */
export interface OutageCheck {
  /** Since the server stopped. */
  readonly atS: number;
  /** How long a file of config.d that somebody damaged stayed so; undefined: nobody put it right. */
  readonly restoredS?: number;
  /** Of one (emulated) processor, since the check before. */
  readonly cpuShare?: number;
  /** Besides the program itself, which is shared with the file that it came from. */
  readonly memoryBytes: number;
  readonly queue: { readonly length: number; readonly bytes: number };
}

export interface Outage {
  readonly minutes: number;
  readonly checks: readonly OutageCheck[];
  readonly killedS: number;
  /** Since the server started again; undefined: it never was. */
  readonly backS?: number;
  readonly reportsS?: number;
  readonly queued: number;
  readonly lost: number;
  readonly ordered: boolean;
  /** What should not be; empty: all is well. */
  readonly faults: readonly string[];
}

const UUID = '11111111-2222-3333-4444-00000000000b';
const QUEUE = '/run/statectl/queue';
const FOLDER = '/etc/outage';
const MOST_MEMORY_BYTES = 64 << 20;
const MOST_CPU_SHARE = 0.1;
/** The agent looks every 45 to 75 s without a server. */
const RESTORED_MS = 150_000;
const CHECK_EVERY_MS = 60_000;
/** The longest wait of the agent is five minutes, that of its reports ends with it. */
const BACK_MS = 7 * 60_000;
const fileOf = (index: number): string => `${FOLDER}/${String(index).padStart(4, '0')}`;

/** Boots a machine, takes its server away for so long, and gives it back. Throws when the machine does not come so far. */
export async function measureOutage(minutes: number, say: (text: string) => void): Promise<Outage> {
  const dir = await mkdtemp(join(tmpdir(), 'statectl-outage-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(dir, { recursive: true }));
  const config = join(dir, 'config.d');
  await cp('config.d', config, { recursive: true });
  await cp(`${DEMO.state}/keys`, join(dir, 'state/keys'), { recursive: true });
  await writeFile(`${config}/nodes/outage.conf`, nodeFile(Math.ceil(minutes) + 2));
  const watch = new Watch((message) => new Error(message));
  const server = await RestartableServer.make(join(dir, 'state'), config, watch);
  cleanup.defer(() => server.stop());
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
  cleanup.use(vm);
  await vm.console(/login: /);
  await server.report('connected', 120_000);
  await vm.run('systemctl is-system-running --wait');
  say('the machine is up, and its agent connected');

  const before = server.reports.length;
  const faults: string[] = [];
  await server.stop();
  const stoppedMs = performance.now();
  say(`the server is away for ${minutes} min`);
  await until(vm, `grep -q server-lost ${QUEUE}/*.json`, RESTORED_MS);
  const killedS = await killAgent(vm);
  const checks: OutageCheck[] = [];
  let cpu: { readonly ns: number; readonly atMs: number } | undefined;
  for (let index = 1; performance.now() - stoppedMs < minutes * 60_000; index += 1) {
    const beganMs = performance.now();
    const file = fileOf(index);
    await vm.run(`echo damaged > ${file}`);
    const isRestored = await until(vm, `grep -q right ${file}`, RESTORED_MS);
    const restoredS = isRestored ? (performance.now() - beganMs) / 1000 : undefined;
    if (!isRestored) faults.push(`${file} was not put right in ${RESTORED_MS / 1000} s`);
    const { cpuNs, ...look } = await lookInto(vm);
    const nowMs = performance.now();
    const cpuShare = cpu && (cpuNs - cpu.ns) / 1e6 / (nowMs - cpu.atMs);
    cpu = { ns: cpuNs, atMs: nowMs };
    const check: OutageCheck = {
      atS: (nowMs - stoppedMs) / 1000,
      memoryBytes: look.memoryBytes,
      queue: look.queue,
      ...(restoredS !== undefined && { restoredS }),
      ...(cpuShare !== undefined && { cpuShare }),
    };
    checks.push(check);
    faults.push(...faultsOf(check, look.failed));
    say(`${(check.atS / 60).toFixed(1)} min: ${look.queue.length} reports wait`);
    const restMs = Math.min(beganMs + CHECK_EVERY_MS, stoppedMs + minutes * 60_000) - performance.now();
    if (restMs > 0) await sleep(restMs);
  }

  const queued = await queuedReports(vm);
  await server.start();
  const startedMs = performance.now();
  const since = () => (performance.now() - startedMs) / 1000;
  say(`the server is there again; ${queued.length} reports wait`);
  const known = new Set(server.reports.slice(0, before).map(({ id }) => id));
  // One that the server had already says nothing: it is kept once.
  const wanted = [...new Set(queued.map(({ id }) => id))].filter((id) => !known.has(id));
  const arrived = () => server.reports.slice(before).filter(({ id }) => wanted.includes(id));
  const allThere = watch
    .until(() => (arrived().length === wanted.length ? since() : undefined), 'the reports', BACK_MS)
    .catch(() => undefined);
  const backS = (await until(vm, `grep -q '"state": "connected"' /run/statectl/agent.json`, BACK_MS))
    ? since()
    : undefined;
  if (backS === undefined) faults.push(`the agent did not come back to its server in ${BACK_MS / 60_000} min`);
  const reportsS = await allThere;
  const came = arrived().map(({ id }) => id);
  const lost = wanted.length - came.length;
  const ordered = came.every((id, index) => id === wanted.filter((each) => came.includes(each))[index]);
  if (lost > 0) faults.push(`${lost} reports were lost`);
  if (!ordered) faults.push('the reports came in another order');
  for (let index = 1; index <= checks.length; index += 1) {
    const told = arrived().filter(({ agent }) => agent.applied?.includes(fileOf(index))).length;
    if (told !== 1) faults.push(`${fileOf(index)} was put right, and that was told ${told} times`);
  }
  await until(vm, `! ls ${QUEUE}/*.json`, 30_000);
  const after = await lookInto(vm);
  if (after.queue.length > 0) faults.push(`${after.queue.length} reports still wait`);
  if (after.dropped > 0) faults.push(`${after.dropped} reports were dropped`);
  if (after.failed !== '') faults.push(`afterwards failed: ${after.failed}`);
  return {
    minutes,
    checks,
    killedS,
    ...(backS && { backS }),
    ...(reportsS && { reportsS }),
    queued: queued.length,
    lost,
    ordered,
    faults,
  };
}

const nodeFile = (files: number): string => `match: { uuid: ${UUID} }
set:
  identity: { trust: network }
  etc:
    edits: overwrite
    files:
${Array.from({ length: files }, (_, index) => `      ${fileOf(index + 1)}: { text: "right\\n" }\n`).join('')}`;

/** Whether it became true in time. The guest looks for itself, so that nobody asks all the time. */
async function until(vm: Machine, condition: string, ms: number): Promise<boolean> {
  const endMs = performance.now() + ms;
  for (let leftMs = ms; leftMs > 0; leftMs = endMs - performance.now()) {
    const tries = Math.ceil(Math.min(leftMs, 60_000) / 1000);
    const loop = `n=0; until ${condition}; do n=$((n + 1)); [ $n -lt ${tries} ] || exit 0; sleep 1; done 2>/dev/null`;
    if ((await vm.run(`${loop}; echo yes`)).endsWith('yes')) return true;
  }
  return false;
}

/** As a lack of memory would. */
async function killAgent(vm: Machine): Promise<number> {
  const pid = await vm.run('systemctl show -P MainPID statectl-agent');
  const beganMs = performance.now();
  await vm.run('systemctl kill -s KILL statectl-agent');
  await until(
    vm,
    `grep -q '"pid": ' /run/statectl/agent.json && ! grep -q '"pid": ${pid},' /run/statectl/agent.json`,
    RESTORED_MS,
  );
  return (performance.now() - beganMs) / 1000;
}

/** What is true inside now. */
async function lookInto(vm: Machine) {
  const text = await vm.run(`systemctl --failed --no-legend --plain | tr '\\n' ' '; echo
systemctl show -P CPUUsageNSec statectl-agent
awk '/^RssAnon/ { print $2 }' /proc/$(systemctl show -P MainPID statectl-agent)/status
ls ${QUEUE} | grep -c json
cat ${QUEUE}/*.json 2>/dev/null | wc -c
cat ${QUEUE}/dropped 2>/dev/null || echo 0`);
  const [failed = '', cpuNs, memoryKib, length, bytes, dropped] = text.split('\n');
  return {
    failed: failed.trim(),
    cpuNs: Number(cpuNs),
    memoryBytes: Number(memoryKib) * 1024,
    queue: { length: Number(length), bytes: Number(bytes) },
    dropped: Number(dropped),
  };
}

function faultsOf({ atS, memoryBytes, cpuShare = 0, queue }: OutageCheck, failed: string): readonly string[] {
  const at = `after ${(atS / 60).toFixed(1)} min`;
  return [
    ...(failed === '' ? [] : [`${at} failed: ${failed}`]),
    ...(memoryBytes > 0 && memoryBytes < MOST_MEMORY_BYTES ? [] : [`${at} the agent had ${memoryBytes} bytes`]),
    ...(cpuShare < MOST_CPU_SHARE ? [] : [`${at} the agent took ${(cpuShare * 100).toFixed(0)} % of a processor`]),
    ...(queue.length <= QUEUE_LIMITS.reports && queue.bytes <= QUEUE_LIMITS.bytes
      ? []
      : [`${at} ${queue.length} reports wait`]),
  ];
}

/** In the order of the queue. */
async function queuedReports(vm: Machine): Promise<readonly AgentReport[]> {
  const text = await vm.run(`for file in ${QUEUE}/*.json; do cat $file; echo; done`);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as AgentReport);
}
