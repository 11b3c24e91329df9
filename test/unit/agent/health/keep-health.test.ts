import { describe, expect, it } from 'vitest';
import type { CheckResult, Gate } from '../../../../src/agent/health/gate.ts';
import type { GoingDown } from '../../../../src/agent/health/going-down.ts';
import { gateBefore, type HealthStatus } from '../../../../src/agent/health/health-status.ts';
import { healthText } from '../../../../src/agent/health/health-text.ts';
import { keepHealth } from '../../../../src/agent/health/keep-health.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { type Cycle, readEvidence } from '../../../../src/slots/evidence.ts';

const CYCLE: Cycle = { cycle: 17, bootId: '3f2a91c0-0000-4000-8000-000000000017' };
const LIMITS = { timeoutMs: 300_000, stableMs: 60_000 };

interface Story {
  /** By seconds since the agent of the story began: why klipper does not run. */
  readonly klipper?: (seconds: number) => string | undefined | Error;
  readonly held?: (seconds: number) => readonly string[];
  readonly cycle?: Partial<Cycle> | 'none';
  readonly down?: GoingDown;
  readonly before?: HealthStatus;
  readonly capacityBytes?: number;
  readonly lookMs?: number;
}

/** What happens on a machine within so many seconds. */
async function after(untilSeconds: number, story: Story = {}) {
  const { klipper = () => undefined, held = () => [], cycle = {}, down, before, lookMs = 0 } = story;
  const host = memoryHost(story.capacityBytes === undefined ? {} : { capacityBytes: story.capacityBytes });
  const { clock } = host;
  const seconds = () => Math.round(clock.uptimeMs() / 1000);
  const reports: string[] = [];
  const reboots: number[] = [];
  const ended: string[] = [];
  let status = before;
  const kept = cycle === 'none' ? undefined : { ...CYCLE, ...cycle };
  const end = new AbortController();
  const running = keepHealth(
    host,
    {
      gate: gateBefore(before, clock.uptimeMs()),
      limits: LIMITS,
      ...(kept && { cycle: kept }),
      async look(deadline) {
        await clock.sleep(lookMs, deadline).catch(() => ended.push(`${seconds()} a script was ended`));
        const why = klipper(seconds());
        if (why instanceof Error) throw why;
        return [
          { name: 'root', need: 'required' },
          { name: 'service klipper', need: 'required', ...(why !== undefined && { why }) },
        ] satisfies readonly CheckResult[];
      },
      holding: async () => held(seconds()),
      reboot: async () => void reboots.push(seconds()),
      goingDown: async () => down,
      status: () => status,
      tell: async (next) => {
        status = next;
      },
      report: (about) => {
        const { state, check = '', answer = '' } = about as Record<string, string>;
        reports.push(`${seconds()} ${state} ${check} ${answer}`.trim());
      },
    },
    end.signal,
  ).catch(() => {});
  await clock.sleep(untilSeconds * 1000);
  end.abort(new Error('the agent stops'));
  await running;
  const { evidence } = await readEvidence(host, CYCLE);
  const shown = status && healthText(status).map(([label, text]) => `${label}: ${text}`);
  return { host, evidence, reports, reboots, ended, status: status as HealthStatus, shown };
}

const dead = () => 'it is failed (exit-code)';

