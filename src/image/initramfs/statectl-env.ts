import type { Config } from '../../config/config.ts';
import { shellQuote } from '../../host/shell-line.ts';

/** /etc/statectl.env: what /init must know of config.d although ash cannot read YAML. Shell-quoted, one name a line. */
export function statectlEnv(config: Config, loaderModules: readonly string[], toolSets: readonly string[]): string {
  const values = {
    STATECTL_LOADER_MODULES: loaderModules.join(' '),
    STATECTL_TOOL_SETS: toolSets.join(' '),
    STATECTL_CRASH: 'plan',
    STATECTL_ACCESS: config.rescue.access,
    STATECTL_COUNTDOWN: String(Math.round(config.rescue.countdownMs / 1000)),
    STATECTL_UNATTENDED: config.rescue.unattended,
    STATECTL_ATTEMPTS: String(config.rescue.attempts),
    STATECTL_USER_DATA: config.fstab['/user-data']?.source ?? '',
  };
  return `${Object.entries(values)
    .map(([name, value]) => `${name}=${shellQuote(value)}`)
    .join('\n')}\n`;
}
