import { parseArgs } from 'node:util';
import { StatectlError } from './error.ts';
import { linuxHost } from './host/linux/host.ts';
import { bootConsole } from './host/linux/boot-console.ts';
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
  const { boot } = await import('./boot/boot.ts');
  return boot({ ...linuxHost(), console: bootConsole() }, { from: values.from === undefined ? undefined : phaseName(values.from) });
}

function phaseName(name: string): PhaseName {
  const phase = PHASE_NAMES.find((candidate) => candidate === name);
  if (!phase) throw new StatectlError('usage', `there is no phase "${name}"; there are ${PHASE_NAMES.join(', ')}`);
  return phase;
}
