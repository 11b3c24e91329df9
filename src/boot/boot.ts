import { allArguments, type CommandLine, flagArgument, getArgument } from '../config/command-line/command-line.ts';
import { entryOf } from '../entry-of.ts';
import { reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { Facts } from '../machine/facts/facts.ts';
import { NO_FACTS } from '../machine/facts/found-facts.ts';
import { parseBegunFacts, type RecordedFacts } from '../machine/facts/recorded-facts.ts';
import { SEGMENT_SECRETS } from '../machine/identity/credentials.ts';
import { serverHttp } from '../machine/identity/server-http.ts';
import { redact, redactedJson } from '../machine/logs/redact.ts';
import { BOOT_RECORD, FACTS, RUN, SWITCH_FILE } from '../machine/paths.ts';
import { isLeaving } from '../machine/steps/leaving.ts';
import { VERSION } from '../version.ts';
import { bootWatchdog } from './boot-watchdog.ts';
import { PhaseFailure, runPhases } from './engine.ts';
import { clearLeftovers, forgetLeases } from './leftovers.ts';
import { PHASE_NAMES, type PhaseName } from './phase.ts';
import { readCommandLine } from './phases/cmdline.ts';
import { keepBootLog, keepReport } from './record/boot-log.ts';
import { pushBootMetrics, writeBootMetrics } from './record/boot-metrics.ts';
import { bootRecord } from './record/boot-record.ts';
import { keepCrashRecords } from './record/crash-log.ts';
import { type Journal, openJournal } from './record/journal.ts';
import { historyOf, readJournal } from './record/journal-reader.ts';
import { keepLastGoodPlan } from './record/last-good-plan.ts';
import { writeReport } from './record/report.ts';
import { reportBoot } from './record/report-boot.ts';
import { IN_SYSROOT } from './roots.ts';
import { STORY } from './story.ts';

/** What /init does next: the exit status of `statectl boot`. Any other status means that the controller crashed. */
export const EXIT = { handOver: 0, rescue: 10, reboot: 11, kexec: 12 } as const;
export type BootExit = (typeof EXIT)[keyof typeof EXIT];

/** Names of other initramfs for the same moments. */
const BREAK_ALIASES: Readonly<Record<string, PhaseName>> = {
  top: 'cmdline',
  premount: 'mount',
  mountroot: 'mount',
  bottom: 'handover',
  init: 'handover',
};

/** Boots this machine from the phase `from` on; the facts of the phases before it are those of the interrupted boot. */
export async function boot(host: Host, options: { readonly from?: PhaseName } = {}): Promise<BootExit> {
  /** What only tells of the boot must not end it: /run may be full. */
  const tolerate = (what: string, effect: Promise<unknown>) =>
    effect.catch((error) => host.console.line('warning', `${what}: ${reasonOf(error)}`));
  await tolerate('no folder for reports', host.files.mkdir(RUN, 0o755));
  const commandLine = await readCommandLine(host);
  const watchdog = bootWatchdog(host);
  const written = openJournal(
    host.files,
    () => host.clock.uptimeMs(),
    getArgument(commandLine, 'statectl.events')?.value,
  );
  const journal: Journal = (entry) => {
    watchdog.sign();
    return written(entry);
  };
  const earlier = await readJournal(host.files);
  await journal({ event: 'boot-started', version: VERSION, ...options });
  if (flagArgument(commandLine, 'statectl.rescue', false) && !options.from) {
    const asked = new StatectlError('rescue-asked', 'statectl.rescue is on the kernel command line', {
      hint: '`statectl rescue continue` boots',
    });
    return fail(host, journal, new PhaseFailure('cmdline', asked), { commandLine });
  }
  const kept = options.from && options.from !== 'cmdline' ? await keptFacts(host) : undefined;
  const first = options.from && kept ? PHASE_NAMES.indexOf(options.from) : 0;
  // The first phases gather what Facts declares as always there.
  const known = (first > 0 ? kept : NO_FACTS) as RecordedFacts;
  const { looks: _earlier, ...begun } = known;
  let last: Partial<Facts> = first > 0 ? begun : { commandLine };
  const begin = PHASE_NAMES[first] ?? 'cmdline';
  await tolerate('cannot clear what the boot before left', clearLeftovers(host, begin));
  if (earlier.length > 0) await tolerate('cannot forget the leases of the boot before', forgetLeases(host, begin));
  try {
    const result = await runPhases(STORY.slice(first), known, host, {
      journal,
      signal: new AbortController().signal,
      firstIndex: first,
      breakAt: breakpoints(commandLine, host),
      openBreak: (phase) => watchdog.whileWaiting(() => breakShell(host, phase)),
      keep: async (facts) => {
        const { looks: _looks, ...known } = facts;
        last = known;
        await tolerate('cannot keep the facts', host.files.write(FACTS, JSON.stringify(facts), { mode: 0o600 }));
        await watchdog.follow(known);
      },
    });
    const record = bootRecord(result, host.clock.uptimeMs(), historyOf(earlier));
    await tolerate('cannot keep the record of this boot', host.files.write(BOOT_RECORD, redactedJson(record, 1)));
    await tolerate('no metrics of this boot are written', writeBootMetrics(host, result.facts, record));
    await tolerate('cannot keep the plan of this boot', keepLastGoodPlan(host, result.facts));
    await journal({
      event: 'handed-over',
      init: result.facts.root.init?.path ?? '',
      bootMs: Math.round(host.clock.uptimeMs()),
    });
    let kept: number | undefined;
    const keep = async () => (kept = await keepBootLog(host, result.facts.config.log));
    await tolerate('cannot keep a log of this boot', keep());
    await tolerate('cannot keep what is told of a crash', keepCrashRecords(host, result.facts, kept));
    await tolerate(
      'the server does not take the report of this boot',
      // Without a certificate: that was told before.
      reportBoot(
        { clock: host.clock, http: serverHttp(host, SEGMENT_SECRETS)(result.facts, () => {}, IN_SYSROOT) },
        result.facts,
      ),
    );
    await tolerate('the push gateway does not take the metrics', pushBootMetrics(host, result.facts, record));
    await watchdog.handOver(result.facts);
    return EXIT.handOver;
  } catch (error) {
    await watchdog.close();
    if (isLeaving(error)) return EXIT[error.how];
    if (!(error instanceof PhaseFailure)) throw error;
    await tolerate('cannot remove the answer of the boot before', host.files.remove(SWITCH_FILE));
    return fail(host, journal, error, last);
  }
}

/** The facts of the interrupted boot; without them it begins anew. */
async function keptFacts({ files, console }: Host): Promise<RecordedFacts | undefined> {
  try {
    return parseBegunFacts(await files.readText(FACTS));
  } catch (error) {
    console.line('warning', `the facts of the interrupted boot cannot be read (${reasonOf(error)}): beginning anew`);
    return undefined;
  }
}

/** Says what failed, why and what to do, keeps a report, and leaves the rest to /init. */
async function fail(
  host: Host,
  journal: Journal,
  { phase, error }: PhaseFailure,
  facts: Partial<Facts>,
): Promise<BootExit> {
  host.console.line('error', redact(`${phase}: ${error.message}`));
  if (error.hint) host.console.line('error', redact(`→ ${error.hint}`));
  await writeReport(host, { phase, error, facts })
    .then((report) => keepReport(host, report, facts))
    .catch((reason) => host.console.line('warning', `no report: ${reasonOf(reason)}`));
  await journal({ event: 'rescue', phase, code: error.code });
  return EXIT.rescue;
}

function breakpoints(commandLine: CommandLine, host: Host): ReadonlySet<string> {
  const wanted = ['statectl.break', 'rd.break'].flatMap((name) =>
    allArguments(commandLine, name).flatMap(({ value }) => (value || 'handover').split(',')),
  );
  const names = wanted.map((name) => entryOf(BREAK_ALIASES, name) ?? name);
  // `shutdown` is for the way down: initramfs/shutdown reads it.
  for (const name of names)
    if (name !== 'shutdown' && !(PHASE_NAMES as readonly string[]).includes(name))
      host.console.line('warning', `statectl.break=${name}: no such phase; there are ${PHASE_NAMES.join(', ')}`);
  return new Set(names);
}

/** Opens a shell on the console before a phase; leaving it goes on. */
async function breakShell(host: Host, phase: PhaseName): Promise<void> {
  host.console.line('warning', `stopped before ${phase} (statectl.break); leave the shell with \`exit\` to go on`);
  await host.exec
    .run(['/bin/rescue-shell'], { inherit: true })
    .catch((error) => host.console.line('warning', `no shell: ${reasonOf(error)}`));
}
