import { entryOf } from '../../entry-of.ts';
import { keepPrinters } from '../state/keep-printers.ts';
import type { ItemStatus } from '../state/keeper.ts';
import { type AgentTask, shownTime } from './task.ts';

const STATES: Readonly<Record<ItemStatus['state'], string>> = {
  'in-step': 'in step',
  ahead: 'AHEAD of the server',
  branch: 'kept as a BRANCH',
  fault: 'NOT KEPT',
};

/** The states of printers, shipped as they change. */
export const state: AgentTask = {
  name: 'state',

  run(agent, signal) {
    const { file, reports } = agent;
    return keepPrinters(
      agent,
      (printer, item, status) => {
        const before = file.state.printers ?? {};
        const items = entryOf(before, printer) ?? {};
        const was = entryOf(items, item);
        void file.change({ printers: { ...before, [printer]: { ...items, [item]: status } } });
        if (was?.state !== status.state || was.branch !== status.branch || was.why !== status.why)
          reports.tell('state', { printer, item, ...status });
      },
      signal,
    );
  },

  status({ printers = {} }) {
    return Object.entries(printers).flatMap(([printer, items = {}]) =>
      Object.entries(items).map(([item, status]) => [`${printer} ${item}`, status ? shown(status) : ''] as const),
    );
  },
};

function shown({ state: how, ahead, sinceMs, lastMs, branch, why }: ItemStatus): string {
  const words = [
    `${STATES[how]}${branch === undefined ? '' : ` ${branch}`}`,
    ...(ahead === undefined ? [] : [`the server lacks ${ahead}`]),
    ...(sinceMs === undefined ? [] : [`since ${shownTime(sinceMs)}`]),
    ...(lastMs === undefined ? [] : [`last ${shownTime(lastMs)}`]),
  ];
  return `${words.join(', ')}${why === undefined ? '' : ` (${why})`}`;
}
