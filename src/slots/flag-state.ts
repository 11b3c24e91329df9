import { reasonOf } from '../error.ts';
import type { Host } from '../host/host.ts';
import { type BootFlag, FLAG_LIMIT_BYTES, flagDigest, readFlag } from './boot-flag.ts';
import type { CycleKey } from './cycle-key.ts';
import type { Attempt, Slot, SlotRecord } from './cycle-state.ts';

const FLAG_STATES = [
  'VALID',
  'TRIAL',
  'STALE',
  'AHEAD',
  'MISSING',
  'BADMAC',
  'WRONG_SLOT',
  'WRONG_MACHINE',
  'WRONG_IMAGE',
  'UNREADABLE',
  'DRIFT',
] as const;
export type FlagState = (typeof FLAG_STATES)[number];

/** What lies where a flag should be. */
export type SeenFlag =
  | { readonly seen: 'nothing' }
  | { readonly seen: 'no flag'; readonly why: string }
  | {
      readonly seen: 'flag';
      readonly flag: BootFlag;
      readonly sha256: string;
      readonly sealed: 'yes' | 'no' | 'unknown';
    };

/** Looks at the place of a flag. A pipe is not waited for, a link not followed, of what is too long nothing read. */
export async function lookAtFlag(
  { files }: Pick<Host, 'files'>,
  path: string,
  key: CycleKey | undefined,
): Promise<SeenFlag> {
  try {
    const there = await files.stat(path);
    if (!there) return { seen: 'nothing' };
    if (there.type !== 'file') return { seen: 'no flag', why: `is a ${there.type}` };
    if (there.uid !== 0) return { seen: 'no flag', why: 'is of another account than root' };
    const text = (await files.readRegular(path, FLAG_LIMIT_BYTES)).bytes.toString();
    const read = readFlag(text, key);
    if ('fault' in read) return { seen: 'no flag', why: read.fault };
    return { seen: 'flag', ...read, sha256: flagDigest(text) };
  } catch (error) {
    return { seen: 'no flag', why: `cannot be read: ${reasonOf(error)}` };
  }
}

/** What a flag should be. */
export interface FlagContext {
  readonly machine: string;
  /** These systems came into another machine, this one: a boot that was cut may have written this flag, and the journal not. */
  readonly movedTo?: string;
  readonly slot: Slot;
  /** As the journal has it. */
  readonly record: SlotRecord;
  /** Of this slot, where nobody has judged it yet: its flag may be written, and the journal not. */
  readonly attempt?: Pick<Attempt, 'cycle'>;
  /** Of the root as it is now. */
  readonly generation: string;
  /** A write of ours to the root was announced and not recorded: who changed it is told by its file list, not by its flag. */
  readonly announced?: true;
}

export interface JudgedFlag {
  readonly state: FlagState;
  readonly why?: string;
}

const isTrial = ({ healthyCycles }: Pick<BootFlag, 'healthyCycles'>): FlagState =>
  healthyCycles === 0 ? 'TRIAL' : 'VALID';

/** The state of a flag. Pure. */
export function judgeFlag(
  seen: SeenFlag,
  { machine, movedTo, slot, record, attempt, generation, announced }: FlagContext,
): JudgedFlag {
  if (seen.seen === 'no flag') return { state: 'UNREADABLE', why: seen.why };
  const known = record.flag;
  if (seen.seen === 'nothing')
    // A system of an earlier statectl, or one whose image came when the power went.
    return known === undefined ? { state: 'TRIAL' } : { state: 'MISSING', why: 'is gone' };
  const { flag, sha256, sealed } = seen;
  const drifted = flag.generation !== generation && !announced;
  const sound = (): JudgedFlag =>
    drifted
      ? { state: 'DRIFT', why: `knows the root as ${flag.generation}, which is ${generation}` }
      : { state: isTrial(flag) };
  const isKnown = known !== undefined && flagDigest(known) === sha256;
  const isOfMove = flag.machine === movedTo && known !== undefined && flag.prev === flagDigest(known);
  if (flag.machine !== machine && !isOfMove)
    return { state: 'WRONG_MACHINE', why: `is of the machine ${flag.machine}` };
  if (flag.slot !== slot) return { state: 'WRONG_SLOT', why: `is of slot ${flag.slot}` };
  if (flag.image !== record.digest) return { state: 'WRONG_IMAGE', why: `is of the image ${flag.image.slice(0, 12)}` };
  if (isKnown) return sound();
  if (sealed === 'no') return { state: 'BADMAC', why: 'is not sealed by this machine' };
  if (isOfMove) return sound();
  // Nothing is known of it but what it says: the journal was lost, or is of before it.
  if (known === undefined) return sound();
  const last = knownCycle(known);
  if (attempt && flag.cycle === attempt.cycle && flag.prev === flagDigest(known)) return sound();
  if (flag.cycle < last) return { state: 'STALE', why: `is of cycle ${flag.cycle}, the journal of ${last}` };
  if (flag.cycle > last) return { state: 'AHEAD', why: `is of cycle ${flag.cycle}, the journal of ${last}` };
  return { state: 'BADMAC', why: `is another than was written in cycle ${last}` };
}

function knownCycle(text: string): number {
  const read = readFlag(text, undefined);
  return 'flag' in read ? read.flag.cycle : 0;
}
