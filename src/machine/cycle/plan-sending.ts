import { getArgument } from '../../config/command-line/command-line.ts';
import type { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { WAYS, type Way } from '../../slots/cycle-state.ts';
import { CYCLE, EVIDENCE_FILES } from '../../slots/evidence.ts';
import { JOURNAL_FILE, KEY_FILE, ORDERS_FILE } from '../../slots/look-at-cycles.ts';
import type { Facts } from '../facts/facts.ts';
import type { FoundFacts } from '../facts/found-facts.ts';
import { bootDisks } from '../loader/loader-steps.ts';
import { localWords } from '../loader/local-words.ts';
import { RUN_INITRAMFS } from '../paths.ts';
import type { Step } from '../steps/step.ts';
import { copyOf, decisionOf } from './cycle-decision.ts';
import { namedCopies } from './named-copies.ts';
import { flagsDue } from './plan-cycle.ts';

const KEXEC = `${RUN_INITRAMFS}/rt/bin/kexec`;

/** How this boot can go into the kernel of an image that is of another; undefined: all are of this one. */
export async function waysHere({ files }: Pick<Host, 'files'>, facts: Facts): Promise<readonly Way[] | undefined> {
  const isOther = namedCopies(facts.root).some(
    ([, { manifest }]) => manifest.kernelRelease !== facts.machine.kernelRelease,
  );
  if (!isOther || bootDisks(facts).length === 0) return undefined;
  const has: Readonly<Record<Way, boolean>> = {
    kexec: (await files.stat(KEXEC).catch(() => undefined)) !== undefined,
    // What booted by the network boots by it again.
    loader: getArgument(facts.commandLine, 'statectl.slot') !== undefined,
  };
  return WAYS.filter((way) => has[way]);
}

/**
 * Into the kernel of the chosen slot: it is found and verified, the journal says so, and then it is gone. Nothing where the kernel that
 * runs boots it. Pure.
 */
export function planSending(facts: Facts): readonly Step[] {
  const decision = decisionOf(facts);
  const { look } = facts.root.cycle ?? {};
  const { goes } = decision ?? {};
  const digest = goes && decision?.state[goes.slot]?.digest;
  const manifest = (goes && facts.root.slots?.[goes.slot]?.copy?.manifest) ?? copyOf(facts.root, digest)?.manifest;
  if (!decision || !look || !goes || !manifest) return [];
  const { slot, way } = goes;
  const { sha256, sizeBytes } = manifest.kernel;
  const other = {
    ...{ slot, way, release: manifest.kernelRelease, kernel: { sha256, sizeBytes } },
    disks: bootDisks(facts),
    words: localWords(facts.commandLine),
  };
  const { state } = decision;
  return [
    { kind: 'load-kernel', ...other },
    {
      kind: 'begin-cycle',
      sends: slot,
      journals: [JOURNAL_FILE],
      keyFile: KEY_FILE,
      state: { ...state, cycle: Math.max(state.cycle, look.keyCycle ?? 0) },
      seq: look.journal.seq + 1,
      flags: flagsDue(facts, decision.flagsDue),
      spent: [...EVIDENCE_FILES, ORDERS_FILE],
      cycleFile: CYCLE,
    },
    ...(way === 'loader' ? [{ kind: 'boot-next', ...other } as const] : []),
    { kind: 'leave', how: way === 'kexec' ? 'kexec' : 'reboot' },
  ];
}

const OF_SENDING: ReadonlySet<string> = new Set(['load-kernel', 'begin-cycle', 'boot-next']);

/** What a failure on the way leaves: the other way, or what the kernel that runs can boot. Pure. */
export function withoutWay(error: StatectlError, facts: Facts, step: Step | undefined): FoundFacts | undefined {
  const { goes } = decisionOf(facts) ?? {};
  if (!goes || !step || !OF_SENDING.has(step.kind)) return undefined;
  // By whichever way, it is not there, or nobody would know of it.
  const isAll = step.kind === 'begin-cycle' || ['kernel-absent', 'image-altered'].includes(error.code);
  return { root: { noWays: isAll ? WAYS : [...(facts.root.noWays ?? []), goes.way] } };
}
