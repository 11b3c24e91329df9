import { kernelCommandLine } from '../../config/kernel-cmdline.ts';
import { localCopies } from '../../fetch/local-copy.ts';
import type { Host } from '../../host/host.ts';
import { parseDeviceReference } from '../device-reference.ts';
import type { Facts, InterfaceFacts, Lease } from '../facts.ts';
import { planInterfaceChoice } from '../interface-choice.ts';
import { type IpArgument, parseIpArgument } from '../ip-argument.ts';
import { parseBootif } from '../mac-address.ts';
import { LEASES, USER_DATA_EARLY } from '../paths.ts';
import type { BootContext, Phase } from '../phase.ts';
import { bootsLocalRoot } from '../source.ts';
import type { Step } from '../step.ts';
import { userDataDevice } from './devices.ts';

const CARRIER_WAIT_MS = 10_000;

/** Wired interfaces up, one of them with an address, when something has to come over the network. */
export const network: Phase = {
  name: 'network',
  rounds: [
    {
      gather: async (host, facts, boot) => ({
        interfaces: await interfaces(host),
        ...(await copies(host, facts, boot)),
      }),
      plan: planLinks,
    },
    { gather: waitForCarrier, plan: planAddresses },
    { gather: async (host, facts) => ({ leases: await leases(host, facts) }) },
  ],
};

/** What there is to boot from without a server: with it, nothing waits longer than `network.wait`. */
async function copies(host: Host, facts: Facts, boot: BootContext): Promise<Partial<Facts>> {
  if (bootsLocalRoot(facts) || !userDataDevice(facts)) return {};
  return localCopies(host, USER_DATA_EARLY, facts, boot);
}

const waitMs = ({ copy, config }: Facts, usualMs: number): number =>
  copy ? Math.min(usualMs, config.network.waitMs) : usualMs;

/** Asked for on the command line, or needed for the image. */
export function needsNetwork({ config, commandLine }: Facts): boolean {
  const parsed = kernelCommandLine(commandLine);
  const wants = parsed.all('ip').some(({ value }) => parseIpArgument(value ?? '').method !== 'off');
  if (wants || parsed.flag('rd.neednet', false)) return true;
  return !config.boot.root || parseDeviceReference(config.boot.root).kind === 'url';
}

const ipArguments = ({ commandLine }: Facts): readonly IpArgument[] =>
  kernelCommandLine(commandLine)
    .all('ip')
    .map(({ value }) => parseIpArgument(value ?? ''));

/** The interfaces to use, in order; more than one only while nobody knows which has a carrier. */
function candidates(facts: Facts): readonly InterfaceFacts[] {
  const wired = (facts.interfaces ?? []).filter(({ wireless }) => !wireless);
  if (wired.length < 2) return wired;
  const named = new Set(
    ipArguments(facts)
      .map(({ device }) => device)
      .filter(Boolean),
  );
  const bootif = parseBootif(kernelCommandLine(facts.commandLine).get('BOOTIF')?.value ?? '');
  const chosen = wired.filter(({ name, mac }) => (named.size > 0 ? named.has(name) : mac === bootif));
  return chosen.length > 0 ? chosen : wired;
}

export function planLinks(facts: Facts): readonly Step[] {
  if (!needsNetwork(facts)) return [];
  const mtu = ipArguments(facts).find((argument) => argument.mtu)?.mtu;
  return candidates(facts).map(({ name }) => ({ kind: 'link-up', device: name, mtu }));
}

/** Waits, visibly, until one candidate has a carrier where several could be meant; with one, DHCP waits itself. */
async function waitForCarrier(host: Host, facts: Facts, boot: BootContext): Promise<Partial<Facts>> {
  const several = needsNetwork(facts) && candidates(facts).length > 1;
  const wait = waitMs(facts, CARRIER_WAIT_MS);
  const deadline = host.clock.uptimeMs() + wait;
  for (;;) {
    const now = await interfaces(host);
    if (!several || now.some(({ carrier }) => carrier)) return { interfaces: now };
    if (host.clock.uptimeMs() >= deadline) {
      boot.warn(`no link on ${now.map(({ name }) => name).join(', ')} after ${wait / 1000} s: is a cable plugged in?`);
      return { interfaces: now };
    }
    await host.clock.sleep(100, boot.signal);
  }
}

