import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { processStart } from '../../host/kernel/process-start.ts';
import { short } from '../../machine/locks/lock.ts';
import { mcuTalk } from '../../print/mcu-talk.ts';
import { type BoardStatus, boardStatus, type KnownVersions } from '../boards/board-status.ts';
import type { Heard, Request } from './dialect.ts';
import { isBusy, NOTHING_SAID, type PrinterState, stateOf, withStatus } from './printer-state.ts';

/** What an operator would want to know of, since Klipper tells nobody. */
export type PrintTrouble =
  /** The file was at its end before its size: it was cut while it was printed, and Klipper calls that complete. */
  | { readonly kind: 'print-cut'; readonly file: string; readonly position: number; readonly size: number }
  /** By no PAUSE: the file cannot be read. The heaters are on, and only M24 goes on. */
  | { readonly kind: 'print-stopped'; readonly file: string };

export interface RecordOptions {
  /** The folder of the printer, whose config says where its boards are. */
  readonly data: string;
  /** What the agent before this one knew. */
  readonly before?: PrinterState | undefined;
  readonly tell: (state: PrinterState) => void;
  readonly alarm: (trouble: PrintTrouble) => void;
}

/** What is known of one printer, from what is said of it and from when nobody answers. */
export interface PrinterRecord {
  /** Gives what is to be asked next. Throws `printer-refuses` where Klipper has no such question. */
  hear(by: NonNullable<PrinterState['by']>, heard: Heard): Promise<Request | undefined>;
  /** A print goes on as long as its process lives, whoever does not answer. */
  lost(why: string): Promise<void>;
}

/** A print of which nobody says the process is not over at once: a service may begin anew. */
const BENEFIT_MS = 60_000;
/** PAUSE stops the file first, and says that it was it afterwards. */
const PAUSE_MS = 5_000;

/** Begins with the print that the agent before knew of, as far as its process is the same. */
export async function printerRecord(
  { files, clock }: Pick<Host, 'files' | 'clock'>,
  { data, before, tell, alarm }: RecordOptions,
  signal: AbortSignal,
): Promise<PrinterRecord> {
  const isAlive = async ({ pid, start }: PrinterState): Promise<boolean> =>
    pid !== undefined && start !== undefined && (await processStart(files, pid)) === start;
  let state: PrinterState =
    before && isBusy(before) && (await isAlive(before)) ? before : { state: 'away', sinceMs: clock.now() };
  let said = NOTHING_SAID;
  let lostMs: number | undefined;
  let versions: KnownVersions = { mcus: {} };
  let board: BoardStatus | undefined = state.board ?? before?.board;

  const become = (next: Omit<PrinterState, 'sinceMs'>): void => {
    const isSame = next.state === state.state && next.file === state.file;
    state = { ...next, sinceMs: isSame ? state.sinceMs : clock.now() };
    tell(state);
  };
  /** Anew with each word of Klipper's, and while a board is not there with each beat: it may have come. */
  const lookAtBoard = async (): Promise<void> => {
    const talk = mcuTalk(said.klippy, said.klippyWhy);
    const found = talk && (await boardStatus({ files }, data, talk, versions));
    const sinceMs = found && found.cause === board?.cause ? board.sinceMs : clock.now();
    board = found && { ...found, sinceMs };
    const { board: _, sinceMs: __, ...rest } = state;
    become({ ...rest, ...(board && { board }) });
  };
  const isOver = async (): Promise<boolean> => {
    lostMs ??= clock.uptimeMs();
    if (!isBusy(state)) return true;
    if (state.pid !== undefined) return !(await isAlive(state));
    return clock.uptimeMs() - lostMs > BENEFIT_MS;
  };
  const lost = async (why: string): Promise<void> => {
    // Whoever answers next is asked for its boards, too.
    said = { ...said, klippy: '' };
    const { sinceMs: _, board: __, ...last } = state;
    become({ ...((await isOver()) ? { state: 'away' } : last), why: short(why) });
  };
  const lookAtPause = async (): Promise<void> => {
    const { sinceMs, file = '' } = state;
    await clock.sleep(PAUSE_MS, signal);
    const isStill = state.state === 'paused' && state.sinceMs === sinceMs;
    if (isStill && !said.isPaused && said.message === '') alarm({ kind: 'print-stopped', file });
  };

  tell(state);
  return {
    lost,
    async hear(by, heard) {
      switch (heard.kind) {
        case 'info': {
          const { pid: _pid, start: _start, ...rest } = state;
          // Of another pid namespace it says nothing here.
          const start = heard.pid === undefined ? undefined : await processStart(files, heard.pid);
          state = heard.pid === undefined || start === undefined ? rest : { ...rest, pid: heard.pid, start };
          versions = { ...versions, klipper: heard.version };
          if (state.board && state.board.health !== 'good') await lookAtBoard();
          return undefined;
        }
        case 'objects':
          return { boards: heard.boards };
        case 'boards':
          versions = { ...versions, mcus: heard.versions };
          await lookAtBoard();
          return undefined;
        case 'gone':
          await lost('Moonraker has no Klipper');
          said = NOTHING_SAID;
          return undefined;
        case 'error':
          // Moonraker says so while Klipper is away, and tells when it is there again.
          if (by === 'moonraker') await lost(heard.why);
          else throw new StatectlError('printer-refuses', `${by} answers: ${short(heard.why)}`);
          return undefined;
        case 'position':
          if (said.print === 'complete' && heard.position < heard.size) {
            const { position, size } = heard;
            alarm({ kind: 'print-cut', file: short(said.file), position, size });
          }
          return undefined;
        case 'status': {
          const [was, { klippy, klippyWhy }] = [state, said];
          lostMs = undefined;
          said = withStatus(said, heard.status);
          const { pid, start } = state;
          const isNews = said.klippy !== klippy || said.klippyWhy !== klippyWhy;
          const talk = mcuTalk(said.klippy, said.klippyWhy);
          become({
            ...stateOf(said),
            by,
            ...(!isNews && talk && board && { board }),
            ...(pid !== undefined && { pid }),
            ...(start !== undefined && { start }),
          });
          if (was.state === 'printing' && state.state === 'paused') void lookAtPause().catch(() => {});
          if (isNews && talk) return 'objects';
          return isBusy(was) && said.print === 'complete' ? 'position' : undefined;
        }
      }
    },
  };
}
