import { COPIES, CURRENT_COPY } from '../../fetch/local-copy.ts';
import { type CycleState, otherSlot, type Slot, type SlotRecord } from '../../slots/cycle-state.ts';
import type { Decision, FlagDue } from '../../slots/decide.ts';
import { CYCLE, EVIDENCE_FILES } from '../../slots/evidence.ts';
import { slotFolder } from '../../slots/image-place.ts';
import { FLAG_NAME, JOURNAL_FILE, KEY_FILE, ORDERS_FILE } from '../../slots/look-at-cycles.ts';
import type { Facts } from '../facts/facts.ts';
import type { Step } from '../steps/step.ts';
import { decisionOf } from './cycle-decision.ts';

/** The last before the chosen system is mounted: its attempt is in the journal, and whoever it is knows of which cycle. Pure. */
export function planCycle(facts: Facts): readonly Step[] {
  const decision = decisionOf(facts);
  const attempt = decision?.state.attempt;
  const record = attempt && decision?.state[attempt.slot];
  if (!decision || !attempt || !record) return [];
  const { cycle: { look } = { look: undefined } } = facts.root;
  if (!look) return [];
  const { tries } = facts.config.update;
  const { cycle, slot, bootId, windowMs } = attempt;
  const isCurrent =
    facts.root.slots !== undefined || look.current === record.digest || decision.choice.kind === 'image';
  return [
    {
      kind: 'begin-cycle',
      journals: [JOURNAL_FILE],
      keyFile: KEY_FILE,
      state: decision.state,
      seq: look.journal.seq + 1,
      flags: flagsDue(facts, decision.flagsDue),
      spent: [...EVIDENCE_FILES, ORDERS_FILE],
      cycleFile: CYCLE,
      ...(!isCurrent && { pointer: { path: `${COPIES}/${CURRENT_COPY}`, content: `${record.digest}\n` } }),
      cycle: {
        cycle,
        bootId,
        slot,
        windowMs,
        tries: (record.healthyCycles === 0 ? tries.update : tries.image) - record.failed,
        ...(decision.judged && { verdict: decision.judged.verdict }),
        // Where nothing else can be booted, a system whose health fails stays up for who comes to see.
        ...(!(decision.acts && isFit(decision.state[otherSlot(slot)])) && { act: false }),
      },
    },
  ];
}

/** With where each lies. Pure. */
export const flagsDue = ({ root }: Facts, due: readonly FlagDue[]) =>
  due.map((each) => ({
    ...each,
    path: `${root.slots ? slotFolder(each.slot) : `${COPIES}/${each.flag.image}`}/${FLAG_NAME}`,
  }));

/** Before a slot is written: the journal says so, and what was judged. No attempt is counted yet. Pure. */
export function planAnnouncement(facts: Facts, slot: Slot): readonly Step[] {
  const decision = decisionOf(facts);
  const record = decision?.state[slot];
  const { look } = facts.root.cycle ?? {};
  if (!decision || !record || !look) return [];
  const { attempt, ...state } = decision.state;
  const announced: CycleState = {
    ...state,
    cycle: Math.max((attempt?.cycle ?? state.cycle + 1) - 1, look.keyCycle ?? 0),
    [slot]: { ...record, state: 'REPAIRING' },
  };
  return [
    {
      kind: 'begin-cycle',
      announces: slot,
      journals: [JOURNAL_FILE],
      keyFile: KEY_FILE,
      state: announced,
      seq: look.journal.seq + 1,
      flags: flagsDue(
        facts,
        decision.flagsDue.filter((due) => due.slot !== slot),
      ),
      spent: [...EVIDENCE_FILES, ORDERS_FILE],
      cycleFile: CYCLE,
    },
  ];
}

const isFit = (other: SlotRecord | undefined): boolean => other?.state === 'GOOD' || other?.state === 'FRESH';

/** Images in the store that neither slot has. Pure. */
export const imagesWithoutSlot = (stale: readonly string[], { state }: Decision): readonly string[] =>
  stale.filter((digest) => digest !== state.a?.digest && digest !== state.b?.digest);
