import { reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { kernelCommandLine, type KernelCommandLine } from '../config/kernel-cmdline.ts';
import { VERSION } from '../version.ts';
import { bootRecord } from './boot-record.ts';
import { PhaseFailure, runPhases } from './engine.ts';
import type { Facts } from './facts.ts';
import { type Journal, openJournal } from './journal.ts';
import { keepLastGoodPlan } from './last-good-plan.ts';
import { BOOT_RECORD, FACTS, RUN, SWITCH_FILE } from './paths.ts';
import { PHASE_NAMES, type PhaseName } from './phase.ts';
import { commandLineLayers } from './phases/cmdline.ts';
import { writeReport } from './report.ts';
import { STORY } from './story.ts';

/** What /init does next: the exit status of `statectl boot`. Any other status means that the controller crashed. */
export const EXIT = { handOver: 0, rescue: 10, reboot: 11, otherSlot: 12 } as const;
export type BootExit = (typeof EXIT)[keyof typeof EXIT];

/** Names of other initramfs for the same moments. */
const BREAK_ALIASES: Readonly<Record<string, PhaseName>> = { top: 'cmdline', premount: 'mount', mountroot: 'mount', bottom: 'handover', init: 'handover' };

/** Boots this machine from the phase `from` on; the facts of the phases before it are those of the interrupted boot. */
export async function boot(host: Host, options: { readonly from?: PhaseName } = {}): Promise<BootExit> {
  await host.files.mkdir(RUN, 0o755);
  const layers = await commandLineLayers(host);
  const commandLine = kernelCommandLine(layers);
  const journal = openJournal(host.files, () => host.clock.uptimeMs(), commandLine.get('statectl.events')?.value);
  await journal({ event: 'boot-started', version: VERSION });
  if (commandLine.flag('statectl.rescue', false) && !options.from) {
    const asked = new StatectlError('rescue-asked', 'statectl.rescue is on the kernel command line', { hint: '`statectl rescue continue` boots' });
    return fail(host, journal, new PhaseFailure('cmdline', asked), {});
  }
  const first = options.from ? PHASE_NAMES.indexOf(options.from) : 0;
  // The first phases gather what Facts declares as always there.
  const known = (first > 0 ? JSON.parse(await host.files.readText(FACTS)) : {}) as Facts;
  let last: Partial<Facts> = known;
  try {
    const result = await runPhases(STORY.slice(first), known, host, {
      journal,
      signal: new AbortController().signal,
      firstIndex: first,
      breakAt: breakpoints(commandLine, host),
      openBreak: (phase) => breakShell(host, phase),
      keep: async (facts) => {
        last = facts;
        await host.files.write(FACTS, JSON.stringify(facts, null, 1));
      },
    });
    await host.files.write(BOOT_RECORD, JSON.stringify(bootRecord(result, host.clock.uptimeMs()), null, 1));
    await keepLastGoodPlan(host, result.facts).catch((error) => host.console.line('warning', `cannot keep the plan of this boot: ${reasonOf(error)}`));
    await journal({ event: 'handed-over', init: result.facts.init?.path ?? '', bootMs: Math.round(host.clock.uptimeMs()) });
    return EXIT.handOver;
  } catch (error) {
    if (!(error instanceof PhaseFailure)) throw error;
    await host.files.remove(SWITCH_FILE);
    return fail(host, journal, error, last);
  }
}

/** Says what failed, why and what to do, keeps a report, and leaves the rest to /init. */
async function fail(host: Host, journal: Journal, { phase, error }: PhaseFailure, facts: Partial<Facts>): Promise<BootExit> {
  host.console.line('error', `${phase}: ${error.message}`);
  if (error.hint) host.console.line('error', `→ ${error.hint}`);
  await writeReport(host, { phase, error, facts }).catch((reason) => host.console.line('warning', `no report: ${reasonOf(reason)}`));
  await journal({ event: 'rescue', phase, code: error.code });
  return EXIT.rescue;
}

function breakpoints(commandLine: KernelCommandLine, host: Host): ReadonlySet<string> {
  const wanted = [...commandLine.all('statectl.break'), ...commandLine.all('rd.break')].flatMap(({ value }) => (value || 'handover').split(','));
  const names = wanted.map((name) => BREAK_ALIASES[name] ?? name);
  for (const name of names)
    if (!(PHASE_NAMES as readonly string[]).includes(name)) host.console.line('warning', `statectl.break=${name}: no such phase; there are ${PHASE_NAMES.join(', ')}`);
  return new Set(names);
}

/** Opens a shell on the console before a phase; leaving it goes on. */
async function breakShell(host: Host, phase: PhaseName): Promise<void> {
  host.console.line('warning', `stopped before ${phase} (statectl.break); leave the shell with \`exit\` to go on`);
  await host.exec.run(['/bin/rescue-shell'], { inherit: true });
}
