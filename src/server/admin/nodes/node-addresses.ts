import { plainAddress } from '../../limits/plain-address.ts';
import type { Enrolment } from '../../machines/enrolment.ts';
import type { LastReport } from '../../reports/reports.ts';

/**
 * Where each node was last heard from, by name: the address from which its key was used, else that of its last report, which
 * anybody can send. A node that is not in it is found by its name, if at all. Pure.
 */
export function nodeAddresses(
  approved: readonly Enrolment[],
  reports: ReadonlyMap<string, LastReport>,
): ReadonlyMap<string, string> {
  const told = [...reports.values()].toSorted((a, b) => Date.parse(a.receivedAt) - Date.parse(b.receivedAt));
  const seen = approved.toSorted((a, b) => a.lastSeenMs - b.lastSeenMs);
  return new Map(
    [...told, ...seen].flatMap(({ node, remote }) =>
      node === undefined || remote === '' ? [] : [[node, plainAddress(remote)] as const],
    ),
  );
}
