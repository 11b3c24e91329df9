import { readCycle, readEvidence } from '../../slots/evidence.ts';
import { keepAlive } from '../health/keep-alive.ts';
import type { AgentTask } from './task.ts';

/** Where there is nothing to do. */
const NEVER_MS = 24 * 60 * 60_000;

/** What this boot leaves for the verdict of the next one. */
export const health: AgentTask = {
  name: 'health',

  async run({ host, file, before }, signal) {
    const { clock, console } = host;
    const sinceMs = before?.health?.sinceMs ?? clock.uptimeMs();
    await file.change({ health: { sinceMs } });
    const { cycle, fault } = await readCycle(host);
    if (fault !== undefined) console.line('warning', fault);
    if (!cycle) for (;;) await clock.sleep(NEVER_MS, signal);
    const { evidence, faults } = await readEvidence(host, cycle);
    for (const text of faults) console.line('warning', text);
    const startedMs = evidence.started && clock.uptimeMs();
    return await keepAlive(host, { cycle, sinceMs, startedMs: () => startedMs }, signal);
  },

  status: () => [],
};
