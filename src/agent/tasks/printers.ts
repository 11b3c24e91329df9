import { entryOf } from '../../entry-of.ts';
import { processStart } from '../../host/kernel/process-start.ts';
import type { BoardStatus } from '../boards/board-status.ts';
import { boardText } from '../boards/board-text.ts';
import { keepLocks } from '../printers/keep-locks.ts';
import type { PrinterState } from '../printers/printer-state.ts';
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
    const told = new Map(Object.entries(before?.prints ?? {}).map(([name, { board }]) => [name, newsOf(board)]));
    const tellBoard = (printer: string, board: BoardStatus | undefined): void => {
      // One that begins anew says nothing until it knows.
      if (board === undefined || told.get(printer) === newsOf(board)) return;
      told.set(printer, newsOf(board));
      // What every report has of boards is as new as this one.
      void file.change({ prints: prints.states() });
      const { health, cause } = board;
      reports.tell('board', { printer, health, cause, text: boardText(board) });
    };
    try {
      return await Promise.race([
        ...Object.values(known).map(({ name, data, socket }) =>
          watchPrinter(
            host,
            { data, socket },
            {
              before: entryOf(before?.prints ?? {}, name),
              tell(state) {
                prints.change(name, state);
                tellBoard(name, state.board);
              },
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
    ...Object.entries(states).flatMap(([name, { board, ...print }]): readonly (readonly [string, string])[] => [
      [`printer ${name}`, printText(print)],
      ...(board ? [[`board of ${name}`, `${boardText(board)}, since ${shownTime(board.sinceMs)}`] as const] : []),
    ]),
    ...locks.map(({ name, holder, what, untilMs }): readonly [string, string] => [
      `lock ${name}`,
      `${holder}: ${what}, at most until ${shownTime(untilMs)}`,
    ]),
  ],
};

const printText = ({ state, file, sinceMs, by, why }: PrinterState): string =>
  [
    `${state}${file === undefined ? '' : ` ${file}`} since ${shownTime(sinceMs)}`,
    ...(by === undefined ? [] : [`as ${by} says`]),
    ...(why === undefined || why === '' ? [] : [why]),
  ].join('; ');

/** What of a board is worth a report when it is another. */
const newsOf = (board: BoardStatus | undefined): string | undefined =>
  board && JSON.stringify([board.cause, board.mcu, board.klipper, board.mcus]);
