import { constants } from 'node:os';
import { answer, initBody, refusal } from '../wire/reply.ts';

/** FUSE_REQ_ID_STEP: the kernel numbers requests so, in the order in which they are read. */
const STEP = 2n;
/** The first request of every mount. */
const INIT = STEP;
/** So many are noted at once, before the first of them is answered. */
const WINDOW = 1_024n * STEP;
/** What was read, and not noted yet: no more than are read at a time, and what the kernel took back. */
const MARGIN = 64n * STEP;
/** What every kernel has that can do what is needed here (7.31, Linux 5.4). */
const OLDEST = { minor: 31, readAheadBytes: 128 * 1024 };

/** Which requests may have been read, from one process that serves to the next. */
export interface SeenRequests {
  /** It was read. */
  see(unique: bigint): void;
}

/** `note`: writes down up to which number requests may have been read by now. */
export function seenRequests(note: (to: bigint) => void): SeenRequests {
  let noted: bigint | undefined;
  return {
    see(unique) {
      // A mount begins anew with its INIT.
      if (noted !== undefined && unique !== INIT && unique <= noted) return;
      noted = unique + WINDOW;
      note(noted);
    },
  };
}

/**
 * What is said to a kernel that does not ask again, of requests that whoever served before read and did not answer: else those who
 * wait for them wait for ever, and no signal ends it. They were interrupted (EINTR), which Python asks again, so Klipper and Moonraker
 * know nothing of it; what was read ahead the kernel itself reads again. A number that nobody waits for goes nowhere.
 * `to`: as it was noted; `waiting`: those that had not been answered for longer. Pure.
 */
export function lostAnswers(to: bigint | undefined, waiting: readonly bigint[]): readonly Buffer[] {
  const lost = new Set(waiting);
  if (to !== undefined) {
    const from = to - WINDOW - MARGIN;
    for (let unique = from > INIT ? from : INIT + STEP; unique <= to + MARGIN; unique += STEP) lost.add(unique);
  }
  // A file system whose INIT fails is none: it is answered for whoever was ended before that.
  return [answer(INIT, initBody(OLDEST)), ...[...lost].map((unique) => refusal(unique, constants.errno.EINTR))];
}
