import { setTimeout as sleep } from 'node:timers/promises';
import type { PhaseName } from '../../../src/boot/phase.ts';
import type { Slot, Verdict } from '../../../src/slots/cycle-state.ts';
import type { Machine } from './machine.ts';
import { rebooted, started, type TwoSystems } from './two-systems.ts';

/** How a cycle ends. */
const ENDS = ['in order', 'cut before it started', 'cut after it started'] as const;
type End = (typeof ENDS)[number];

interface EndedCycle {
  readonly end: End;
  /** When, where it was cut. */
  readonly at?: string;
  /** What its boot came to: what was tried before, what was mounted. Absent where it was cut before that. */
  readonly judged?: Verdict;
  readonly booted?: Slot;
  /** It is in the journal. */
  readonly isNoted: boolean;
}

const PHASES: readonly PhaseName[] = ['config', 'devices', 'network', 'slot', 'update', 'mount', 'install', 'handover'];
/** How long what is going on goes on until the power goes. */
const LATEST_MS = 1_500;

/** One cycle of a machine, which ends as this says; `random` gives numbers from 0 to 1. */
export async function powerCycle(machine: TwoSystems, end: End, random: () => number): Promise<EndedCycle> {
  await using vm = await machine.boot();
  const at = await ended(vm, end, random);
  const said = vm.events.flatMap((event) =>
    event.event === 'said' ? (/^cycle \d+ on slot [ab] .*\(([A-Z_]+)\)/.exec(event.text)?.[1] ?? []) : [],
  );
  const booted = machine.booted(vm);
  return {
    ...{ end, isNoted: vm.events.some((event) => event.event === 'step' && /slot [ab] is tried/.test(event.step)) },
    ...(at !== undefined && { at }),
    ...(said[0] !== undefined && { judged: said[0] as Verdict }),
    ...(booted && { booted }),
  };
}

async function ended(vm: Machine, end: End, random: () => number): Promise<string | undefined> {
  const lateMs = Math.round(random() * LATEST_MS);
  if (end !== 'cut before it started') {
    await vm.console(/kept: init of/);
    await started(vm);
    if (end === 'in order') return void (await rebooted(vm));
    await sleep(lateMs);
    await vm.cut();
    return `${lateMs} ms after it started`;
  }
  const phase = PHASES[Math.floor(random() * (PHASES.length + 1))];
  await (phase ? vm.event('phase-started', { phase }) : vm.event('handed-over'));
  await sleep(lateMs);
  await vm.cut();
  return `${lateMs} ms after ${phase ? `the phase ${phase} began` : 'it was handed over'}`;
}

/** What the next boot may say of a cycle that ended so; `before` is what it may say of the one before. */
function allowed({ end, isNoted, at }: EndedCycle, before: readonly Verdict[]): readonly Verdict[] {
  if (end === 'in order') return ['HEALTHY'];
  if (end === 'cut after it started') return ['UNCLEAN_STOP'];
  // The power may have gone between the journal and its event, or after its start was good.
  if (!isNoted) return [...before, 'INTERRUPTED'];
  return at?.includes('handed over') ? ['INTERRUPTED', 'UNCLEAN_STOP'] : ['INTERRUPTED'];
}

export interface RandomCycles {
  readonly count: number;
  /** What the cycle before them was. */
  readonly before: Verdict;
  /** Gives numbers from 0 to 1. */
  readonly random: () => number;
}

/**
 * Cycles that end at random. Gives how many ended in each way; throws of the first boot of another system, or with a verdict that
 * is not what happened.
 */
export async function randomCycles(machine: TwoSystems, { count, before, random }: RandomCycles): Promise<string> {
  const counts = new Map<End, number>();
  let verdicts: readonly Verdict[] = [before];
  for (let number = 1; number <= count; number += 1) {
    const end = ENDS[Math.floor(random() * ENDS.length)] ?? 'in order';
    const cycle = await powerCycle(machine, end, random);
    const told = `cycle ${number}: ${JSON.stringify(cycle)}, after ${verdicts.join(' or ')}`;
    if (cycle.booted === 'b') throw new Error(`a false switch in ${told}`);
    if (cycle.judged && !verdicts.includes(cycle.judged)) throw new Error(`a wrong verdict in ${told}`);
    verdicts = allowed(cycle, verdicts);
    counts.set(end, (counts.get(end) ?? 0) + 1);
  }
  return [...counts].map(([end, times]) => `${times} ${end}`).join(', ');
}
