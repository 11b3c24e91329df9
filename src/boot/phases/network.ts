import { networkWishes } from '../../config/command-line/network-arguments.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { copiesHere } from '../../machine/cycle/slot-places.ts';
import { bootsLocalRoot, userDataDevice } from '../../machine/facts/disks.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import type { FoundFacts } from '../../machine/facts/found-facts.ts';
import type { InterfaceFacts } from '../../machine/facts/network-facts.ts';
import { readLeases } from '../../machine/network/leases.ts';
import { needsNetwork } from '../../machine/network/needs-network.ts';
import { netconsoleFacts, planNetconsole } from '../../machine/network/netconsole.ts';
import { planAddressing, planCards, planResolver, planVirtual } from '../../machine/network/network-steps.ts';
import { candidates, wantedNetwork } from '../../machine/network/wanted-network.ts';
import { failWithoutDrivers } from '../../machine/steps/refused-drivers.ts';
import type { Step } from '../../machine/steps/step.ts';
import type { Phase } from '../phase.ts';

const CARRIER_WAIT_MS = 10_000;

/** Wired interfaces up, one of them with an address, when something has to come over the network. */
export const network: Phase = {
  name: 'network',
  rounds: [
    {
      gather: async (host, facts, boot) => {
        const found = await interfaces(host);
        const root = await copies(host, facts, boot);
        if (found.length === 0 && needsNetwork(facts) && !root.copy) await failWithoutDrivers(host);
        return { network: { interfaces: found }, root };
      },
      plan: planLinks,
    },
    { gather: waitForCarrier, plan: planAddresses },
    {
      gather: async (host, facts) => ({
        network: { leases: await readLeases(host, wantedNetwork(facts), wishesOf(facts).peerDns) },
      }),
      plan: planNameServers,
    },
    {
      gather: async (host, facts, boot) => ({ network: { netconsole: await netconsoleFacts(host, facts, boot) } }),
      plan: planNetconsole,
    },
  ],
  // A card that died is no worse than a server that is away.
  instead: ({ code, message }, { root: { copy } }) =>
    code === 'interface-missing' && copy ? { network: { missing: message } } : undefined,
};

/** What there is to boot from without a server: with it, nothing waits longer than `network.wait`. */
async function copies(host: Host, facts: Facts, boot: TaskContext): Promise<NonNullable<FoundFacts['root']>> {
  if (bootsLocalRoot(facts) || !userDataDevice(facts)) return {};
  return copiesHere(host, facts, boot);
}

const wishesOf = ({ config, commandLine }: Facts) => networkWishes(config.network, commandLine);

const waitMs = ({ root: { copy }, config }: Facts, usualMs: number): number =>
  copy ? Math.min(usualMs, config.network.waitMs) : usualMs;

export function planLinks(facts: Facts): readonly Step[] {
  const looked = candidates(facts).map(({ name }) => name);
  const wanted = wantedNetwork(facts).map((each) => ({ ...each, early: each.early || looked.includes(each.device) }));
  const cards = planCards(wanted);
  const others = looked.filter((name) => !cards.some((step) => step.kind === 'link-up' && step.device === name));
  return [...cards, ...others.map((device): Step => ({ kind: 'link-up', device }))];
}

/** Waits, visibly, until one candidate has a carrier where several could be meant; with one, DHCP waits itself. */
async function waitForCarrier(host: Host, facts: Facts, boot: TaskContext): Promise<FoundFacts> {
  const several = candidates(facts).length > 1;
  const wait = waitMs(facts, CARRIER_WAIT_MS);
  const deadline = host.clock.uptimeMs() + wait;
  for (;;) {
    const now = await interfaces(host);
    if (!several || now.some(({ carrier }) => carrier)) return { network: { interfaces: now } };
    if (host.clock.uptimeMs() >= deadline) {
      boot.warn(`no link on ${now.map(({ name }) => name).join(', ')} after ${wait / 1000} s: is a cable plugged in?`);
      return { network: { interfaces: now } };
    }
    await host.clock.sleep(100, boot.signal);
  }
}

/** With a bootable copy at hand, one attempt: what it cannot get it does without. */
export function planAddresses(facts: Facts): readonly Step[] {
  const { dhcpMs, tries } = wishesOf(facts).network;
  const wanted = wantedNetwork(facts);
  const patience = { seconds: waitMs(facts, dhcpMs) / 1000, tries: facts.root.copy ? 1 : tries };
  // Of several that were looked at only now is known for which an MTU or MAC was meant.
  const late = candidates(facts).length > 1 ? wanted.filter(({ settings }) => settings.mtu || settings.mac) : [];
  return [...planCards(late), ...planVirtual(wanted), ...planAddressing(wanted, patience)];
}

export function planNameServers(facts: Facts): readonly Step[] {
  const {
    network: { leases = [] },
  } = facts;
  return planResolver(wantedNetwork(facts), leases, leases.length > 0 && !wishesOf(facts).peerDns);
}

/** Wired and wireless interfaces with hardware behind them. */
async function interfaces({ files }: Pick<Host, 'files'>): Promise<readonly InterfaceFacts[]> {
  const found: InterfaceFacts[] = [];
  for (const name of await files.list('/sys/class/net').catch(() => [])) {
    const dir = `/sys/class/net/${name}`;
    // Virtual ones (lo, bridges, tunnels) have no device.
    if (!(await files.stat(`${dir}/device`))) continue;
    // ARPHRD_CAN of include/uapi/linux/if_arp.h: no machine is booted from a bus of boards.
    if ((await files.readText(`${dir}/type`).catch(() => '')).trim() === '280') continue;
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
    // A card in a bond shows the bond's address as its own.
    const mac = await files.readText(`${dir}/bonding_slave/perm_hwaddr`).catch(() => files.readText(`${dir}/address`));
    // NET_ADDR_RANDOM of include/uapi/linux/netdevice.h.
    const assigned = await files.readText(`${dir}/addr_assign_type`).catch(() => '');
    const random = assigned.trim() === '1' && { random: true as const };
    found.push({
      ...{ name, mac: mac.trim().toLowerCase(), wireless },
      ...(carrier !== undefined && { carrier }),
      ...(driver !== undefined && { driver }),
      ...random,
    });
  }
  return found;
}
