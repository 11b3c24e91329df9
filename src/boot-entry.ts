import { setFlagsFromString } from 'node:v8';
import { parseArgs } from 'node:util';
import { StatectlError } from './error.ts';
import { linuxHost } from './host/linux/host.ts';
import { bootHost } from './host/linux/boot-host.ts';
import { PHASE_NAMES, type PhaseName } from './boot/phase.ts';

/** The verbs of a machine that boots: no commander here, the words are fixed. */
export async function bootVerb(verb: string, words: readonly string[]): Promise<number> {
  if (verb === 'rescue') return (await import('./commands/rescue.ts')).rescue(linuxHost(), words);
  if (verb === 'status') return (await import('./commands/status.ts')).status(linuxHost(), words);
  const { values } = parseArgs({
    args: [...words],
    options: { plan: { type: 'boolean' }, facts: { type: 'string' }, json: { type: 'boolean' }, from: { type: 'string' } },
  });
  if (values.plan) return (await import('./commands/plan.ts')).printPlan(linuxHost(), { factsFile: values.facts, json: values.json ?? false });
  // A boot lasts seconds: compiling for speed costs it more than it gains (measured under TCG, ARCHITECTURE.md).
  for (const flag of ['--no-opt', '--no-maglev', '--no-sparkplug']) setFlagsFromString(flag);
  const { boot } = await import('./boot/boot.ts');
  return boot(bootHost(), { from: values.from === undefined ? undefined : phaseName(values.from) });
}

function phaseName(name: string): PhaseName {
  const phase = PHASE_NAMES.find((candidate) => candidate === name);
  if (!phase) throw new StatectlError('usage', `there is no phase "${name}"; there are ${PHASE_NAMES.join(', ')}`);
  return phase;
}
