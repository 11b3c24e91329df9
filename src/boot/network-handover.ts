import type { Facts, InstallFacts, Lease } from './facts.ts';
import { SYSROOT } from './paths.ts';
import type { Step } from './step.ts';

/**
 * Gives the configured interfaces to the system's own network service, so that a lease is renewed without a gap.
 * systemd.network(5): KeepConfiguration keeps our address while networkd asks for the lease again under the same client
 * identifier; interfaces(5) for ifupdown.
 */
export function planNetworkHandover(facts: Facts, install: InstallFacts, etcIsWritable: boolean): readonly Step[] {
  const leases = facts.leases ?? [];
  if (leases.length === 0) return [];
  const steps: Step[] = [];
  // /run moves into the root, so what is written here is there when networkd starts. Without networkd nobody reads it.
  steps.push({ kind: 'mkdir', path: '/run/systemd/network', mode: 0o755 });
  for (const lease of leases) {
    const path = `/run/systemd/network/10-statectl-${lease.device}`;
    const mac = macOf(facts, lease);
    steps.push({ kind: 'write', path: `${path}.link`, content: linkFile(lease, mac) });
    steps.push({ kind: 'write', path: `${path}.network`, content: networkdFile(lease, mac) });
  }
  if (!etcIsWritable) return steps;
  if (install.usesIfupdown && !install.usesNetworkd) {
    steps.push({ kind: 'mkdir', path: `${SYSROOT}/etc/network/interfaces.d`, mode: 0o755 });
    for (const lease of leases)
      steps.push({
        kind: 'write',
        path: `${SYSROOT}/etc/network/interfaces.d/statectl-${lease.device}`,
        content: ifupdownFile(lease),
      });
  }
  const dns = [...new Set(leases.flatMap((lease) => lease.dns))];
  if (dns.length > 0 && install.hasResolvConf !== 'symlink') {
    const domain = leases.find((lease) => lease.domain)?.domain;
    steps.push({
      kind: 'write',
      path: `${SYSROOT}/etc/resolv.conf`,
      content: `${domain ? `search ${domain}\n` : ''}${dns.map((server) => `nameserver ${server}\n`).join('')}`,
    });
  }
  const hostname = leases.find((lease) => lease.hostname)?.hostname;
  if (hostname) steps.push({ kind: 'write', path: `${SYSROOT}/etc/hostname`, content: `${hostname}\n` });
  return steps;
}

const macOf = ({ interfaces }: Facts, { device }: Lease): string | undefined =>
  interfaces?.find(({ name }) => name === device)?.mac;

/**
 * Keeps the interface's name: udev cannot rename one that is up, calls it "being renamed" for ever after (ID_RENAMING,
 * systemd 252), and networkd waits for the end of that instead of renewing the lease. Other names become aliases.
 */
function linkFile({ device }: Lease, mac: string | undefined): string {
  const match = mac ? `MACAddress=${mac}` : `OriginalName=${device}`;
  return `# Made by statectl at boot: the interface is in use, so its name stays.\n[Match]\n${match}\n\n[Link]\nNamePolicy=\nAlternativeNamesPolicy=database onboard slot path\n`;
}

function networkdFile(lease: Lease, mac: string | undefined): string {
  // Names may change; the MAC stays.
  const match = mac ? `MACAddress=${mac}` : `Name=${lease.device}`;
  const head = `# Made by statectl at boot: the interface as the initramfs left it.\n[Match]\n${match}\n\n`;
  if (lease.method === 'dhcp')
    return `${head}[Network]\nDHCP=ipv4\nKeepConfiguration=yes\n\n[DHCPv4]\nClientIdentifier=mac\n`;
  const lines = [
    `Address=${lease.address}/${lease.prefixLength}`,
    ...(lease.gateway ? [`Gateway=${lease.gateway}`] : []),
    ...lease.dns.map((server) => `DNS=${server}`),
    ...lease.ntp.map((server) => `NTP=${server}`),
  ];
  return `${head}[Network]\n${lines.join('\n')}\nKeepConfiguration=yes\n`;
}

function ifupdownFile(lease: Lease): string {
  const head = `# Made by statectl at boot.\nauto ${lease.device}\n`;
  if (lease.method === 'dhcp') return `${head}iface ${lease.device} inet dhcp\n`;
  const gateway = lease.gateway ? `\tgateway ${lease.gateway}\n` : '';
  return `${head}iface ${lease.device} inet static\n\taddress ${lease.address}/${lease.prefixLength}\n${gateway}`;
}
