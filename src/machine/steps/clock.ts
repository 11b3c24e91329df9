import { shellLine } from '../../host/shell-line.ts';
import { dateArgv, shownTime } from '../time/clock-time.ts';
import { type AskTime, askTime, setClock } from '../time/set-clock.ts';
import { kind } from './kind.ts';

/** What time it is. */
export const clock = {
  /** Forward, to the least that it must say. */
  'set-clock': kind<{ readonly nowMs: number; readonly toMs: number }>({
    describe: ({ nowMs, toMs }) =>
      `set the clock from ${shownTime(nowMs)} to ${shownTime(toMs)}, when this initramfs was built`,
    command: ({ toMs }) => shellLine(dateArgv(toMs)),
    apply: setClock,
  }),

  'ask-time': kind<AskTime>({
    describe: ({ servers, seconds }) => `ask ${servers.join(', ')} what time it is (up to ${seconds} s)`,
    apply: askTime,
  }),
};
