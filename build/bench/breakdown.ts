import type { JournalLine } from '../../src/boot/record/journal-reader.ts';
import { printedAt, readMarker } from './console-reading.ts';

/** A part of a boot. */
export interface Stretch {
  readonly name: string;
  readonly seconds: number;
}

export interface BootTrace {
  readonly console: string;
  /** What came over the events port. */
  readonly events: readonly JournalLine[];
  /** From the start of qemu to the marker. */
  readonly wallS: number;
}

/** The kernel's last line before it runs /init, and the last of /init before it runs the controller. */
export const INIT_STARTED = 'Run /init as init process';
const INIT_READY = 'initramfs ready';

/** From power-on to the system's init, without a gap, for a boot of ours. Empty when the trace is not whole. */
export function breakdown({ console, events, wallS }: BootTrace): readonly Stretch[] {
  const marker = readMarker(console);
  const initS = printedAt(console, INIT_STARTED);
  const readyS = printedAt(console, INIT_READY);
  const startedS = momentOf(events, 'boot-started');
  const handedOverS = momentOf(events, 'handed-over');
  if (!marker || initS === undefined || readyS === undefined || startedS === undefined || handedOverS === undefined)
    return [];
  const phases = events.flatMap((entry): readonly Stretch[] =>
    entry.event === 'phase-ended' ? [{ name: `phase ${entry.phase}`, seconds: entry.tookMs / 1000 }] : [],
  );
  const inPhasesS = phases.reduce((sum, { seconds }) => sum + seconds, 0);
  return [
    { name: 'qemu and firmware, the kernel unpacks itself', seconds: wallS - marker.uptimeS },
    { name: 'kernel, until it runs /init', seconds: initS },
    { name: '/init: segments checked and mounted', seconds: readyS - initS },
    { name: 'the controller starts', seconds: startedS - readyS },
    ...phases,
    { name: 'between the phases', seconds: handedOverS - startedS - inPhasesS },
    { name: 'switch root, until the init speaks', seconds: marker.uptimeS - handedOverS },
  ];
}

function momentOf(events: readonly JournalLine[], name: JournalLine['event']): number | undefined {
  const found = events.find(({ event }) => event === name);
  return found && found.atMs / 1000;
}

/** From /init to the end of the controller; undefined for a boot that did not come so far. */
export function initToHandoverS({ console, events }: Pick<BootTrace, 'console' | 'events'>): number | undefined {
  const [from, to] = [printedAt(console, INIT_STARTED), momentOf(events, 'handed-over')];
  return from === undefined || to === undefined ? undefined : to - from;
}

/** The steps that took longest. */
export const slowestSteps = (events: readonly JournalLine[], count: number): readonly Stretch[] =>
  events
    .flatMap((entry): readonly Stretch[] =>
      entry.event === 'step' ? [{ name: `${entry.phase}: ${entry.step}`, seconds: entry.tookMs / 1000 }] : [],
    )
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, count);
