import { StatectlError } from '../../error.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { decisionOf } from '../../machine/cycle/cycle-decision.ts';
import { findCycles } from '../../machine/cycle/find-cycles.ts';
import { planSending, waysHere, withoutWay } from '../../machine/cycle/plan-sending.ts';
import { copiesHere, slotPartitions } from '../../machine/cycle/slot-places.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { withFound } from '../../machine/facts/found-facts.ts';
import { planCheck } from '../../machine/places/check-disk.ts';
import { bootsCopyAlone, chooseSource } from '../../machine/places/source.ts';
import { verdictSentence } from '../../slots/words.ts';
import type { Phase } from '../phase.ts';
import { BEFORE_ROOT } from '../roots.ts';

/** What became of the cycle before, and which root it will be. A root whose journal is dirty is mounted without replay, so it is checked first. */
export const slot: Phase = {
  name: 'slot',
  roots: BEFORE_ROOT,
  rounds: [
    {
      async gather(host, facts, boot) {
        // What is missing was told.
        const looked = slotPartitions(facts.config) ? await copiesHere(host, facts, { warn: () => undefined }) : {};
        const cycle = await findCycles(host, withFound(facts, { root: looked }), boot);
        const ways = await waysHere(host, withFound(facts, { root: looked }));
        const found = { ...looked, cycle, ways };
        tell(withFound(facts, { root: found }), boot);
        return { root: found };
      },
      plan: planSending,
    },
    {
      async gather(_host, facts, boot) {
        const source = chooseSource(facts);
        if (source.kind === 'partition') boot.say(`root is ${source.device} (${source.type})`);
        else {
          boot.say(
            `image ${source.manifest.name} ${source.manifest.version}, ${source.kind === 'copy' ? 'the copy on this machine' : `from ${facts.root.offer?.server}`}`,
          );
          if (source.manifest.kernelRelease !== facts.machine.kernelRelease)
            throw new StatectlError(
              'kernel-mismatch',
              `this is kernel ${facts.machine.kernelRelease}, the image ${source.manifest.name} ${source.manifest.version} was built for ${source.manifest.kernelRelease}`,
              {
                hint: 'boot the kernel and initramfs of that image: netboot again, or update the local /boot',
              },
            );
        }
        return {};
      },
      plan: (facts) => {
        const source = chooseSource(facts);
        return source.kind === 'partition' ? planCheck(source.device, source.type) : [];
      },
    },
  ],
  // Another kernel by each way, and a server that is ahead.
  mostTries: 5,
  // The server is ahead of this machine's /boot: what booted yesterday boots today.
  instead: (error, facts, step) =>
    withoutWay(error, facts, step) ??
    (error.code === 'kernel-mismatch' && facts.root.offer && goesOnAlone(facts)
      ? { root: { offer: undefined, offerFailure: error.message } }
      : undefined),
};

/** By the kernel that runs, or by that of the copy. */
const goesOnAlone = (facts: Facts): boolean =>
  bootsCopyAlone(facts) || decisionOf(withFound(facts, { root: { offer: undefined } }))?.goes !== undefined;

function tell(facts: Facts, { say, warn }: Pick<TaskContext, 'say' | 'warn'>): void {
  const decision = decisionOf(facts);
  if (!decision) return;
  const { judged, notes, goes } = decision;
  if (goes) say(`slot ${goes.slot} is booted by its own kernel`);
  if (judged) (isTrouble(judged.verdict) ? warn : say)(verdictSentence(judged));
  for (const note of notes) warn(note);
}

const isTrouble = (verdict: string): boolean => !['HEALTHY', 'DELIBERATE', 'INTERRUPTED'].includes(verdict);