describe('a machine whose system', () => {
  it('is good for a minute leaves that it started, and by which checks', async () => {
    const { evidence, reports, reboots, shown } = await after(120);
    expect(evidence).toEqual({ started: expect.objectContaining({ ...CYCLE, checks: ['root', 'service klipper'] }) });
    expect(reports).toEqual(['60 started']);
    expect(reboots).toEqual([]);
    expect(shown).toEqual(['health: PASSED 2026-11-20 12:01:00']);
  });

  it('does not come up is rebooted when the time is over, and has left why', async () => {
    const { evidence, reports, reboots, shown } = await after(320, { klipper: dead });
    expect(evidence).toEqual({
      failed: expect.objectContaining({ ...CYCLE, check: 'service klipper', reason: 'it is failed (exit-code)' }),
    });
    expect(reports).toEqual(['300 failed service klipper reboots']);
    expect(reboots).toEqual([305]);
    expect(shown).toEqual([
      'health: FAILED 2026-11-20 12:05:00 by service klipper: it is failed (exit-code); the machine reboots',
      '  service klipper: NOT GOOD: it is failed (exit-code), since 2026-11-20 12:00:00',
    ]);
  });

  it('fails while a print runs waits for its end, says for whom, and is rebooted then', async () => {
    const held = (s: number) => (s < 4_000 ? ['print-voron (Klipper of voron: prints a.gcode)'] : []);
    const during = await after(3_900, { klipper: dead, held });
    expect(during.reboots).toEqual([]);
    expect(during.reports).toEqual(['300 failed service klipper held']);
    expect(during.shown?.[0]).toContain(
      'the machine reboots when this is over: print-voron (Klipper of voron: prints a.gcode)',
    );
    const { reboots, reports, evidence } = await after(4_100, { klipper: dead, held });
    expect(reports.at(-1)).toBe('4020 failed service klipper reboots');
    expect(reboots).toEqual([4_025]);
    expect(evidence.failed?.check).toBe('service klipper');
  });

  it('fails, and has a print begun in the moment before its reboot, waits for the end of that', async () => {
    const held = (s: number) => (s > 300 && s < 4_000 ? ['print-voron (Klipper of voron: prints a.gcode)'] : []);
    const { reboots, reports } = await after(4_100, { klipper: dead, held });
    expect(reports).toEqual([
      '300 failed service klipper reboots',
      '335 failed service klipper held',
      '4025 failed service klipper reboots',
    ]);
    expect(reboots).toEqual([4_030]);
  });

  it('is good after all while a print holds it started late, and is not rebooted', async () => {
    const story = { klipper: (s: number) => (s < 1_000 ? dead() : undefined), held: () => ['print-voron (…)'] };
    const { reboots, evidence, reports } = await after(2_000, story);
    expect(reboots).toEqual([]);
    expect(evidence).toEqual({ started: expect.objectContaining({ checks: ['root', 'service klipper'] }) });
    expect(reports).toEqual(['300 failed service klipper held', '1080 started']);
  });

  it('fails where nothing else can be booted stays up and tells it', async () => {
    const { reboots, evidence, shown, reports } = await after(3_600, { klipper: dead, cycle: 'none' });
    expect(reboots).toEqual([]);
    expect(evidence).toEqual({});
    expect(reports).toEqual(['300 failed service klipper stays']);
    expect(shown?.[0]).toContain('the machine stays up: there is no other system here to boot');
  });

  it.each([{ verdict: 'ENVIRONMENT' }, { act: false }])(
    'fails as the other one did (%j) is never rebooted',
    async (cycle) => {
      const { reboots, evidence } = await after(3_600, { klipper: dead, cycle });
      expect(reboots).toEqual([]);
      expect(evidence.failed?.check).toBe('service klipper');
    },
  );

  it('cannot be looked at has failed, too', async () => {
    const { evidence, reboots } = await after(320, { klipper: () => new Error('mountinfo is not to be read') });
    expect(evidence.failed).toMatchObject({ check: 'look', reason: 'mountinfo is not to be read' });
    expect(reboots).toEqual([305]);
  });

  it('has a script that hangs fails when the time is over, not when the script is', async () => {
    const { reports, ended } = await after(400, { klipper: dead, lookMs: 29_000 });
    expect(ended[0]).toBe('300 a script was ended');
    expect(reports[0]).toBe('300 failed service klipper reboots');
  });

  it('fails after it had started is told, and that it is good again, for an hour', async () => {
    const klipper = (s: number) => (s > 600 && s < 1_200 ? dead() : undefined);
    const { reports, reboots, evidence, shown } = await after(1_000, { klipper });
    expect(reports).toEqual(['60 started', '660 failing service klipper']);
    expect(shown?.[0]).toBe('health: PASSED 2026-11-20 12:01:00, and since then 1 of 2 checks are good');
    expect(reboots).toEqual([]);
    expect(Object.keys(evidence)).toEqual(['started']);
    expect((await after(7_200, { klipper })).reports.at(-1)).toBe('1200 good again');
  });

  it('does not reboot although it was told to is told again, ten minutes later', async () => {
    expect((await after(1_000, { klipper: dead })).reboots).toEqual([305, 910]);
  });
});

