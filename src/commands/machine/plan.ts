import { planAll } from '../../boot/engine.ts';
import { STORY } from '../../boot/story.ts';
import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { parseFacts } from '../../machine/facts/recorded-facts.ts';
import { FACTS } from '../../machine/paths.ts';
import { describe, shellOf } from '../../machine/steps/step.ts';
import { printableLine } from '../../printable.ts';
import { printContent, printJson } from '../print.ts';

/** Prints the steps that these facts lead to, each with the command that does it by hand. Touches nothing. */
export async function printPlan(
  { files }: Pick<Host, 'files'>,
  { factsFile = FACTS, json }: { readonly factsFile?: string; readonly json: boolean },
): Promise<number> {
  const text = await files.readText(factsFile).catch((cause) => {
    throw new StatectlError('facts-missing', `no facts to plan with: ${cause.message}`, {
      cause,
      hint: `every boot leaves its facts in ${FACTS}; --facts FILE names another`,
    });
  });
  const plan = planAll(STORY, readFacts(text, factsFile));
  if (json) printJson(plan.map(({ phase, step }) => ({ phase, step, text: describe(step), command: shellOf(step) })));
  else {
    let phase = '';
    for (const entry of plan) {
      if (entry.phase !== phase) printContent(`\n# ${entry.phase}\n`);
      phase = entry.phase;
      printContent(`# ${printableLine(describe(entry.step))}\n${shellOf(entry.step)}\n`);
    }
  }
  return 0;
}

function readFacts(text: string, file: string): Facts {
  try {
    return parseFacts(text);
  } catch (cause) {
    throw new StatectlError('facts-invalid', `${file} ${reasonOf(cause)}`, {
      cause,
      hint: `take ${FACTS} of a boot by this version that came past its config phase`,
    });
  }
}
