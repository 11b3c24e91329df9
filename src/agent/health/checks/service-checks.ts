import type { Host } from '../../../host/host.ts';
import { unitName } from '../../../machine/services/unit-file.ts';
import type { ServiceManager } from '../../apply/tell-services.ts';
import type { CheckResult } from '../gate.ts';
import { lastLine, toldBy } from './told-by.ts';
import { runOf, unitStates, whyNot } from './units.ts';

/** Where OpenRC keeps what supervise-daemon runs. */
const OPTIONS = '/run/openrc/options';

export interface WantedServices {
  readonly services: readonly string[];
  readonly units: readonly string[];
}

/** Whether the services and units of `update.health` run. */
export async function serviceChecks(
  host: Pick<Host, 'exec' | 'files'>,
  manager: ServiceManager | undefined,
  { services, units }: WantedServices,
  signal: AbortSignal,
): Promise<readonly CheckResult[]> {
  const wanted = [
    ...services.map((name) => ({ name, label: `service ${name}` })),
    ...units.map((name) => ({ name, label: `unit ${name}` })),
  ];
  if (manager === 'systemd') {
    const states = await unitStates(
      host,
      wanted.map(({ name }) => unitName(name)),
      signal,
    );
    return wanted.map(({ label }, at): CheckResult => {
      const state = states[at] ?? 'systemd does not say';
      return result(label, whyNot(state), runOf(state));
    });
  }
  const results: CheckResult[] = [];
  for (const { name, label } of wanted) {
    const why =
      manager === 'openrc'
        ? await openrcFault(host, name, signal)
        : 'nobody says it: the system has neither systemd nor OpenRC';
    const run = await host.files.readText(`${OPTIONS}/${name}/child_pid`).catch(() => '');
    results.push(result(label, why, run.trim() || undefined));
  }
  return results;
}

/** rc-service(8): its status is 0 for what runs. */
async function openrcFault(host: Pick<Host, 'exec'>, name: string, signal: AbortSignal): Promise<string | undefined> {
  const { exitCode, stdout, stderr } = await toldBy(host, ['rc-service', name, 'status'], signal);
  if (exitCode === 0) return undefined;
  return lastLine(stderr).replace(/^\* /, '') || lastLine(stdout).replace(/^\* /, '') || `exit status ${exitCode}`;
}

const result = (name: string, why: string | undefined, run: string | undefined): CheckResult => ({
  ...{ name, need: 'required' },
  ...(why !== undefined && { why }),
  ...(run !== undefined && { run }),
});