describe('a disk that takes nothing', () => {
  it('does not keep a failed machine from its reboot, and is told once', async () => {
    const { reboots, host } = await after(320, { klipper: dead, capacityBytes: 10 });
    expect(reboots).toEqual([305]);
    expect(host.lines.filter(({ text }) => text.includes('is not on the disk'))).toHaveLength(1);
  });
});

describe('an agent that begins anew', () => {
  const was = (gate: Gate): HealthStatus => ({ gate, atMs: 0, checks: [] });

  it('goes on with the time of the one before, and sees a whole minute itself', async () => {
    const host = memoryHost();
    await host.clock.sleep(250_000);
    expect(gateBefore(was({ state: 'waiting', sinceMs: 10_000, goodMs: 240_000 }), 250_000)).toEqual({
      state: 'waiting',
      sinceMs: 10_000,
    });
    const failed = { check: 'root', reason: 'it is tmpfs' };
    expect(gateBefore(was({ state: 'failed', sinceMs: 1, changedMs: 2, failed }), 9)).toEqual({
      ...{ state: 'failed', sinceMs: 1, changedMs: 2, failed },
    });
    expect(gateBefore(was({ state: 'started', sinceMs: 1, changedMs: 2 }), 9).state).toBe('started');
  });

  it.each([
    undefined,
    {},
    { gate: 'started' },
    { gate: { state: 'started' } },
    { gate: { state: 'started', sinceMs: 0 } },
    { gate: { state: 'good', sinceMs: 'x' } },
    { gate: { state: 'waiting', sinceMs: 10_000 } },
  ])('believes nothing of another version that makes no sense: %j', (before) => {
    expect(gateBefore(before as unknown as HealthStatus, 5_000).state).toBe('waiting');
    expect(gateBefore(before as unknown as HealthStatus, 5_000).sinceMs).toBeLessThanOrEqual(5_000);
  });

  it('holds what failed for failed, and acts', async () => {
    const gate: Gate = { state: 'failed', sinceMs: 0, changedMs: 0, failed: { check: 'root', reason: 'it is tmpfs' } };
    const { reboots } = await after(60, { klipper: dead, before: was(gate) });
    expect(reboots).toEqual([5]);
  });
});

describe('a system that ends', () => {
  it('before it had started, by a person’s wish, has that on the disk', async () => {
    const { evidence } = await after(20, { down: { kind: 'asked', by: 'reboot.target' } });
    expect(evidence).toEqual({ deliberate: expect.objectContaining({ ...CYCLE, by: 'reboot.target' }) });
  });

  it('by a unit that failed has failed: no person wanted it', async () => {
    const why = 'it failed, and its FailureAction=reboot ends the system';
    const { evidence } = await after(20, { down: { kind: 'failed', unit: 'app.service', why } });
    expect(evidence).toEqual({ failed: expect.objectContaining({ check: 'unit app.service', reason: why }) });
  });

  it('says nothing when only the agent is stopped, or after the gate was done', async () => {
    expect((await after(20)).evidence).toEqual({});
    expect(Object.keys((await after(120, { down: { kind: 'asked', by: 'reboot.target' } })).evidence)).toEqual([
      'started',
    ]);
    const failed = await after(320, { klipper: dead, down: { kind: 'asked', by: 'reboot.target' } });
    expect(Object.keys(failed.evidence)).toEqual(['failed']);
  });
});
