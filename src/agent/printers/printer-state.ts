import { short } from '../../machine/locks/lock.ts';
import type { BoardStatus } from '../boards/board-status.ts';
import type { ObjectStatus } from './dialect.ts';

/** What a printer is at, as `statectl status` tells it. Times are Unix ms. */
export interface PrinterState {
  /** `away`: nobody answers for it, and nothing speaks for a print. */
  readonly state: 'printing' | 'paused' | 'idle' | 'away';
  readonly sinceMs: number;
  readonly file?: string;
  /** Who says so. */
  readonly by?: 'klipper' | 'moonraker';
  /** Klipper's process, where it says it. */
  readonly pid?: number;
  /** When that process started, as /proc says it. */
  readonly start?: string;
  /** In Klipper's words: how the last print ended, what is wrong, or why nobody answers. */
  readonly why?: string;
  /** Absent where Klipper says nothing of its boards: it is away, begins, or does not understand its config. */
  readonly board?: BoardStatus;
}

/** All that was said of a printer by now: what is told later is only what changed. */
export interface Said {
  readonly klippy: string;
  readonly klippyWhy: string;
  readonly print: string;
  readonly file: string;
  readonly message: string;
  readonly isActive: boolean;
  /** By PAUSE: a print that stopped otherwise is paused too, and RESUME knows nothing of it. */
  readonly isPaused: boolean;
}

export const NOTHING_SAID: Said = {
  ...{ klippy: '', klippyWhy: '', print: '', file: '', message: '' },
  ...{ isActive: false, isPaused: false },
};

/** With what a message says. Pure. */
export function withStatus(said: Said, { webhooks, print_stats, virtual_sdcard, pause_resume }: ObjectStatus): Said {
  return {
    klippy: webhooks?.state ?? said.klippy,
    klippyWhy: webhooks?.state_message ?? said.klippyWhy,
    print: print_stats?.state ?? said.print,
    file: print_stats?.filename ?? said.file,
    message: print_stats?.message ?? said.message,
    isActive: virtual_sdcard?.is_active ?? said.isActive,
    isPaused: pause_resume?.is_paused ?? said.isPaused,
  };
}

/** What that comes to. A Klipper that is not ready prints nothing, whatever is left of the print before. Pure. */
export function stateOf(said: Said): Pick<PrinterState, 'state' | 'file' | 'why'> {
  const file = said.file === '' ? {} : { file: short(said.file) };
  if (said.klippy !== 'ready' && said.klippy !== '')
    return { state: 'idle', ...file, why: short(`Klipper is in ${said.klippy}: ${said.klippyWhy}`.trim()) };
  const why = said.message === '' ? {} : { why: short(said.message) };
  if (said.print === 'printing' || said.isActive) return { state: 'printing', ...file, ...why };
  if (said.print === 'paused') return { state: 'paused', ...file, ...why };
  if (said.print === '' || said.print === 'standby') return { state: 'idle', ...why };
  return { state: 'idle', ...file, why: short(`${said.print}${said.message === '' ? '' : `: ${said.message}`}`) };
}

/** A print that nobody would want to be disturbed. */
export const isBusy = ({ state }: Pick<PrinterState, 'state'>): boolean => state === 'printing' || state === 'paused';
