import { reasonOf } from '../error.ts';
import { userDataDevice } from '../machine/facts/disks.ts';
import { RUN } from '../machine/paths.ts';
import type { AgentHost, Refresh, Renew } from './agent.ts';
import { agentStateFile, readAgentState } from './agent-state.ts';
import { readFacts } from './apply/boot-facts.ts';
import { readBootRecord } from './apply/booted.ts';
import { printsKnown } from './printers/prints.ts';
import { agentReports } from './reports/agent-reports.ts';
import { type QueueLimits, reportQueue } from './reports/report-queue.ts';
import { bell } from './servers/bell.ts';
import { withMachineHttp } from './servers/machine-http.ts';
import { settingsHolder } from './servers/server-settings.ts';
import type { Agent, AgentTask } from './tasks/task.ts';
import { TASKS } from './tasks/tasks.ts';

export interface AgentParts {
  readonly refresh: Refresh;
  readonly renew: Renew;
  readonly queueLimits?: QueueLimits;
}

const KEPT_QUEUE = '/user-data/persistent/statectl/queue';
const RAM_QUEUE = `${RUN}/queue`;
/** So long the end waits for what was done last to be shipped. */
const SHIP_LAST_MS = 5_000;
const LOOK_MS = 100;
/** A task that fails as it never should begins anew after this long. */
const AGAIN_MS = 60_000;

/**
 * The agent: keeps an event stream to the best server, what the machine is to be applied, its certificate valid and its
 * reports on their way, until the signal; the states of printers a little longer, until what was done last is shipped. Whatever
 * fails is told and tried again; nothing of it disturbs the system.
 */
export async function runAgent(machine: AgentHost, parts: AgentParts, until: AbortSignal): Promise<void> {
  const agent = await beginAgent(machine, parts);
  const end = new AbortController();
  const { signal } = end;
  const finish = () => void shipLast(agent).finally(() => end.abort(until.reason));
  if (until.aborted) finish();
  else until.addEventListener('abort', finish, { once: true });
  const keep = async ({ name, run }: AgentTask): Promise<void> => {
    while (!signal.aborted)
      try {
        await run(agent, signal);
      } catch (error) {
        if (signal.aborted) return;
        machine.console.line('error', `${name}: ${reasonOf(error)}; it begins anew in ${AGAIN_MS / 1000} s`);
        await machine.clock.sleep(AGAIN_MS, signal).catch(() => {});
      }
  };
  await agent.reports.tellStarted();
  await Promise.all(TASKS.map(keep));
}

/** What runs stops before the agent does, and Moonraker commits once more. */
async function shipLast({ host: { clock }, file }: Agent): Promise<void> {
  const isAhead = (): boolean =>
    Object.values(file.state.printers ?? {}).some((printer) =>
      Object.values(printer?.items ?? {}).some((item) => item?.state === 'ahead'),
    );
  for (const endMs = clock.uptimeMs() + SHIP_LAST_MS; isAhead() && clock.uptimeMs() < endMs; )
    await clock.sleep(LOOK_MS);
}

/** What the tasks share, from what the boot and the agent before left. */
async function beginAgent(machine: AgentHost, { refresh, renew, queueLimits }: AgentParts): Promise<Agent> {
  const { clock, files } = machine;
  const record = await readBootRecord(machine);
  const facts = await readFacts(machine);
  const before = await readAgentState(machine);
  const held = await settingsHolder(machine, facts);
  const host = withMachineHttp(machine, facts, held.settings);
  const queue = reportQueue(host, userDataDevice(facts) ? KEPT_QUEUE : RAM_QUEUE, queueLimits);
  const nowMs = clock.now();
  const file = agentStateFile(host, {
    pid: Number(await files.readlink('/proc/self').catch(() => '0')),
    startedMs: nowMs,
    connection: { state: 'away', sinceMs: nowMs, why: 'just started' },
    queue: await queue.status(),
  });
  const bells = { events: bell(clock), bundle: bell(clock), certificate: bell(clock), reports: bell(clock) };
  const servers = (): readonly string[] => {
    const { state, server } = file.state.connection;
    const others = held.settings().all.filter((url) => url !== server);
    return state === 'connected' && server ? [server, ...others] : [...others, ...(server ? [server] : [])];
  };
  const { settings } = held;
  const reports = agentReports(host, { record, facts, queue, settings, servers, bell: bells.reports, file });
  const prints = printsKnown(clock, before?.prints ?? {});
  return { host, facts, record, held, file, before, reports, prints, bells, servers, refresh, renew };
}
