import type { Facts } from '../facts/facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import type { Step } from '../steps/step.ts';

/** What a system is called that nobody named, as systemd has it: other inits would leave it `(none)`. */
const NOBODY = 'localhost';
/** __NEW_UTS_LEN of the kernel. */
const LONGEST_NAME = 64;

type Named = Pick<Facts, 'config' | 'bundle' | 'network'>;

/** Who says it: etc.conf, its node, DHCP, or the image. */
const hostnameOf = ({ config, bundle, network: { leases = [] } }: Named, install: InstallFacts): string | undefined =>
  config.etc.hostname ??
  bundle.inForce?.node ??
  leases.find(({ hostname }) => hostname)?.hostname ??
  install.imageHostname;

/** /etc/hostname and /etc/hosts. A lease's name was written before, where there is no other. Pure. */
export function planNames(facts: Facts, install: InstallFacts): readonly Step[] {
  const {
    config,
    bundle: { inForce: bundle },
  } = facts;
  const said = config.etc.hostname ?? bundle?.node;
  const name = hostnameOf(facts, install);
  const written = said ?? (name === undefined && install.serviceManager !== 'systemd' ? NOBODY : undefined);
  const hosts = hostsText(install.hosts, config.etc.hosts, name, install.imageHostname);
  const etc = (file: string, content: string): Step => ({ kind: 'write', path: `/etc/${file}`, content });
  return [
    ...(written === undefined ? [] : [etc('hostname', `${written}\n`)]),
    ...(hosts === install.hosts ? [] : [etc('hosts', hosts)]),
  ];
}

/** The kernel's own: there are inits that read no /etc/hostname, and one that cannot be written is none. Pure. */
export function planKernelHostname(facts: Facts, install: InstallFacts): readonly Step[] {
  const name = hostnameOf(facts, install) ?? (install.serviceManager === 'systemd' ? undefined : NOBODY);
  if (name === undefined || name.length > LONGEST_NAME || !/^[\w.-]+$/.test(name)) return [];
  return [{ kind: 'kernel-setting', path: '/proc/sys/kernel/hostname', value: name }];
}

/**
 * hosts(5): the lines of the image, but for the one of the machine's own name, which is as Debian's installer writes it and so
 * found although no network says it. `localhost` is always there: nothing else knows it where nss-myhostname is not.
 */
export function hostsText(
  image: string | undefined,
  others: Facts['config']['etc']['hosts'],
  name: string | undefined,
  imageName: string | undefined,
): string {
  const lines = (image ?? '')
    .split('\n')
    .flatMap((line) => withoutName(line, imageName === name ? undefined : imageName));
  while (lines.at(-1) === '') lines.pop();
  const isLocalhost = (address: string) =>
    lines.some((line) => addressOf(line) === address && namesOf(line).includes(NOBODY));
  const isLoopback = (line: string) => /^(127\.|::1$)/.test(addressOf(line));
  if (!isLocalhost('127.0.0.1')) lines.unshift('127.0.0.1 localhost');
  if (!isLocalhost('::1'))
    lines.splice(lines.findLastIndex(isLoopback) + 1, 0, '::1 localhost ip6-localhost ip6-loopback');
  // The first line of a name counts: where config.d gives the own name an address, that is it.
  const isSaid = Object.values(others).some((names) => names.some((each) => each === name));
  if (name !== undefined && name !== NOBODY && !isSaid)
    lines.splice(
      lines.findLastIndex(isLoopback) + 1,
      0,
      `127.0.1.1 ${name}${name.includes('.') ? ` ${name.split('.')[0]}` : ''}`,
    );
  for (const [address, names] of Object.entries(others)) lines.push(`${address} ${names.join(' ')}`);
  return `${lines.join('\n')}\n`;
}

const wordsOf = (line: string): readonly string[] => line.replace(/#.*/, '').trim().split(/\s+/);
const addressOf = (line: string): string => wordsOf(line)[0] ?? '';
const namesOf = (line: string): readonly string[] => wordsOf(line).slice(1);
/** The loopback's own names; an image that nobody named may be called so. */
const isLoopbackName = (name: string): boolean => /^localhost(\d|\.|$)/.test(name);

/** 127.0.1.1 is the own name's; elsewhere on the loopback the image's own name goes, and the others stay. */
function withoutName(line: string, imageName: string | undefined): readonly string[] {
  const address = addressOf(line);
  if (address === '127.0.1.1') return [];
  if (imageName === undefined || !/^(127\.|::1$)/.test(address)) return [line];
  const [, ...comment] = line.split('#');
  const names = namesOf(line);
  const kept = names.filter(
    (each) => isLoopbackName(each) || (each !== imageName && !each.startsWith(`${imageName}.`)),
  );
  if (kept.length === names.length) return [line];
  return kept.length === 0 ? [] : [[`${address} ${kept.join(' ')}`, ...comment].join(' #')];
}
