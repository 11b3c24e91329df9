import { reasonOf } from '../error.ts';
import { userDataDevice } from '../machine/facts/disks.ts';
import { IDENTITY } from '../machine/identity/identity.ts';
import { RUN } from '../machine/paths.ts';
import { EventData } from '../protocol/events.ts';
import type { AgentHost, Refresh, Renew } from './agent.ts';
import { agentStateFile, readAgentState } from './agent-state.ts';
import { readBootRecord } from './apply/booted.ts';
import { keepRenewed } from './identity/keep-renewed.ts';
import { keepRefreshed } from './keep-refreshed.ts';
import { readFacts } from './refresh.ts';
import { agentReports } from './reports/agent-reports.ts';
import { type QueueLimits, reportQueue } from './reports/report-queue.ts';
import { bell } from './servers/bell.ts';
import { keepConnected } from './servers/keep-connected.ts';
import { withMachineHttp } from './servers/machine-http.ts';
import { serverChoice } from './servers/server-choice.ts';
import { openSession } from './servers/server-session.ts';
import { settingsHolder } from './servers/server-settings.ts';

export interface AgentParts {
  readonly refresh: Refresh;
  readonly renew: Renew;
  readonly queueLimits?: QueueLimits;
}

const KEPT_QUEUE = '/user-data/persistent/statectl/queue';
const RAM_QUEUE = `${RUN}/queue`;
/** A task that fails as it never should begins anew after this long. */
const AGAIN_MS = 60_000;

/**
 * The agent: keeps an event stream to the best server, what the machine is to be applied, its certificate valid and its
 * reports on their way, until the signal. Whatever fails is told and tried again; nothing of it disturbs the system.
 */
export async function runAgent(machine: AgentHost, parts: AgentParts, signal: AbortSignal): Promise<void> {
  const { clock, console, files } = machine;
  const record = await readBootRecord(machine);
  const facts = await readFacts(machine);
  const before = await readAgentState(machine);
  const held = await settingsHolder(machine, facts);
  const host = withMachineHttp(machine, facts, held.settings);
  const queue = reportQueue(host, userDataDevice(facts) ? KEPT_QUEUE : RAM_QUEUE, parts.queueLimits);
  const nowMs = clock.now();
  const file = agentStateFile(host, {
    pid: Number(await files.readlink('/proc/self').catch(() => '0')),
    startedMs: nowMs,
    connection: { state: 'away', sinceMs: nowMs, why: 'just started' },
    queue: await queue.status(),
  });
  const [wake, refreshBell, renewBell, reportBell] = [bell(clock), bell(clock), bell(clock), bell(clock)];
  const { connectMs, stallMs } = facts.config.server;
  /** Whom to ask: the server that the machine is at, or else all that it knows. */
  const servers = (): readonly string[] => {
    const { state, server } = file.state.connection;
    const others = held.settings().all.filter((url) => url !== server);
    return state === 'connected' && server ? [server, ...others] : [...others, ...(server ? [server] : [])];
  };
  const reports = agentReports(host, {
    record,
    facts,
    queue,
    settings: held.settings,
    servers,
    bell: reportBell,
    file,
  });

  const tasks: Readonly<Record<string, () => Promise<unknown>>> = {
    events: () =>
      keepConnected(
        {
          clock,
          choice: serverChoice(host, held.settings),
          settings: held.settings,
          open: (server, lastEventId, until) =>
            openSession(
              host,
              server,
              {
                identity: IDENTITY,
                authorities: held.settings().server.authorities ?? [],
                connectMs,
                stallMs,
                ...(lastEventId !== undefined && { lastEventId }),
              },
              until,
            ),
          heard({ event, data }, server) {
            void file.change({ lastEvent: { event, server, atMs: clock.now() } });
            if (event === 'bundle' || event === 'resync') refreshBell.ring();
            if (event === 'identity') reports.tell('identity', { server, ...EventData.parse(data) });
          },
          changed(connection) {
            const was = file.state.connection;
            void file.change({ connection });
            if (connection.state === 'connected') {
              if (was.state !== 'connected' || was.server !== connection.server)
                reports.tell('connected', { server: connection.server, why: connection.why });
              if (connection.stays !== undefined && connection.stays !== was.stays)
                reports.tell('server-kept', { server: connection.server, why: connection.stays });
              reportBell.ring();
            } else if (was.state === 'connected')
              reports.tell('server-lost', { server: was.server, why: connection.why });
          },
          wake,
          ...(before && { before: before.connection }),
        },
        signal,
      ),
    bundle: () =>
      keepRefreshed(
        {
          clock,
          servers,
          bell: refreshBell,
          pollMs: () => held.settings().server.probe.intervalMs,
          isConnected: () => file.state.connection.state === 'connected',
          refresh: (server) => parts.refresh(host, server, signal),
          async refreshed(result, server) {
            const was = file.state.refreshed;
            await file.change({ refreshed: { ...result, server, atMs: clock.now() } });
            if (await held.readAgain()) {
              wake.ring();
              renewBell.ring();
            }
            // Also what was put right while no server was there: nobody would ever know of it.
            const isApplied = result.state === 'applied' || result.applied.length > 0;
            const isNews = isApplied || (result.state === 'refused' && was?.reason !== result.reason);
            if (isNews) reports.tell('bundle', { server, ...result });
          },
        },
        signal,
      ),
    certificate: () =>
      keepRenewed(
        {
          clock,
          bell: renewBell,
          renew: () => parts.renew(host, servers(), signal),
          async renewed(result) {
            const was = file.state.renewed;
            await file.change({ renewed: { ...result, atMs: clock.now() } });
            if (result.state === 'renewed') wake.ring();
            if (result.state === 'renewed' || (result.state === 'refused' && was?.state !== 'refused'))
              reports.tell('certificate', { ...result });
          },
        },
        signal,
      ),
    reports: () => reports.keepSending(signal),
  };

  const never = async (name: string, task: () => Promise<unknown>): Promise<void> => {
    while (!signal.aborted)
      try {
        await task();
      } catch (error) {
        if (signal.aborted) return;
        console.line('error', `${name}: ${reasonOf(error)}; it begins anew in ${AGAIN_MS / 1000} s`);
        await clock.sleep(AGAIN_MS, signal).catch(() => {});
      }
  };
  await reports.tellStarted();
  await Promise.all(Object.entries(tasks).map(([name, task]) => never(name, task)));
}
