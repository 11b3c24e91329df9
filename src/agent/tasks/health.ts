import { dropEvidence, readCycle, readEvidence } from '../../slots/evidence.ts';
import { goingDown } from '../health/going-down.ts';
import { writeHealthMetrics } from '../health/health-metrics.ts';
import { gateBefore, type HealthStatus } from '../health/health-status.ts';
import { healthText } from '../health/health-text.ts';
import { whoHolds } from '../health/holding.ts';
import { keepAlive } from '../health/keep-alive.ts';
import { keepHealth } from '../health/keep-health.ts';
import { healthLook } from '../health/look.ts';
import type { AgentTask } from './task.ts';

/** Whether this start of the system is a good one, and what that means for the next. */
export const health: AgentTask = {
  name: 'health',

  async run(agent, signal) {
    const { host, facts, file, before, prints, reports } = agent;
    const { clock, console, exec } = host;
    const manager = facts.system.install?.serviceManager;
    const { cycle, fault } = await readCycle(host);
    if (fault !== undefined) console.line('warning', fault);
    const { evidence, faults } = cycle ? await readEvidence(host, cycle) : { evidence: {}, faults: [] };
    for (const text of faults) console.line('warning', text);
    // A system that goes on did not end: a shutdown was cancelled, or only its services began anew (soft-reboot).
    if (evidence.deliberate) await dropEvidence(host, 'deliberate');
    if (evidence.stopping) await dropEvidence(host, 'stopping');
    const known = gateBefore(file.state.health ?? before?.health, clock.uptimeMs());
    const gate = evidence.started
      ? { ...known, state: 'started' as const, changedMs: known.changedMs ?? clock.uptimeMs() }
      : known;
    let status: HealthStatus | undefined = file.state.health ?? before?.health;
    let metricsFault: string | undefined;
    const startedMs = () => {
      const now = status?.gate ?? gate;
      return now.state === 'started' ? now.changedMs : undefined;
    };
    const kept = keepHealth(
      host,
      {
        gate,
        left: evidence.started ? 'started' : evidence.failed && 'failed',
        limits: facts.config.update.health,
        ...(cycle && { cycle }),
        look: healthLook(agent),
        holding: () => whoHolds(host, prints),
        async reboot(until) {
          const argv = manager === 'systemd' ? ['systemctl', 'reboot'] : ['reboot'];
          await exec.run(argv, { timeoutMs: 60_000, signal: until });
        },
        goingDown: (until) => goingDown(host, manager, until),
        status: () => status,
        async tell(next) {
          status = next;
          await file.change({ health: next });
          const { textfile } = facts.config.logging.metrics;
          const why = textfile === undefined ? undefined : await writeHealthMetrics(host, textfile, next);
          if (why !== undefined && why !== metricsFault) console.line('warning', why);
          metricsFault = why;
        },
        report: (about) => reports.tell('health', about),
      },
      signal,
    );
    if (!cycle) return await kept;
    const end = new AbortController();
    void keepAlive(host, { cycle, sinceMs: gate.sinceMs, startedMs }, end.signal).catch(() => {});
    try {
      // To its own end: when the agent is stopped it still has a word to leave.
      return await kept;
    } finally {
      end.abort(new Error('the task begins anew'));
    }
  },

  status: ({ health: status }) => (status ? healthText(status) : []),
};
