import { describe, expect, it } from 'vitest';
import { type MemoryHostOptions, memoryHost } from '../../../../src/host/memory.ts';
import type { ClockFacts } from '../../../../src/machine/facts/machine-facts.ts';
import type { Step } from '../../../../src/machine/steps/step.ts';
import { applyStep } from '../../../../src/machine/steps/step.ts';
import { clockFacts, planClock, planTime } from '../../../../src/machine/time/clock.ts';
import { createFacts, createLease } from '../../../fixtures/facts.ts';

const BUILT_MS = Date.UTC(2026, 10, 20, 12);
const YEAR_MS = 365 * 86_400_000;
const at = (nowMs: number): ClockFacts => ({ nowMs, floorMs: BUILT_MS });

/** What a step does to a machine, and what is told. */
async function apply(step: Step | undefined, options: MemoryHostOptions) {
  if (!step) throw new Error('no step');
  const host = memoryHost(options);
  const told: string[] = [];
  await applyStep(step, host, {
    say: (text) => void told.push(`say ${text}`),
    warn: (text) => void told.push(`warn ${text}`),
    signal: new AbortController().signal,
  });
  return { commands: host.commands, told: told.join('\n') };
}

describe('the clock of a machine', () => {
  it('is what it says, and at least when its initramfs was built', async () => {
    const host = memoryHost({ files: { '/etc/built': '1795176000\n' }, startMs: 1000 });
    expect(await clockFacts(host)).toEqual({ nowMs: 1000, floorMs: 1_795_176_000_000 });
    expect(await clockFacts(memoryHost({ files: { '/etc/built': 'soon' } }))).toMatchObject({ floorMs: 0 });
    expect(await clockFacts(memoryHost())).toMatchObject({ floorMs: 0 });
  });

  it('is set forward where it is before that, and never back', () => {
    expect(planClock(createFacts({ machine: { clock: at(0) } }))).toEqual([
      { kind: 'set-clock', nowMs: 0, toMs: BUILT_MS },
    ]);
    for (const clock of [at(BUILT_MS), at(BUILT_MS + 50 * YEAR_MS), { nowMs: 0, floorMs: 0 }, undefined])
      expect(planClock(createFacts({ machine: { clock } }))).toEqual([]);
  });

  it('that cannot be set is told, and the boot goes on', async () => {
    const step: Step = { kind: 'set-clock', nowMs: 0, toMs: BUILT_MS };
    expect(await apply(step, { programs: { date: () => '' } })).toEqual({
      commands: ['date -u -s @1795176000'],
      told: '',
    });
    const date = () => ({ exitCode: 1, stderr: 'date: can’t set date\n' });
    expect((await apply(step, { programs: { date } })).told).toMatch(/^warn the clock stays at .*: date: can’t set/);
    expect((await apply(step, {})).told).toMatch(/^warn the clock stays/);
  });
});

describe('time servers', () => {
  const lease = createLease({ ntp: ['10.0.2.9', '10.0.2.8'] });
  const wrong = { machine: { clock: at(0) }, network: { leases: [lease] } };

  it('are asked when the clock was wrong: in the past, or lost in the future', () => {
    const ask = { kind: 'ask-time', servers: ['10.0.2.9', '10.0.2.8'], seconds: 2, floorMs: BUILT_MS };
    expect(planTime(createFacts(wrong))).toEqual([ask]);
    expect(planTime(createFacts({ ...wrong, machine: { clock: at(BUILT_MS + 11 * YEAR_MS) } }))).toEqual([ask]);
  });

  it('are not asked by a machine whose clock is right, without a network, or when there are none', () => {
    expect(planTime(createFacts({ ...wrong, machine: { clock: at(BUILT_MS + YEAR_MS) } }))).toEqual([]);
    expect(planTime(createFacts({ ...wrong, network: { leases: [] } }))).toEqual([]);
    expect(planTime(createFacts({ ...wrong, network: { leases: [createLease()] } }))).toEqual([]);
    expect(planTime(createFacts({ ...wrong, machine: { clock: undefined } }))).toEqual([]);
  });

  const ask: Step = { kind: 'ask-time', servers: ['a', 'b'], seconds: 2, floorMs: BUILT_MS };
  const programs = { date: () => '' };

  it('set the clock, the first that answers', async () => {
    const { commands, told } = await apply(ask, { programs, timeServers: { b: BUILT_MS + 5000 } });
    expect(commands).toEqual(['date -u -s @1795176005']);
    expect(told).toBe('say it is 2026-11-20 12:00:05 UTC, b says');
  });

  it('are not believed a time before the initramfs was built, and silence is told', async () => {
    const { commands, told } = await apply(ask, { programs, timeServers: { a: BUILT_MS - 1000 } });
    expect(commands).toEqual([]);
    expect(told).toBe(
      'warn no time server says what time it is: a says 2026-11-20 11:59:59 UTC, which was before this initramfs was built; b: no answer in 2 s',
    );
  });
});
