import type { Refreshed } from '../agent.ts';
import { keepRefreshed } from '../keep-refreshed.ts';
import { type AgentTask, shownTime } from './task.ts';

const STATES: Readonly<Record<Refreshed['state'], string>> = {
  unchanged: 'as the server has it',
  none: 'as at the boot: the server has none for machines',
  applied: 'applied',
  refused: 'REFUSED',
  unreachable: 'no server answered',
};

/** What the machine is to be, asked and applied. */
export const bundle: AgentTask = {
  name: 'bundle',

  run({ host, held, file, bells, reports, servers, refresh }, signal) {
    return keepRefreshed(
      {
        clock: host.clock,
        servers,
        bell: bells.bundle,
        pollMs: () => held.settings().server.probe.intervalMs,
        isConnected: () => file.state.connection.state === 'connected',
        refresh: (server) => refresh(host, server, signal),
        async refreshed(result, server) {
          const was = file.state.refreshed;
          await file.change({ refreshed: { ...result, server, atMs: host.clock.now() } });
          if (await held.readAgain()) {
            bells.events.ring();
            bells.certificate.ring();
          }
          // Also what was put right while no server was there: nobody would ever know of it.
          const isApplied = result.state === 'applied' || result.applied.length > 0;
          const isNews = isApplied || (result.state === 'refused' && was?.reason !== result.reason);
          if (isNews) reports.tell('bundle', { server, ...result });
        },
      },
      signal,
    );
  },

  status({ refreshed }) {
    if (!refreshed) return [];
    const { state, applied, reason, atMs } = refreshed;
    const count = applied.length > 0 ? `: ${applied.length} ${applied.length === 1 ? 'path' : 'paths'}` : '';
    return [['settings', `${STATES[state]}${count}, ${shownTime(atMs)}${reason ? ` (${reason})` : ''}`]];
  },
};
