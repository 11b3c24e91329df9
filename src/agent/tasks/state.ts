import { entryOf } from '../../entry-of.ts';
import type { ItemStatus, PrinterStatus } from '../state/item-status.ts';
import { keepPrinters } from '../state/keep-printers.ts';
import { type AgentTask, shownTime } from './task.ts';

/** A server that is away for a moment is no news. */
const AHEAD_IS_NEWS_MS = 60_000;

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
    const { file, reports, host } = agent;
    const told = new Map<string, string>();
    const change = (printer: string, changes: Partial<PrinterStatus>): void => {
      const before = file.state.printers ?? {};
      const was: PrinterStatus = entryOf(before, printer) ?? { lease: 0, items: {} };
      void file.change({ printers: { ...before, [printer]: { ...was, ...changes } } });
    };
    return keepPrinters(
      agent,
      {
        began: (printer, { lease, server, why }) =>
          change(printer, { lease, ...(server !== undefined && { server }), ...(why !== undefined && { why }) }),
        tell(printer, item, status) {
          const { items = {} } = entryOf(file.state.printers ?? {}, printer) ?? {};
          change(printer, { items: { ...items, [item]: status } });
          const { state: how, sinceMs = host.clock.now() } = status;
          if (how === 'ahead' && host.clock.now() - sinceMs < AHEAD_IS_NEWS_MS) return;
          const news = `${how} ${status.branch ?? ''}`;
          const key = `${printer}/${item}`;
          if (told.get(key) === news) return;
          told.set(key, news);
          reports.tell('state', { printer, item, ...status });
        },
      },
      signal,
    );
  },

  status({ printers = {} }) {
    return Object.entries(printers).flatMap(([printer, status]) =>
      status
        ? [
            ...(status.why === undefined ? [] : [[printer, `what this boot does is a BRANCH: ${status.why}`] as const]),
            ...Object.entries(status.items).map(
              ([item, one]) => [`${printer} ${item}`, one ? shown(one) : ''] as const,
            ),
          ]
        : [],
    );
  },
};

/** More are told by the server: `statectl printer branches`. */
const MOST_NAMES = 5;

function shown({ state: how, ahead, sinceMs, lastMs, branch, lacking = [], why }: ItemStatus): string {
  const words = [
    `${STATES[how]}${branch === undefined ? '' : ` ${branch}`}`,
    ...(lacking.length === 0
      ? []
      : [
          `the line lacks ${lacking.slice(0, MOST_NAMES).join(', ')}${lacking.length > MOST_NAMES ? ` and ${lacking.length - MOST_NAMES} more` : ''}`,
        ]),
    ...(ahead === undefined ? [] : [`the server lacks ${ahead}`]),
    ...(sinceMs === undefined ? [] : [`since ${shownTime(sinceMs)}`]),
    ...(lastMs === undefined ? [] : [`last ${shownTime(lastMs)}`]),
  ];
  return `${words.join(', ')}${why === undefined ? '' : ` (${why})`}`;
}
