import type { ServiceFacts } from '../facts/service-facts.ts';
import type { SystemTree } from '../facts/system-tree.ts';

/** Those of several users: there update-rc.d(8) starts what says nothing else. */
const USUAL = ['2', '3', '4', '5'];
const ALL = ['S', '1', ...USUAL];

/**
 * A script of /etc/init.d with its links in /etc/rcN.d, as sysvinit reads them, and systemd for a service that has no unit. Undefined
 * where there is none.
 */
export async function sysvLinks(tree: SystemTree, name: string): Promise<ServiceFacts | undefined> {
  const base = name.replace(/\.service$/, '');
  if ((await tree.resolve(`/etc/init.d/${base}`)) === undefined) return undefined;
  const started: string[] = [];
  for (const level of ALL)
    for (const link of await tree.list(`/etc/rc${level}.d`))
      if (/^S\d\d/.test(link) && link.slice(3) === base) started.push(`/etc/rc${level}.d/${link}`);
  const enable =
    started.length > 0 ? [] : USUAL.map((level) => [`/etc/rc${level}.d/S01${base}`, `../init.d/${base}`] as const);
  return { enable: Object.fromEntries(enable), started, hide: [], mask: [], masked: [] };
}
