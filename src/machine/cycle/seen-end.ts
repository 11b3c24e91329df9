import { ENDED_FILE, evidenceText, readEvidence } from '../../slots/evidence.ts';
import { openAttempt } from '../../slots/look-at-cycles.ts';
import type { Facts } from '../facts/facts.ts';
import type { UnseenEnd } from '../facts/root-facts.ts';
import type { MachineHost } from '../roots.ts';
import type { Step } from '../steps/step.ts';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** undefined: no cycle is open, it is this boot's own, or a boot before this one has seen how it ended. */
export async function unseenEnd(
  host: Pick<MachineHost, 'files'>,
  { root: { stateClean } }: Pick<Facts, 'root'>,
): Promise<UnseenEnd | undefined> {
  const attempt = await openAttempt(host);
  const bootId = (await host.files.readText(BOOT_ID).catch(() => '')).trim();
  if (!attempt || attempt.bootId === bootId) return undefined;
  const { evidence } = await readEvidence(host, attempt);
  // It was healthy, whatever is found later: most ends cost no write.
  if (evidence.started && (evidence.closed || (evidence.stopping && stateClean !== false))) return undefined;
  return evidence.ended ? undefined : { cycle: attempt.cycle, bootId: attempt.bootId };
}

/**
 * A boot that is cut, or ends at the rescue prompt, comes to no cycle of its own: how it ends must not be what became of the one
 * before. Pure.
 */
export function planSeenEnd({ root, machine }: Facts): readonly Step[] {
  const { unseenEnd: unseen, stateClean } = root;
  if (!unseen) return [];
  const about = { ...machine.lastEnd, ...(stateClean !== undefined && { clean: stateClean }) };
  return [
    { kind: 'note-end', path: ENDED_FILE, content: evidenceText<'ended'>(unseen, about, machine.clock?.nowMs ?? 0) },
  ];
}
