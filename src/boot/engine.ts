import { isStatectlError, reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { TaskContext } from '../host/task-context.ts';
import type { PhaseRecord } from '../machine/boot-record.ts';
import type { Facts } from '../machine/facts/facts.ts';
import { type FoundFacts, withFound } from '../machine/facts/found-facts.ts';
import type { RecordedFacts } from '../machine/facts/recorded-facts.ts';
import { SEGMENT_SECRETS } from '../machine/identity/credentials.ts';
import { serverHttp } from '../machine/identity/server-http.ts';
import { redact } from '../machine/logs/redact.ts';
import { machineHost, type Roots } from '../machine/roots.ts';
import { isLeaving } from '../machine/steps/leaving.ts';
import { applyStep, describe, locate, type Step, shellOf } from '../machine/steps/step.ts';
import { changesOf, factsOf } from './looks.ts';
import { type Phase, type PhaseName, rootsOf } from './phase.ts';
import type { Journal } from './record/journal.ts';

export interface EngineResult {
  readonly facts: Facts;
  readonly phases: readonly PhaseRecord[];
  readonly steps: readonly Step[];
  readonly warnings: readonly string[];
}

export interface EngineOptions {
  readonly journal: Journal;
  readonly signal: AbortSignal;
  /** Phases that a person wants to look at first: the shell opens before the phase, and leaving it goes on. */
  readonly breakAt: ReadonlySet<string>;
  readonly openBreak: (phase: PhaseName) => Promise<void>;
  /** Where the first of these phases stands in the story, so that a resumed boot counts on. */
  readonly firstIndex: number;
  /** Called after each phase, to keep the facts for a resumed boot. */
  readonly keep: (facts: RecordedFacts) => Promise<void>;
}

/** A phase that failed, with what was known until then. */
export class PhaseFailure extends Error {
  readonly phase: PhaseName;
  readonly error: StatectlError;

  constructor(phase: PhaseName, error: StatectlError) {
    super(`${phase}: ${error.message}`, { cause: error });
    this.name = 'PhaseFailure';
    this.phase = phase;
    this.error = error;
  }
}

/** Runs the phases in order. It alone logs, times and journals; phases only look and plan. Throws PhaseFailure. */
export async function runPhases(
  phases: readonly Phase[],
  { looks: earlier = [], ...first }: RecordedFacts,
  host: Host,
  options: EngineOptions,
): Promise<EngineResult> {
  const { journal } = options;
  const steps: Step[] = [];
  const warnings: string[] = [];
  const records: PhaseRecord[] = [];
  let facts: Facts = first;
  const looks = earlier.filter(({ phase }) => !phases.some(({ name }) => name === phase));
  // A boot that goes on knows what its earlier try found in the phases that come again.
  const ahead = changesOf(factsOf(looks), first);
  if (Object.keys(ahead).length > 0 && phases[0]) looks.push({ phase: phases[0].name, round: -1, found: ahead });
  /** What the looks so far have told. */
  let known: Partial<Facts> = first;
  const httpOf = serverHttp(host, SEGMENT_SECRETS);
  for (const [index, phase] of phases.entries()) {
    const label = `${phase.name} (${options.firstIndex + index + 1}/${options.firstIndex + phases.length})`;
    if (options.breakAt.has(phase.name)) {
      await journal({ event: 'break', phase: phase.name });
      await options.openBreak(phase.name);
    }
    const startedMs = host.clock.uptimeMs();
    const before = steps.length;
    await journal({ event: 'phase-started', phase: phase.name });
    const context: TaskContext = {
      signal: options.signal,
      say: (text) => {
        host.console.line('info', redact(`${label}: ${text}`));
        void journal({ event: 'said', level: 'info', phase: phase.name, text });
      },
      warn: (text) => {
        warnings.push(redact(text));
        host.console.line('warning', redact(`${label}: ${text}`));
        void journal({ event: 'said', level: 'warning', phase: phase.name, text });
      },
    };
    /** What is asked of servers is asked as the settings say that are in force by now. */
    const hostOf = (roots: Roots): Host => ({ ...host, http: httpOf(facts, context.warn, roots) });
    /** The whole phase; undefined, or what to try instead. */
    const run = async (isLast: boolean): Promise<FoundFacts | undefined> => {
      for (const [at, round] of phase.rounds.entries()) {
        const looked = () => ({ phase: phase.name, round: at, found: changesOf(known, facts) });
        const roots = rootsOf(phase, round);
        let done = 0;
        let failing: Step | undefined;
        try {
          if (round.gather)
            facts = withFound(facts, await round.gather(machineHost(hostOf(roots), roots), facts, context));
          for (const step of round.plan?.(facts) ?? []) {
            failing = step;
            await runStep(locate(step, roots), roots);
            done += 1;
          }
        } catch (thrown) {
          looks.push({ ...looked(), done });
          known = facts;
          if (isLeaving(thrown)) throw thrown;
          const other = isLast ? undefined : (round.instead ?? phase.instead)?.(operatorError(thrown), facts, failing);
          if (!other) throw thrown;
          context.warn(`${reasonOf(thrown)}: trying ${Object.keys(other).length > 0 ? 'another way' : 'once more'}`);
          return other;
        }
        looks.push(looked());
        known = facts;
      }
      return undefined;
    };
    const runStep = async (step: Step, roots: Roots): Promise<void> => {
      const stepStartedMs = host.clock.uptimeMs();
      await applyStep(step, hostOf(roots), context);
      const tookMs = Math.round(host.clock.uptimeMs() - stepStartedMs);
      steps.push(step);
      host.console.line('info', redact(`${label}: ${describe(step)} … done in ${tookMs} ms`));
      await journal({ event: 'step', phase: phase.name, step: describe(step), command: shellOf(step), tookMs });
    };
    try {
      for (let left = (phase.mostTries ?? 2) - 1; ; left -= 1) {
        const other = await run(left <= 0);
        if (!other) break;
        facts = withFound(facts, other);
      }
    } catch (thrown) {
      if (isLeaving(thrown)) {
        await journal({ event: 'left', phase: phase.name, how: thrown.how });
        throw thrown;
      }
      const error = operatorError(thrown);
      const { code, message, hint } = error;
      await journal({ event: 'failed', phase: phase.name, code, text: message, ...(hint !== undefined && { hint }) });
      await options.keep({ ...facts, looks });
      throw new PhaseFailure(phase.name, error);
    }
    const tookMs = host.clock.uptimeMs() - startedMs;
    records.push({ name: phase.name, startedMs, tookMs, steps: steps.length - before });
    await journal({ event: 'phase-ended', phase: phase.name, tookMs: Math.round(tookMs) });
    await options.keep({ ...facts, looks });
  }
  return { facts, phases: records, steps, warnings };
}

const operatorError = (thrown: unknown): StatectlError =>
  isStatectlError(thrown)
    ? thrown
    : new StatectlError('unexpected', reasonOf(thrown), {
        cause: thrown,
        hint: 'see `dmesg | tail` for what the kernel says of it; a disk, memory or a full file system may be at fault',
      });
