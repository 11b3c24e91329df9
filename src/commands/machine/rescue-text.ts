import { phaseAfter, type RescueState, sayState } from '../../boot/record/rescue-state.ts';
import { redact } from '../../machine/logs/redact.ts';
import { printable, printableLine } from '../../printable.ts';
import { asciiTable } from '../ascii-table.ts';

/** Why there is a rescue shell, and what can be done in it; in the running system, what is left to read. */
export function rescueOverview(state: RescueState, inInitramfs: boolean): string {
  const failed =
    state.kind === 'failed'
      ? `  ${printable(redact(state.text), '  ')}\n${state.hint ? `→ ${printable(redact(state.hint), '  ')}\n` : ''}`
      : '';
  const rows = [...READING, ...(inInitramfs ? doing(state) : [])].map(([words, does]) => [
    `  statectl rescue ${words}`,
    does,
  ]);
  return `${sayState(state)}\n${failed}\n${asciiTable(rows)}`;
}

type Row = readonly [words: string, does: string];

const READING: readonly Row[] = [
  ['report', 'the whole report'],
  ['log', 'what was done, in order'],
  ['config', 'the settings in force, without secrets'],
  ['plan', 'the steps of this boot as commands'],
];

const LEAVING: readonly Row[] = [
  ['shell [TTY]', 'another shell, here or on another console'],
  ['reboot [--force]', 'reboot'],
  ['poweroff', 'switch the machine off'],
];

function doing(state: RescueState): readonly Row[] {
  switch (state.kind) {
    case 'failed': {
      const next = phaseAfter(state.phase);
      const goOn: readonly Row[] = next ? [['continue', `leave ${state.phase} out and go on with ${next}`]] : [];
      return [['retry [PHASE]', `try ${state.phase} again, or begin at an earlier phase`], ...goOn, ...LEAVING];
    }
    case 'break':
      return [['continue', `go on with ${state.phase}`], ...LEAVING];
    case 'asked':
      return [['continue', 'boot'], ...LEAVING];
    default:
      return [['retry', 'boot anew'], ...LEAVING];
  }
}

/** `network.waitMs: 10000`, a line for each setting. */
export function flatSettings(value: unknown, path = ''): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `${printableLine(`${path}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)}\n`;
  return Object.entries(value)
    .map(([key, inner]) => flatSettings(inner, path === '' ? key : `${path}.${key}`))
    .join('');
}
