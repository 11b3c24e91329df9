import { expect, it } from 'vitest';
import { healthMetrics, writeHealthMetrics } from '../../../../src/agent/health/health-metrics.ts';
import type { HealthStatus } from '../../../../src/agent/health/health-status.ts';
import { memoryHost } from '../../../../src/host/memory.ts';

const STATUS: HealthStatus = {
  gate: { state: 'started', sinceMs: 9_000, changedMs: 70_000 },
  atMs: 1_795_000_000_500,
  checks: [
    { name: 'root', need: 'required', sinceMs: 0 },
    { name: 'script "a"', need: 'wanted', why: 'exit status 1', sinceMs: 0 },
  ],
};

it('the health of a system is told to node_exporter, each check by its name', () => {
  expect(healthMetrics(STATUS)).toMatchInlineSnapshot(`
    "# HELP statectl_health_state Whether the start of the system counts as good: 1 at what it is.
    # TYPE statectl_health_state gauge
    statectl_health_state{state="waiting"} 0
    statectl_health_state{state="started"} 1
    statectl_health_state{state="failed"} 0
    # HELP statectl_health_state_timestamp_seconds Since when, Unix time.
    # TYPE statectl_health_state_timestamp_seconds gauge
    statectl_health_state_timestamp_seconds 1795000000.5
    # HELP statectl_health_check 1: it is as it must be.
    # TYPE statectl_health_check gauge
    statectl_health_check{check="root",need="required"} 1
    statectl_health_check{check="script \\"a\\"",need="wanted"} 0
    "
  `);
});

it('a folder that takes nothing is told', async () => {
  expect(await writeHealthMetrics(memoryHost(), '/var/lib/metrics', STATUS)).toBeUndefined();
  const host = memoryHost({ capacityBytes: 10 });
  expect(await writeHealthMetrics(host, '/var/lib/metrics', STATUS)).toContain('cannot be written: ENOSPC');
});
