import type { SlotsStatus } from '../../agent/slots-status.ts';
import { printableLine } from '../../printable.ts';
import { SLOTS } from '../../slots/cycle-state.ts';
import { slotSentence, verdictSentence } from '../../slots/words.ts';
import { asciiTable } from '../ascii-table.ts';

const SEALS = {
  T0: 'T0: the journal is guarded by checksums alone, against accidents',
  T1: 'T1: the journal is sealed by a key on this disk, against accidents and strange hands, not against root',
} as const;

/** The systems, what a person ordered, and how the last cycles ended. */
export function slotsText(status: SlotsStatus): string {
  const { attempt, images, prefer, trial, environment, denied, past, notes, orders, tier } = status;
  const rows = SLOTS.flatMap((slot) => {
    const record = status[slot];
    if (!record) return [[`  ${slot}`, 'empty', '']];
    const image = images[slot];
    const marks = [
      ...(attempt?.slot === slot ? ['booted now'] : []),
      ...(prefer === slot ? ['chosen by a person'] : []),
      ...(trial === slot ? ['on trial'] : []),
    ];
    return [
      [
        `  ${slot}${attempt?.slot === slot ? ' *' : ''}`,
        printableLine(image ? `${image.name} ${image.version}` : record.digest.slice(0, 12)),
        printableLine([slotSentence(record), ...marks].join(', ')),
      ],
    ];
  });
  const lines = [
    ...(environment === undefined
      ? []
      : [`! both systems fail the check ${environment}: nothing is switched until one starts`]),
    ...orders.map(({ verb, slot }) => `! at the next boot: ${verb} ${slot}`),
    ...denied.map((digest) => `not installed again: ${digest.slice(0, 12)}`),
    ...notes.map((note) => `! ${note}`),
    ...past.map((each) => verdictSentence(each)),
    ...(attempt ? [`cycle ${attempt.cycle} on slot ${attempt.slot} is this one: the next boot judges it`] : []),
    SEALS[tier],
  ];
  return `${asciiTable(rows)}${lines.map((line) => `  ${printableLine(line)}\n`).join('')}`;
}
