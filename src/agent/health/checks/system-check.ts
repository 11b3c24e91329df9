import type { Host } from '../../../host/host.ts';
import type { ServiceManager } from '../../apply/tell-services.ts';
import type { CheckResult } from '../gate.ts';
import { toldBy } from './told-by.ts';
import { unitStates, whyNot } from './units.ts';

/** systemd.special(7): what is ordered before it, and what it requires, says whether a boot was good. Nothing of a usual boot starts it. */
const COMPLETE = 'boot-complete.target';
/** What the agent is started by: it is reached when everything else that a boot starts has been. */
const MULTI_USER = 'multi-user.target';
/** Checks that somebody ordered before it are not run every few seconds. */
const ASK_AGAIN_MS = 60_000;
const MOST_NAMES = 3;

const OPENRC = '/run/openrc';

export type SystemCheck = (signal: AbortSignal) => Promise<CheckResult>;

/**
 * Whether the system has started: under systemd multi-user.target is reached and then boot-complete.target, which is started here
 * with whatever was ordered before it; `is-system-running` would count any unit that failed. Under OpenRC its runlevel is
 * reached, and nothing is being started any more.
 */
export function systemCheck(
  host: Pick<Host, 'exec' | 'files' | 'clock'>,
  manager: ServiceManager | undefined,
  runlevel: string,
): SystemCheck {
  const as = (why: string | undefined): CheckResult => ({
    ...{ name: 'system', need: 'required' },
    ...(why !== undefined && { why }),
  });
  if (manager === 'openrc') return async () => as(await openrcFault(host, runlevel));
  if (manager !== 'systemd') return async () => as(undefined);
  let askedMs: number | undefined;
  return async (signal) => {
    const [system = '', complete = ''] = await unitStates(host, [MULTI_USER, COMPLETE], signal);
    if (typeof system === 'string') return as(system);
    if (typeof complete === 'string') return as(complete);
    if (system.active !== 'active') return as(`${MULTI_USER} is not reached${await running(host, signal)}`);
    // A systemd before 240 has none.
    if (complete.load !== 'loaded' || complete.active === 'active') return as(undefined);
    if (complete.hasJob) return as(`${COMPLETE} is not reached${await running(host, signal)}`);
    const wasAsked = askedMs !== undefined;
    if (askedMs === undefined || host.clock.uptimeMs() - askedMs >= ASK_AGAIN_MS) {
      askedMs = host.clock.uptimeMs();
      await toldBy(host, ['systemctl', 'start', '--no-block', COMPLETE], signal);
    }
    if (!wasAsked) return as(`${COMPLETE} is not reached: it is being started`);
    return as(`${COMPLETE} is not reached${await inTheWay(host, complete.requires, signal)}`);
  };
}

/** What is being started now, for a sentence that goes on. */
async function running(host: Pick<Host, 'exec'>, signal: AbortSignal): Promise<string> {
  const { stdout } = await toldBy(host, ['systemctl', 'list-jobs', '--no-legend', '--no-pager'], signal);
  const names = stdout.split('\n').flatMap((line) => {
    const [, unit, , state] = line.trim().split(/\s+/);
    return unit !== undefined && state === 'running' ? [unit] : [];
  });
  return names.length === 0 ? '' : `: ${few(names)} ${names.length === 1 ? 'is' : 'are'} still being started`;
}

async function inTheWay(host: Pick<Host, 'exec'>, requires: readonly string[], signal: AbortSignal): Promise<string> {
  const states = await unitStates(host, requires, signal);
  const bad = requires.flatMap((name, at) => {
    const state = states[at];
    const why = state && whyNot(state);
    return why === undefined ? [] : [`${name}: ${why}`];
  });
  return bad.length === 0 ? '' : `: ${few(bad)}`;
}

const few = (names: readonly string[]): string =>
  `${names.slice(0, MOST_NAMES).join(', ')}${names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : ''}`;

/** openrc(8) writes the runlevel before it starts what is in it, and has a folder while it does. */
async function openrcFault({ files }: Pick<Host, 'files'>, runlevel: string): Promise<string | undefined> {
  const now = (await files.readText(`${OPENRC}/softlevel`).catch(() => '')).trim();
  if (now !== runlevel) return `the runlevel is ${now || 'none yet'}, not ${runlevel}`;
  const isStarting = (await files.stat(`${OPENRC}/rc.starting`)) !== undefined;
  return isStarting ? `services of the runlevel ${runlevel} are still being started` : undefined;
}
