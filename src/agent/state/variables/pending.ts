import { SHIPMENT_LIMITS, type VariableChange } from '../../../protocol/variables/shipment.ts';

type Literals = ReadonlyMap<string, string>;

/** What changed from one file to the next, counted on from `seq`. Pure. */
export function changesFrom(before: Literals, now: Literals, seq: number, atMs: number): readonly VariableChange[] {
  const changes: VariableChange[] = [];
  const add = (key: string, literal: string | null): void =>
    void changes.push({ seq: seq + changes.length + 1, atMs, key, literal });
  for (const [key, literal] of now) if (before.get(key) !== literal) add(key, literal);
  for (const key of before.keys()) if (!now.has(key)) add(key, null);
  return changes;
}

/** Bytes of what waits for a server. */
const MOST_BYTES = 256 << 10;

/**
 * What waits for a server, not more than it takes at once: of a variable that changed again and again while there was none, what
 * it was long ago goes first. Pure.
 */
export function bounded(
  pending: readonly VariableChange[],
  { changes: most, bytes: mostBytes } = { changes: SHIPMENT_LIMITS.changes as number, bytes: MOST_BYTES },
): readonly VariableChange[] {
  const sizeOf = ({ key, literal }: VariableChange): number => 64 + key.length + (literal?.length ?? 0);
  let bytes = pending.reduce((sum, one) => sum + sizeOf(one), 0);
  let count = pending.length;
  if (count <= most && bytes <= mostBytes) return pending;
  const newest = new Map(pending.map((one) => [one.key, one.seq]));
  // Half of the room, or each further change would do all of this again.
  const kept = pending.filter((one) => {
    if (newest.get(one.key) === one.seq || (count <= most / 2 && bytes <= mostBytes / 2)) return true;
    count -= 1;
    bytes -= sizeOf(one);
    return false;
  });
  // The file itself says how each is now.
  return kept.slice(-most);
}
