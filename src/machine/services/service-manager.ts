import type { Host } from '../../host/host.ts';
import { resolveInTree } from '../../host/tree.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import { IMAGE_MOUNT } from '../paths.ts';

/** Who starts the services of the image; where it has the programs of both, the one that /sbin/init leads to. */
export async function findServiceManager({
  files,
}: Pick<Host, 'files'>): Promise<Pick<InstallFacts, 'serviceManager'>> {
  const at = (path: string) => resolveInTree(files, IMAGE_MOUNT, path).catch(() => undefined);
  const isThere = async (path: string) => (await at(path)) !== undefined;
  const hasSystemd = (await isThere('/usr/lib/systemd/systemd')) || (await isThere('/lib/systemd/systemd'));
  const isSystemd = (await at('/sbin/init'))?.path.endsWith('/systemd') === true;
  if (!(await isThere('/sbin/openrc-run'))) {
    // Debian with sysvinit may have the package of systemd too, for its programs.
    const isSysvinit = !isSystemd && (await isThere('/sbin/init')) && (await isThere('/etc/inittab'));
    return hasSystemd && !isSysvinit ? { serviceManager: 'systemd' } : {};
  }
  const isInit = hasSystemd && isSystemd;
  return { serviceManager: isInit ? 'systemd' : 'openrc' };
}
