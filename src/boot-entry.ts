import { setFlagsFromString } from 'node:v8';
import { PHASE_NAMES, type PhaseName } from './boot/phase.ts';
import { BOOT_VERBS, type BootVerb, parseWords, refuseUnknownCommand } from './commands/machine/boot-words.ts';
import { print } from './commands/print.ts';
import { StatectlError } from './error.ts';
import { bootHost } from './host/linux/boot-host.ts';
import { linuxHost } from './host/linux/host.ts';
import { leanExec } from './host/linux/lean-exec.ts';
import { INITRD_RELEASE } from './machine/paths.ts';

/** The verbs of a machine that boots: no commander here, the words are fixed. */
export async function bootVerb(verb: BootVerb, words: readonly string[]): Promise<number> {
  refuseUnknownCommand(verb, words);
  // What follows `--` is for another program.
  const own = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  if (own.includes('--help') || own.includes('-h')) {
    print(BOOT_VERBS[verb].help);
    return 0;
  }
  if (verb === 'rescue') return (await import('./commands/machine/rescue.ts')).rescue(linuxHost(), words);
  if (verb === 'status') return (await import('./commands/machine/status.ts')).status(linuxHost(), words);
  if (verb === 'lock') return (await import('./commands/machine/lock.ts')).lock(linuxHost(), words);
  if (verb === 'drives') return (await import('./commands/machine/drives.ts')).drives(linuxHost(), words);
  if (verb === 'logs') return (await import('./commands/machine/logs.ts')).logs(linuxHost(), words);
  if (verb === 'slots') return (await import('./commands/machine/slots.ts')).slots(linuxHost(), words);
  if (verb === 'btrfs') return (await import('./commands/machine/btrfs.ts')).btrfs(linuxHost(), words);
  // It runs programs for ever, and has little memory: without execa a third less.
  if (verb === 'agent')
    return (await import('./commands/machine/agent.ts')).agent({ ...linuxHost(), exec: leanExec() }, words);
  const { values } = parseWords('boot', {
    args: [...words],
    options: {
      plan: { type: 'boolean' },
      facts: { type: 'string' },
      json: { type: 'boolean' },
      from: { type: 'string' },
    },
  });
  if (values.plan)
    return (await import('./commands/machine/plan.ts')).printPlan(linuxHost(), {
      ...(values.facts !== undefined && { factsFile: values.facts }),
      json: values.json ?? false,
    });
  const from = values.from === undefined ? undefined : phaseName(values.from);
  const host = bootHost();
  // A boot unmounts what an earlier try left: in a running system that would be the system.
  if (!(await host.files.stat(INITRD_RELEASE)))
    throw new StatectlError('not-initramfs', '`statectl boot` runs in the initramfs, and this is not one', {
      hint: '`statectl boot --plan` shows what it did here; `statectl status`, what came of it',
    });
  // A boot lasts seconds: compiling for speed costs it more than it gains (measured under TCG, docs/design/decisions.md).
  for (const flag of ['--no-opt', '--no-maglev', '--no-sparkplug']) setFlagsFromString(flag);
  const { boot } = await import('./boot/boot.ts');
  return boot(host, from && { from });
}

function phaseName(name: string): PhaseName {
  const phase = PHASE_NAMES.find((candidate) => candidate === name);
  if (!phase) throw new StatectlError('usage', `there is no phase "${name}"; there are ${PHASE_NAMES.join(', ')}`);
  return phase;
}