/** The interface to boot from, and every other one that `ip=` names. */
function chosenInterfaces(facts: Facts): readonly { readonly device: string; readonly ip?: IpArgument }[] {
  const commandLine = kernelCommandLine(facts.commandLine);
  const nics = (facts.interfaces ?? []).map((nic) => ({ ...nic, carrier: nic.carrier ?? false }));
  const given = ipArguments(facts);
  const choice = planInterfaceChoice(given, commandLine.get('BOOTIF')?.value, commandLine.get('bootdev')?.value, nics);
  if (!choice) return [];
  const others = given.filter(
    ({ method, device }) => method !== 'off' && nics.some(({ name }) => name === device && name !== choice.nic.name),
  );
  return [{ device: choice.nic.name, ip: choice.ip }, ...others.map((ip) => ({ device: ip.device ?? '', ip }))];
}

export function planAddresses(facts: Facts): readonly Step[] {
  if (!needsNetwork(facts)) return [];
  // The interface to boot from comes last: each default route and list of name servers replaces the one before.
  return chosenInterfaces(facts)
    .toReversed()
    .flatMap(({ device, ip }): readonly Step[] => {
      if (ip?.method === 'static')
        return [
          { kind: 'address', device, address: ip.address, prefixLength: ip.prefixLength },
          ...(ip.gateway ? [{ kind: 'route', device, gateway: ip.gateway } as const] : []),
          ...(ip.dns.length > 0
            ? [
                {
                  kind: 'write',
                  path: '/etc/resolv.conf',
                  content: ip.dns.map((server) => `nameserver ${server}\n`).join(''),
                } as const,
              ]
            : []),
        ];
      return [
        { kind: 'dhcp', device, seconds: waitMs(facts, facts.config.network.dhcpMs) / 1000, hostname: ip?.hostname },
      ];
    });
}

/** Wired and wireless interfaces with hardware behind them. */
async function interfaces({ files }: Pick<Host, 'files'>): Promise<readonly InterfaceFacts[]> {
  const found: InterfaceFacts[] = [];
  for (const name of await files.list('/sys/class/net').catch(() => [])) {
    const dir = `/sys/class/net/${name}`;
    // Virtual ones (lo, bridges, tunnels) have no device.
    if (!(await files.stat(`${dir}/device`))) continue;
    const carrier = await files.readText(`${dir}/carrier`).then(
      (text) => text.trim() === '1',
      () => undefined,
    );
    const driver = await files.readlink(`${dir}/device/driver`).then(
      (target) => target.split('/').at(-1),
      () => undefined,
    );
    const wireless =
      (await files.stat(`${dir}/wireless`)) !== undefined || (await files.stat(`${dir}/phy80211`)) !== undefined;
    found.push({ name, mac: (await files.readText(`${dir}/address`)).trim().toLowerCase(), carrier, driver, wireless });
  }
  return found;
}

/** The one to boot from first. */
async function leases({ files }: Pick<Host, 'files'>, facts: Facts): Promise<readonly Lease[]> {
  const found: Lease[] = [];
  for (const step of planAddresses(facts)) {
    if (step.kind === 'address') found.push(staticLease(step.device, step.address, step.prefixLength, facts));
    if (step.kind !== 'dhcp') continue;
    const text = await files.readText(`${LEASES}/${step.device}`).catch(() => undefined);
    if (text !== undefined) found.push(parseLease(step.device, text));
  }
  return found.toReversed();
}

function staticLease(device: string, address: string, prefixLength: number, facts: Facts): Lease {
  const argument = ipArguments(facts).find(
    (candidate) => candidate.method === 'static' && candidate.address === address,
  );
  return {
    device,
    method: 'static',
    address,
    prefixLength,
    gateway: argument?.gateway,
    dns: argument?.dns ?? [],
    hostname: argument?.hostname,
    ntp: argument?.ntp ?? [],
  };
}

/** What our udhcpc script writes: key=value lines, lists separated by spaces. */
export function parseLease(device: string, text: string): Lease {
  const values = new Map(
    text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const list = (key: string) => (values.get(key) ?? '').split(' ').filter(Boolean);
  return {
    device,
    method: 'dhcp',
    address: values.get('address') ?? '',
    prefixLength: Number(values.get('prefix') || 32),
    gateway: values.get('gateway') || undefined,
    dns: list('dns'),
    domain: values.get('domain') || undefined,
    hostname: values.get('hostname') || undefined,
    ntp: list('ntp'),
  };
}
