import type { Status } from '../../agent/status.ts';
import { asciiTable } from '../ascii-table.ts';

type Agent = NonNullable<Status['agent']>;

const REFRESHED: Readonly<Record<NonNullable<Agent['refreshed']>['state'], string>> = {
  unchanged: 'as the server has it',
  none: 'as at the boot: the server has none for machines',
  applied: 'applied',
  refused: 'REFUSED',
  unreachable: 'no server answered',
};

/** What the agent is at, for people. */
export const agentText = (agent: Agent): string =>
  asciiTable([
    ['  agent', agent.runs ? `runs since ${time(agent.startedMs)}` : 'DOES NOT RUN; what it left:'],
    ['  server', connectionText(agent)],
    ...(agent.lastEvent
      ? [['  last event', `${agent.lastEvent.event} of ${agent.lastEvent.server}, ${time(agent.lastEvent.atMs)}`]]
      : []),
    ...refreshedRows(agent),
    ...renewedRows(agent),
    ...(agent.queue && agent.queue.length + agent.queue.dropped > 0
      ? [['  reports', `${agent.queue.length} wait to be sent, ${agent.queue.dropped} were dropped`]]
      : []),
  ]);

const time = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

const connectionText = ({ connection: { state, server, sinceMs, why, stays } }: Agent): string =>
  state === 'connected'
    ? `${server} since ${time(sinceMs)} (${why})${stays === undefined ? '' : `; ${stays}`}`
    : `none since ${time(sinceMs)}: ${why}${server === undefined ? '' : `; it was ${server}`}`;

function refreshedRows({ refreshed }: Agent): readonly (readonly string[])[] {
  if (!refreshed) return [];
  const { state, applied, reason, atMs } = refreshed;
  const count = applied.length > 0 ? `: ${applied.length} ${applied.length === 1 ? 'path' : 'paths'}` : '';
  return [['  settings', `${REFRESHED[state]}${count}, ${time(atMs)}${reason ? ` (${reason})` : ''}`]];
}

function renewedRows({ renewed }: Agent): readonly (readonly string[])[] {
  if (!renewed) return [];
  const { state, nextAtMs, reason } = renewed;
  const why = reason ? ` (${reason})` : '';
  return [['  certificate', `${state}${why}; looked at again ${time(nextAtMs)}`]];
}
