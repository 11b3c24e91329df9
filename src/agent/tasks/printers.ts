import { entryOf } from '../../entry-of.ts';
import { processStart } from '../../host/process-start.ts';
import { keepLocks } from '../printers/keep-locks.ts';
import { watchPrinter } from '../printers/watch-printer.ts';
import { type AgentTask, shownTime } from './task.ts';

/** What the printers of this machine are at, and a lock for each print. */
export const printers: AgentTask = {
  name: 'printers',

  async run({ host, facts, file, before, bells, prints, reports }, signal) {
    const { pid } = file.state;
    const start = await processStart(host.files, pid);
    // One that fails ends the others, which begin anew with it.
    const end = new AbortController();
    const stop = () => end.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    const { printers: known, lock } = facts.config.state;
    try {
      return await Promise.race([
        ...Object.values(known).map(({ name, data, socket }) =>
          watchPrinter(
            host,
            { data, socket },
            {
              before: entryOf(before?.prints ?? {}, name),
              tell: (state) => prints.change(name, state),
              alarm: ({ kind, ...about }) => reports.tell(kind, { printer: name, ...about }),
            },
            end.signal,
          ),
        ),
        keepLocks(
          host,
          {
            ...{ prints, limitMs: lock.limitMs, self: { pid, ...(start !== undefined && { start }) } },
            tell: (locks) => file.change({ locks, prints: prints.states() }),
            free() {
              bells.bundle.ring();
              bells.certificate.ring();
            },
          },
          end.signal,
        ),
      ]);
    } finally {
      signal.removeEventListener('abort', stop);
      end.abort(new Error('the task begins anew'));
    }
  },

  status: ({ prints: states = {}, locks = [] }) => [
    ...Object.entries(states).map(([name, { state, file: printed, sinceMs, by, why }]): readonly [string, string] => [
      `printer ${name}`,
      [
        `${state}${printed === undefined ? '' : ` ${printed}`} since ${shownTime(sinceMs)}`,
        ...(by === undefined ? [] : [`as ${by} says`]),
        ...(why === undefined || why === '' ? [] : [why]),
      ].join('; '),
    ]),
    ...locks.map(({ name, holder, what, untilMs }): readonly [string, string] => [
      `lock ${name}`,
      `${holder}: ${what}, at most until ${shownTime(untilMs)}`,
    ]),
  ],
};
