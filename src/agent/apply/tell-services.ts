import { reasonOf } from '../../error.ts';
import type { Host, RunResult } from '../../host/host.ts';

export type ServiceManager = 'systemd' | 'openrc';

/** A service that hangs must not hold up the agent. */
const PATIENCE_MS = 90_000;

/**
 * Lets a service that runs read its files again; one that cannot is restarted, one that does not run is not started. Gives why it
 * could not be told.
 */
export async function reloadService(
  { exec }: Pick<Host, 'exec'>,
  manager: ServiceManager,
  service: string,
): Promise<string | undefined> {
  const run = (...argv: readonly string[]) =>
    exec
      .run(argv, { timeoutMs: PATIENCE_MS })
      .catch((error): RunResult => ({ exitCode: 1, stdout: '', stderr: reasonOf(error) }));
  if (manager === 'systemd') return whyNot(await run('systemctl', 'try-reload-or-restart', service));
  const reloaded = await run('rc-service', '--ifstarted', service, 'reload');
  return reloaded.exitCode === 0 ? undefined : whyNot(await run('rc-service', '--ifstarted', service, 'restart'));
}

const whyNot = ({ exitCode, stderr }: RunResult): string | undefined =>
  exitCode === 0 ? undefined : stderr.trim().split('\n').at(-1) || `exit status ${exitCode}`;

/** sshd reads its settings and certificate anew, and no session ends. Debian calls its service ssh, under OpenRC too. */
export async function reloadSshd(host: Pick<Host, 'exec'>, manager: ServiceManager): Promise<string | undefined> {
  const names = manager === 'systemd' ? ['ssh.service', 'sshd.service'] : ['ssh', 'sshd'];
  let why: string | undefined;
  for (const name of names) {
    why = await reloadService(host, manager, name);
    if (why === undefined) return undefined;
  }
  return why;
}

/** What reads these files only when it is told: systemd its units, sshd its settings. No other service is touched. */
export async function tellReaders(
  host: Pick<Host, 'exec'>,
  manager: ServiceManager | undefined,
  paths: readonly string[],
): Promise<readonly string[]> {
  if (!manager) return [];
  const troubles: (string | undefined)[] = [];
  if (manager === 'systemd' && paths.some((path) => path.includes('/systemd/system/'))) {
    const { exitCode, stderr } = await host.exec
      .run(['systemctl', 'daemon-reload'], { timeoutMs: PATIENCE_MS })
      .catch((error): RunResult => ({ exitCode: 1, stdout: '', stderr: reasonOf(error) }));
    troubles.push(exitCode === 0 ? undefined : `systemd does not read its units again: ${stderr.trim()}`);
  }
  if (paths.some((path) => path.startsWith('/etc/ssh/sshd_config'))) {
    const why = await reloadSshd(host, manager);
    troubles.push(why && `sshd does not read its settings again: ${why}`);
  }
  return troubles.filter((text) => text !== undefined);
}
