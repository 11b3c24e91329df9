import { editedFacts } from '../../boot/looks.ts';
import { planAll } from '../../boot/plan-all.ts';
import { STORY } from '../../boot/story.ts';
import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { parseFacts, type RecordedFacts } from '../../machine/facts/recorded-facts.ts';
import { FACTS } from '../../machine/paths.ts';
import { describe, shellOf } from '../../machine/steps/step.ts';
import { printableLine } from '../../printable.ts';
import { printContent, printJson, remark } from '../print.ts';

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
  const facts = readFacts(text, factsFile);
  const edited = editedFacts(facts);
  if (edited.length > 0)
    remark(
      `${factsFile} was edited (${edited.join(', ')}): this is what a boot does that knows these facts from the start, not what ran`,
    );
  const plan = planAll(STORY, facts);
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

function readFacts(text: string, file: string): RecordedFacts {
  try {
    return parseFacts(text);
  } catch (cause) {
    throw new StatectlError('facts-invalid', `${file} ${reasonOf(cause)}`, {
      cause,
      hint: `take ${FACTS} of a boot by this version that came past its config phase`,
    });
  }
}
