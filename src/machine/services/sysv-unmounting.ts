import type { Host } from '../../host/host.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import { systemTree } from '../facts/system-tree.ts';
import { IMAGE_MOUNT } from '../paths.ts';

/** Debian's, which other distributions with sysvinit took over. The first waits for all disks by sync(2). */
const SCRIPTS = ['sendsigs', 'umountnfs.sh', 'umountfs'] as const;
const HEADER = /^### BEGIN INIT INFO\n[^]*?^### END INIT INFO$/m;

/** Where sysvinit's scripts end in rc(8): what those that end processes and unmount say of their order. Nothing where there are none. */
export async function sysvUnmounting({ files }: Pick<Host, 'files'>): Promise<Pick<InstallFacts, 'unmounting'>> {
  const image = systemTree({ files }, { bundle: {} }, [IMAGE_MOUNT]);
  const found: Record<string, string> = {};
  for (const name of SCRIPTS) {
    const header = HEADER.exec((await image.read(`/etc/init.d/${name}`)) ?? '')?.[0];
    if (header !== undefined) found[name] = header;
  }
  return Object.keys(found).length === 0 ? {} : { unmounting: found };
}
