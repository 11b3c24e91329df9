import { describe, expect, it } from 'vitest';
import { type CheckResult, type Gate, nextGate, nextLookMs } from '../../../../src/agent/health/gate.ts';

const LIMITS = { timeoutMs: 300_000, stableMs: 60_000 };
const good = (run?: string): readonly CheckResult[] => [
  { name: 'root', need: 'required' },
  { name: 'service klipper', need: 'required', ...(run !== undefined && { run }) },
];
const bad = (need: CheckResult['need'] = 'required'): readonly CheckResult[] => [
  { name: 'root', need: 'required' },
  { name: 'service klipper', need, why: 'it is failed' },
];

/** The gate's states by the seconds at which they begin, looked at when it asks for it; `sinceMs` is 10 s after the start of the kernel. */
function story(results: (seconds: number) => readonly CheckResult[], untilSeconds = 1_000, begin: Partial<Gate> = {}) {
  let gate: Gate = { state: 'waiting', sinceMs: 10_000, ...begin };
  const seen: string[] = [];
  for (let nowMs: number | undefined = 10_000; nowMs !== undefined && nowMs <= 10_000 + untilSeconds * 1000; ) {
    const was = gate.state;
    gate = nextGate(gate, results(nowMs / 1000 - 10), nowMs, LIMITS);
    if (gate.state !== was) seen.push(`${nowMs / 1000 - 10} ${gate.state} ${gate.failed?.check ?? ''}`.trim());
    nowMs = nextLookMs(gate, nowMs, LIMITS);
  }
  return { seen, gate };
}

describe('the health gate', () => {
  it('passes when all is good and stays so for a minute', () => {
    expect(story(() => good()).seen).toEqual(['60 started']);
    expect(story((s) => (s < 42 ? bad() : good())).seen).toEqual(['105 started']);
  });

  it('fails when the time is over, and says by what', () => {
    const { seen, gate } = story(() => bad());
    expect(seen).toEqual(['300 failed service klipper']);
    expect(gate.failed).toEqual({ check: 'service klipper', reason: 'it is failed' });
  });

  it('begins the minute anew when something was good for 20 s and then dead', () => {
    expect(story((s) => (s >= 20 && s < 40 ? bad() : good())).seen).toEqual(['100 started']);
    expect(story((s) => (s % 40 < 20 ? good() : bad())).seen).toEqual(['300 failed service klipper']);
  });

  it.each([
    [299, '360 started'],
    [300, '360 started'],
    [301, '300 failed service klipper'],
  ])('that is good after %i s of 300 has: %s', (goodAfter, then) => {
    expect(story((s) => (s < goodAfter ? bad() : good()), 400).seen[0]).toBe(then);
  });

  it('that was good at the last moment fails at once when it does not stay so', () => {
    expect(story((s) => (s > 290 && s < 320 ? good() : bad())).seen).toEqual(['320 failed service klipper']);
  });

  it('is not passed by a service that is started anew again and again and looks good each time', () => {
    expect(story((s) => good(`run ${Math.floor(s / 45)}`)).seen).toEqual(['315 failed service klipper']);
    expect(story((s) => good(s < 45 ? 'first' : 'second')).seen).toEqual(['105 started']);
  });

  it('passes with what is only wanted', () => {
    expect(story(() => bad('wanted')).seen).toEqual(['60 started']);
  });

  it('that failed and was left alone passes late, once it is good for a minute', () => {
    expect(story((s) => (s < 1_000 ? bad() : good()), 2_000).seen).toEqual([
      '300 failed service klipper',
      '1080 started',
    ]);
    expect(story((s) => (s > 500 && s < 530 ? good() : bad())).gate.state).toBe('failed');
  });

  it('goes on with the time that another agent began, and asks for a whole minute of its own', () => {
    expect(story(() => bad(), 1_000, { sinceMs: -200_000 }).seen).toEqual(['90 failed service klipper']);
    expect(story(() => good(), 1_000, { sinceMs: -400_000 }).seen).toEqual(['60 started']);
  });

  it('that passed stays so, and is looked at for an hour', () => {
    let looks = 0;
    const { seen, gate } = story((s) => {
      looks += s > 60 ? 1 : 0;
      return s > 60 ? bad() : good();
    }, 10_000);
    expect(seen).toEqual(['60 started']);
    expect(looks).toBe(60);
    expect(nextLookMs(gate, 3_670_000, LIMITS)).toBeUndefined();
  });
});
