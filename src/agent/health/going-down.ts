import type { Host } from '../../host/host.ts';
import type { ServiceManager } from '../apply/tell-services.ts';
import { toldBy } from './checks/told-by.ts';
import { unitStates } from './checks/units.ts';

/** Why the system ends. */
export type GoingDown =
  /** Somebody asked for it, by this target or runlevel. */
  | { readonly kind: 'asked'; readonly by: string }
  /** A unit that failed has it end: no person's wish. */
  | { readonly kind: 'failed'; readonly unit: string; readonly why: string };

const TARGETS = ['reboot.target', 'poweroff.target', 'halt.target', 'kexec.target', 'soft-reboot.target'];
const RUNLEVELS = ['shutdown', 'reboot'];
const ENDS = /^(?:reboot|poweroff|halt|kexec|soft-reboot|exit)/;

/**
 * Whether the whole system ends, and not this agent alone. People reboot in a dozen ways (reboot, systemctl, the power button,
 * Moonraker's web page), so it is asked of who stops the services, and no verb of statectl is needed for it.
 */
export async function goingDown(
  host: Pick<Host, 'exec' | 'files'>,
  manager: ServiceManager | undefined,
  signal: AbortSignal,
): Promise<GoingDown | undefined> {
  if (manager === 'openrc') {
    const runlevel = (await host.files.readText('/run/openrc/softlevel').catch(() => '')).trim();
    return RUNLEVELS.includes(runlevel) ? { kind: 'asked', by: `runlevel ${runlevel}` } : undefined;
  }
  if (manager !== 'systemd') return undefined;
  const { stdout } = await toldBy(host, ['systemctl', 'is-system-running'], signal);
  if (stdout.trim() !== 'stopping') return undefined;
  const failed = await unitThatEnds(host, signal);
  if (failed) return failed;
  const jobs = await toldBy(host, ['systemctl', 'list-jobs', '--no-legend', '--no-pager'], signal);
  const by = TARGETS.find((target) => jobs.stdout.split(/\s+/).includes(target));
  return { kind: 'asked', by: by ?? 'shutdown.target' };
}

/** systemd.unit(5): FailureAction and StartLimitAction end the system by themselves, and so does OnFailure=reboot.target. */
async function unitThatEnds(host: Pick<Host, 'exec'>, signal: AbortSignal): Promise<GoingDown | undefined> {
  const { stdout } = await toldBy(
    host,
    ['systemctl', 'list-units', '--state=failed', '--no-legend', '--no-pager', '--plain'],
    signal,
  );
  const names = stdout.split('\n').flatMap((line) => line.trim().split(/\s+/)[0] || []);
  const states = await unitStates(host, names, signal);
  for (const [at, name] of names.entries()) {
    const state = states[at];
    if (state === undefined || typeof state === 'string') continue;
    const { failureAction, startLimitAction, onFailure, result } = state;
    const action = [
      ...(ENDS.test(failureAction) ? [`FailureAction=${failureAction}`] : []),
      ...(ENDS.test(startLimitAction) && result === 'start-limit-hit' ? [`StartLimitAction=${startLimitAction}`] : []),
      ...onFailure.filter((unit) => TARGETS.includes(unit)).map((unit) => `OnFailure=${unit}`),
    ][0];
    if (action !== undefined)
      return { kind: 'failed', unit: name, why: `it failed, and its ${action} ends the system` };
  }
  return undefined;
}
