import type { Claims } from '../../protocol/claims.ts';
import { MOST_CARDS } from '../../protocol/claims.ts';
import { macsOf } from '../../protocol/machine-identity.ts';
import { machineFromQuery } from '../machine.ts';

/** Reads the machine out of a query or a body. Throws `machine-invalid` for what is given twice. */
export type ReadMachine = (query: Readonly<Record<string, unknown>>) => Claims;

/** Anybody may claim anything: so many words are said of it, and so many UUIDs remembered, each with the last cards that it came with. */
const MOST_TOLD = 200;
const MOST_UUIDS = 20_000;

/**
 * Tells, each once, what an admin should look at: a claim that cannot be read, and a UUID that two machines have, so that
 * whatever goes by it takes them for one.
 */
export function machineReader(tell: (text: string) => void): ReadMachine {
  const told = new Set<string>();
  const once = (text: string): void => {
    if (told.has(text) || told.size > MOST_TOLD) return;
    told.add(text);
    tell(told.size > MOST_TOLD ? 'more is odd in what machines say of themselves, and is told no more' : text);
  };
  const cards = new Map<string, ReadonlySet<string>>();
  return (query) => {
    const machine = machineFromQuery(query, (odd) => once(`a machine says: ${odd}`));
    const macs = macsOf(machine);
    if (machine.uuid === undefined || macs.length === 0) return machine;
    const known = cards.get(machine.uuid);
    if (known && !macs.some((mac) => known.has(mac)))
      once(sharedUuid(machine.uuid, [[...known].toSorted()[0] as string, macs[0] as string]));
    // A machine is asked for by another of its cards, too.
    else if (known || cards.size < MOST_UUIDS)
      cards.set(machine.uuid, new Set([...macs, ...(known ?? [])].slice(0, MOST_CARDS)));
    return machine;
  };
}

/** `macs`: one of each machine. */
export const sharedUuid = (uuid: string, macs: readonly string[]): string =>
  `UUID ${uuid} is that of several machines, ${macs.toSorted().join(' and ')}: match them by mac or serial, not by uuid`;
