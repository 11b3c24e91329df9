import type { Config } from '../../config/config.ts';
import { entryOf } from '../../entry-of.ts';
import type { Host } from '../../host/host.ts';
import type { IfupdownFacts, InstallFacts } from '../facts/system-facts.ts';
import { IMAGE_MOUNT } from '../paths.ts';

type Files = Pick<Host['files'], 'stat' | 'list' | 'readText'>;

/** They set up interfaces by themselves, and know nothing of what is set up. */
const OTHERS = ['NetworkManager', 'connman', 'wicked', 'dhcpcd'];
const INTERFACES = '/etc/network/interfaces';
const SOURCE = `source-directory ${INTERFACES}.d\n`;
const LOOPBACK = 'auto lo\niface lo inet loopback\n\n';

type NetworkServices = Pick<
  InstallFacts,
  'usesNetworkd' | 'usesIfupdown' | 'ifupdown' | 'hasOtherNetworkService' | 'hasResolvConf'
>;

/** Who sets up the network of the image's system, and what it reads. */
export async function networkServices(files: Files, { services }: Pick<Config, 'services'>): Promise<NetworkServices> {
  const exists = async (path: string) => (await files.stat(IMAGE_MOUNT + path)) !== undefined;
  const resolvConf = await files.stat(`${IMAGE_MOUNT}/etc/resolv.conf`);
  const usesIfupdown = (await exists('/usr/sbin/ifup')) || (await exists('/sbin/ifup'));
  const isStarted = async (name: string) => {
    const said = entryOf(services.services, name) ?? entryOf(services.services, `${name}.service`);
    return said === undefined ? startedBy(files, name) : said === 'enabled';
  };
  const others = await Promise.all(OTHERS.map(isStarted));
  return {
    usesNetworkd: await isStarted('systemd-networkd'),
    usesIfupdown,
    ...(usesIfupdown && { ifupdown: await ifupdownFacts(files) }),
    ...(others.includes(true) && { hasOtherNetworkService: true }),
    hasResolvConf: resolvConf === undefined ? 'missing' : resolvConf.type === 'symlink' ? 'symlink' : 'file',
  };
}

/** By systemd, OpenRC or sysvinit. */
async function startedBy(files: Files, name: string): Promise<boolean> {
  const places = [
    ...['/etc', '/usr/lib'].map((home) => `${home}/systemd/system/multi-user.target.wants/${name}.service`),
    ...['boot', 'default'].map((runlevel) => `/etc/runlevels/${runlevel}/${name}`),
  ];
  for (const place of places) if ((await files.stat(IMAGE_MOUNT + place)) !== undefined) return true;
  const started = await files.list(`${IMAGE_MOUNT}/etc/rc2.d`).catch(() => []);
  return started.some((entry) => /^S\d\d/.test(entry) && entry.slice(3) === name);
}

async function ifupdownFacts(files: Files): Promise<IfupdownFacts> {
  const read = (path: string) => files.readText(path).catch(() => '');
  const main = await read(INTERFACES);
  const parts = (await files.list(`${INTERFACES}.d`).catch(() => [])).filter((name) => !name.startsWith('statectl-'));
  const texts = [main, ...(await Promise.all(parts.map((name) => read(`${INTERFACES}.d/${name}`))))];
  const sources = /^\s*source(-directory)?\s+(\/etc\/network\/)?interfaces\.d/m.test(main);
  return {
    hasCards: texts.some((text) => /^\s*iface\s+(?!lo\s)\S/m.test(text)),
    ...(!sources && { withSource: `${main === '' ? LOOPBACK : `${main.trimEnd()}\n\n`}${SOURCE}` }),
  };
}
