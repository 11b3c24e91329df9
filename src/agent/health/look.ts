import { parseMountInfo } from '../../host/kernel/mount-table.ts';
import { readApplied } from '../apply/applied-record.ts';
import type { Agent } from '../tasks/task.ts';
import { mountChecks, persistentCheck, rootCheck, writeFault } from './checks/mount-checks.ts';
import { printerChecks } from './checks/printer-checks.ts';
import { serverCheck, urlChecks } from './checks/reach-checks.ts';
import { findScripts, runScript } from './checks/scripts.ts';
import { serviceChecks } from './checks/service-checks.ts';
import { systemCheck } from './checks/system-check.ts';
import type { CheckResult } from './gate.ts';

/** What is good and what not. `deadline` ends scripts; the agent's own signal is thrown. */
export type Look = (deadline: AbortSignal, signal: AbortSignal) => Promise<readonly CheckResult[]>;

type LookAgent = Pick<Agent, 'host' | 'facts' | 'record' | 'file' | 'held' | 'prints'>;

/** Looks at all that makes a start of this system a good one. Before the system has started, nothing else is asked. */
export function healthLook({ host, facts, record, file, held, prints }: LookAgent): Look {
  const { health } = facts.config.update;
  const manager = facts.system.install?.serviceManager;
  const system = systemCheck(host, manager, facts.config.services.target ?? 'default');
  const server = serverCheck(host, {
    record,
    servers: () => held.settings().all,
    isConnected: () => file.state.connection.state === 'connected',
  });
  const all = facts.config.state.printers;
  const printers = Object.values(all).filter(({ name }) => health.printers?.includes(name) ?? true);
  let isWritable = record.persistent === undefined;
  const persistent = async (mounts: ReturnType<typeof parseMountInfo>): Promise<CheckResult> => {
    const found = persistentCheck(record, facts, mounts);
    if (found.why !== undefined || isWritable) return found;
    // Once: a disk wears out, and faults that come later show in its flags.
    const why = await writeFault(host);
    isWritable = why === undefined;
    return why === undefined ? found : { ...found, why };
  };
  const scripts = async (deadline: AbortSignal): Promise<readonly CheckResult[]> => {
    const applied = await readApplied(host.files);
    const results: CheckResult[] = [];
    for (const script of await findScripts(host, new Set([...record.wrote, ...Object.keys(applied?.files ?? {})])))
      results.push(await runScript(host, script, deadline));
    return results;
  };
  return async (deadline, signal) => {
    const started = await system(signal);
    if (started.why !== undefined) return [started];
    const mounts = parseMountInfo(await host.files.readText('/proc/self/mountinfo'));
    const found = await Promise.all([
      rootCheck(record, mounts),
      persistent(mounts),
      mountChecks(health.mounts, facts, mounts),
      serviceChecks(host, manager, health, signal),
      server(signal),
      urlChecks(host, health.urls, signal),
      printerChecks(host, printers, prints.states(), signal),
      scripts(deadline),
    ]);
    signal.throwIfAborted();
    return [started, ...found.flat()];
  };
}
