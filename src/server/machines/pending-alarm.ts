import { fingerprintOf } from '../../identity/certificates/fingerprint.ts';
import type { Enrolment, NewEnrolment } from './enrolment.ts';

/** More fingerprints than this help nobody who compares. */
const MOST_SHOWN = 3;

/**
 * What becomes of a waiting key that asks again. Its owner could claim another name between the moment when a person reads the
 * list and that when he approves: who it said first that it is stays, and what it says now is an alarm. A stranger whose claims
 * are the same and that has a name now got it by config.d. Pure.
 */
export function asFirstSaid(known: Enrolment, entry: NewEnrolment): NewEnrolment {
  const isNamed = known.node === undefined && JSON.stringify(known.claims) === JSON.stringify(entry.claims);
  if (known.node === entry.node || isNamed) return entry;
  const { node, ...rest } = entry;
  const alarm = `it says now that it is ${node ?? 'no node of config.d'}`;
  return {
    ...rest,
    ...(known.node !== undefined && { node: known.node }),
    claims: known.claims,
    alarm: joined(alarm, entry.alarm),
  };
}

/** Each that waits, with an alarm where others wait that claim the same: one of them is not what it says. Pure. */
export function withRivals(entries: readonly Enrolment[]): readonly Enrolment[] {
  const waiting = Map.groupBy(
    entries.filter(({ state }) => state === 'pending'),
    claimed,
  );
  return entries.map((entry) => {
    const others = waiting.get(claimed(entry))?.filter(({ digest }) => digest !== entry.digest) ?? [];
    if (entry.state !== 'pending' || others.length === 0) return entry;
    const shown = others.slice(0, MOST_SHOWN).map(({ digest }) => fingerprintOf(digest));
    const more = others.length > MOST_SHOWN ? ` and ${others.length - MOST_SHOWN} more` : '';
    return { ...entry, alarm: joined(entry.alarm, `others wait with the same claim: ${shown.join(', ')}${more}`) };
  });
}

const claimed = ({ node, claims, digest }: Enrolment): string => node ?? claims.mac ?? claims.uuid ?? digest;

const joined = (...alarms: readonly (string | undefined)[]): string => alarms.filter(Boolean).join('; ');
