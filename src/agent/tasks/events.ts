import { IDENTITY } from '../../machine/identity/identity.ts';
import { EventData } from '../../protocol/events.ts';
import { type Connection, keepConnected } from '../servers/keep-connected.ts';
import { serverChoice } from '../servers/server-choice.ts';
import { openSession } from '../servers/server-session.ts';
import { type Agent, type AgentTask, shownTime } from './task.ts';

/** An event stream to the best server; what it says wakes the others. */
export const events: AgentTask = {
  name: 'events',

  run(agent, signal) {
    const { host, facts, held, file, bells, reports, before } = agent;
    const { connectMs, stallMs } = facts.config.server;
    return keepConnected(
      {
        clock: host.clock,
        choice: serverChoice(host, held.settings),
        settings: held.settings,
        open(server, lastEventId, until) {
          const authorities = held.settings().server.authorities ?? [];
          const last = lastEventId !== undefined && { lastEventId };
          return openSession(host, server, { identity: IDENTITY, authorities, connectMs, stallMs, ...last }, until);
        },
        heard({ event, data }, server) {
          void file.change({ lastEvent: { event, server, atMs: host.clock.now() } });
          if (event === 'bundle' || event === 'resync') bells.bundle.ring();
          if (event === 'identity') reports.tell('identity', { server, ...EventData.parse(data) });
        },
        changed: (connection) => tellConnection(agent, connection),
        wake: bells.events,
        ...(before && { before: before.connection }),
      },
      signal,
    );
  },

  status({ connection, lastEvent }) {
    const last = lastEvent && `${lastEvent.event} of ${lastEvent.server}, ${shownTime(lastEvent.atMs)}`;
    return [['server', connectionText(connection)], ...(last ? [['last event', last] as const] : [])];
  },
};

function tellConnection({ file, reports, bells }: Agent, connection: Connection): void {
  const was = file.state.connection;
  void file.change({ connection });
  if (connection.state === 'connected') {
    if (was.state !== 'connected' || was.server !== connection.server)
      reports.tell('connected', { server: connection.server, why: connection.why });
    if (connection.stays !== undefined && connection.stays !== was.stays)
      reports.tell('server-kept', { server: connection.server, why: connection.stays });
    bells.reports.ring();
  } else if (was.state === 'connected') reports.tell('server-lost', { server: was.server, why: connection.why });
}

const connectionText = ({ state, server, sinceMs, why, stays }: Connection): string =>
  state === 'connected'
    ? `${server} since ${shownTime(sinceMs)} (${why})${stays === undefined ? '' : `; ${stays}`}`
    : `none since ${shownTime(sinceMs)}: ${why}${server === undefined ? '' : `; it was ${server}`}`;
