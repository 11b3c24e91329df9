import type { AgentTask } from './task.ts';

/** What changed here, on its way to a server. */
export const reports: AgentTask = {
  name: 'reports',
  run: (agent, signal) => agent.reports.keepSending(signal),
  status: ({ queue }) =>
    queue && queue.length + queue.dropped > 0
      ? [['reports', `${queue.length} wait to be sent, ${queue.dropped} were dropped`]]
      : [],
};
