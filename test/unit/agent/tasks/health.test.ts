import { describe, expect, it } from 'vitest';
import type { AgentState } from '../../../../src/agent/agent-state.ts';
import { printsKnown } from '../../../../src/agent/printers/prints.ts';
import { health } from '../../../../src/agent/tasks/health.ts';
import type { Agent } from '../../../../src/agent/tasks/task.ts';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { readEvidence, writeEvidence } from '../../../../src/slots/evidence.ts';
import { createFacts } from '../../../fixtures/facts.ts';
import { createRecord } from '../../../fixtures/running-system.ts';

const CYCLE = { cycle: 17, bootId: '3f2a91c0-0000-4000-8000-000000000017' };
const ACTIVE = 'LoadState=loaded\nActiveState=active\nSubState=running\nType=simple\nInvocationID=aa11';
const MOUNTS = [
  '20 1 0:20 / /run/statectl/image ro - squashfs /dev/loop0 ro',
  '21 1 0:21 / / ro - overlay root ro,lowerdir=/run/statectl/image:/run/initramfs/skeleton',
].join('\n');

interface Machine {
  readonly files?: Readonly<Record<string, Seed>>;
  /** Whether its services run, by the seconds of its uptime. */
  readonly runs?: (seconds: number) => boolean;
}

/** A machine of systemd, with another system beside the one that runs, and one agent after the other. */
function machine({ files = {}, runs = () => true }: Machine = {}) {
  let running = 'running\n';
  const host = memoryHost({
    files: {
      '/run/statectl/cycle.json': JSON.stringify({ ...CYCLE, slot: 'a', windowMs: 300_000 }),
      '/proc/self/mountinfo': `${MOUNTS}\n`,
      ...files,
    },
    programs: {
      systemctl(argv) {
        if (argv[1] === 'is-system-running') return running;
        if (argv[1] === 'list-jobs') return '300 reboot.target start waiting\n';
        if (argv[1] !== 'show') return undefined;
        const units = argv.slice(argv.indexOf('--') + 1);
        const isUp = (unit: string) => unit.endsWith('.target') || runs(host.clock.uptimeMs() / 1000);
        return units.map((unit) => (isUp(unit) ? ACTIVE : ACTIVE.replace('active', 'failed'))).join('\n\n');
      },
      reboot: () => undefined,
    },
  });
  const usual = createFacts({ root: { blocks: [] } });
  const facts = {
    ...usual,
    config: {
      ...usual.config,
      update: { ...usual.config.update, health: { ...usual.config.update.health, services: ['app'] } },
    },
    system: { ...usual.system, install: { ...usual.system.install, serviceManager: 'systemd' } },
  };
  const told: object[] = [];
  let state = { connection: { state: 'connected' } } as AgentState;
  /** An agent that runs so long. */
  const agentFor = async (seconds: number) => {
    const before = state;
    let now = { connection: { state: 'connected' } } as AgentState;
    const file = {
      get state() {
        return now;
      },
      async change(changes: Partial<AgentState>) {
        now = { ...now, ...changes };
      },
    };
    const agent = {
      ...{ host, facts, file, before, record: createRecord(usual), prints: printsKnown(host.clock, {}) },
      held: { settings: () => ({ all: [] }) },
      reports: { tell: (what: string, about: object) => void told.push({ what, ...about }) },
    } as unknown as Agent;
    const stop = new AbortController();
    const run = health.run(agent, stop.signal).catch(() => {});
    await host.clock.sleep(seconds * 1000);
    state = now;
    stop.abort(new Error('the agent is stopped'));
    await run;
  };
  return {
    ...{ host, told, agentFor },
    left: async () => (await readEvidence(host, CYCLE)).evidence,
    goesDown: () => {
      running = 'stopping\n';
    },
    shown: () => health.status(state).map(([label, text]) => `${label}: ${text}`),
  };
}

describe('a machine with another system beside the one that runs', () => {
  it('has signs of life until its start counts, which is on the disk and told', async () => {
    const { agentFor, left, told, shown } = machine();
    await agentFor(100);
    expect(await left()).toMatchObject({
      alive: { uptimeMs: 60_000, gateMs: 60_000 },
      started: { checks: ['system', 'root', 'persistent', 'service app', 'server'] },
    });
    expect(told).toEqual([{ what: 'health', state: 'started', afterMs: 60_000 }]);
    expect(shown()[0]).toBe('health: PASSED 2026-11-20 12:01:00');
  });

  it('is rebooted by an agent that began anew in between, at the time of the first', async () => {
    const { agentFor, left, host } = machine({ runs: () => false });
    await agentFor(200);
    expect(await left()).toMatchObject({ alive: { gateMs: 180_000 } });
    await agentFor(120);
    expect((await left()).failed).toMatchObject({ check: 'service app' });
    expect(host.commands.filter((line) => line === 'systemctl reboot')).toHaveLength(1);
    expect(host.calls.findIndex((call) => call.kind === 'run' && call.argv[1] === 'reboot')).toBeGreaterThan(0);
  });

  it('is not asked again by an agent that began anew after its start counted, nor is what stands on the disk written again', async () => {
    const { agentFor, left, host, told } = machine({ runs: (seconds) => seconds < 200 });
    await agentFor(100);
    const first = await left();
    await agentFor(1_000);
    expect((await left()).started).toEqual(first.started);
    expect((await left()).failed).toBeUndefined();
    expect(host.commands).not.toContain('systemctl reboot');
    expect(told.at(-1)).toMatchObject({ state: 'failing', check: 'service app' });
  });

  it('that somebody reboots before its start counted leaves word of that; one that goes on all the same takes it back', async () => {
    const { agentFor, left, goesDown } = machine();
    await agentFor(20);
    expect((await left()).deliberate).toBeUndefined();
    goesDown();
    await agentFor(20);
    expect((await left()).deliberate).toMatchObject({ by: 'reboot.target' });
    // A soft-reboot: the kernel, and so the cycle, is the same.
    await agentFor(100);
    expect(Object.keys(await left()).toSorted()).toEqual(['alive', 'started']);
  });

  it('takes back that its services ended when they run again', async () => {
    const { agentFor, left, host } = machine();
    await writeEvidence(host, 'stopping', CYCLE, {});
    await agentFor(20);
    expect((await left()).stopping).toBeUndefined();
  });

  it.each<[string, Seed]>([
    ['damaged', '{"cycle":17,'],
    ['another account’s', { data: JSON.stringify(CYCLE), uid: 1000 }],
  ])('whose word of that is %s keeps none, is told so, and is not rebooted', async (_, seed) => {
    const { agentFor, left, host, told } = machine({
      files: { '/run/statectl/cycle.json': seed },
      runs: () => false,
    });
    await agentFor(600);
    expect(await left()).toEqual({});
    expect(host.commands).not.toContain('systemctl reboot');
    expect(host.lines.map(({ text }) => text).join()).toContain('/run/statectl/cycle.json counts as absent');
    expect(told).toEqual([expect.objectContaining({ state: 'failed', check: 'service app', answer: 'stays' })]);
  });
});
