import type { Status } from '../../agent/status.ts';
import { shownTime } from '../../agent/tasks/task.ts';
import { TASKS } from '../../agent/tasks/tasks.ts';
import { asciiTable } from '../ascii-table.ts';

/** What the agent is at, for people: itself, then what each of its tasks says. */
export const agentText = (agent: NonNullable<Status['agent']>): string =>
  asciiTable([
    ['  agent', agent.runs ? `runs since ${shownTime(agent.startedMs)}` : 'DOES NOT RUN; what it left:'],
    ...TASKS.flatMap(({ status }) => status(agent).map(([label, text]) => [`  ${label}`, text])),
  ]);
