import type { Host } from '../../host/host.ts';
import { systemTree } from '../../machine/facts/system-tree.ts';
import { mainFileText, RSYSLOG, SSHD, SUDO } from '../../machine/services/main-files.ts';

/** Says which programs of a tree do not read the folders that settings of config.d are in: their machines get the line at each boot. */
export async function sayUnread(host: Pick<Host, 'files' | 'console'>, tree: string): Promise<void> {
  const system = systemTree(host, { bundle: {} }, [tree]);
  for (const file of [SSHD, SUDO, RSYSLOG])
    if ((await mainFileText(system, file)) !== undefined)
      host.console.line(
        'warning',
        `${file.paths[0]} of the tree does not read ${file.folder} before all else: each boot puts \`${file.line}\` into its copy`,
      );
}
