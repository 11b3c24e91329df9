import type { Clock } from '../../host/host.ts';
import { type Bell, bell } from '../servers/bell.ts';
import { isBusy, type PrinterState } from './printer-state.ts';

/** What the tasks of the agent know of the printers of this machine. */
export interface Prints {
  /** Whether it prints or is paused; not where nobody knows. */
  isPrinting(printer: string): boolean;
  states(): Readonly<Record<string, PrinterState>>;
  change(printer: string, state: PrinterState): void;
  /** Rung by each change. */
  readonly changed: Bell;
}

/** Begins with what the agent before knew, until somebody looked. */
export function printsKnown(clock: Pick<Clock, 'sleep'>, before: Readonly<Record<string, PrinterState>>): Prints {
  const states = new Map(Object.entries(before));
  const changed = bell(clock);
  return {
    isPrinting(printer) {
      const state = states.get(printer);
      return state !== undefined && isBusy(state);
    },
    states: () => Object.fromEntries(states),
    change(printer, state) {
      states.set(printer, state);
      changed.ring();
    },
    changed,
  };
}
