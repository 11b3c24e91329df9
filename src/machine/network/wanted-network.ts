import { below, masterOf } from '../../config/check/link-faults.ts';
import { getArgument } from '../../config/command-line/command-line.ts';
import {
  CARD,
  type Changes,
  changesOf,
  type InterfaceSettings,
  type NetworkWishes,
  networkWishes,
  together,
} from '../../config/command-line/network-arguments.ts';
import { familyOf, parseCidr } from '../../config/settings/addresses.ts';
import { entryOf } from '../../entry-of.ts';
import { parseMac } from '../../protocol/mac-address.ts';
import type { Facts } from '../facts/facts.ts';
import type { InterfaceFacts } from '../facts/network-facts.ts';
import { missingInterface, planInterfaceChoice } from './interface-choice.ts';
import { needsNetwork } from './needs-network.ts';

/** An interface of this machine, as it is to be. */
export interface WantedInterface {
  /** As config.d calls it. */
  readonly name: string;
  /** As the kernel calls it. */
  readonly device: string;
  /** The card, where it is one that is there. */
  readonly card?: InterfaceFacts;
  /** All of it, `dhcp4` decided. */
  readonly settings: InterfaceSettings;
  /** Set up in the initramfs. */
  readonly early: boolean;
  /** Said by config.d, vlan=, bond= or bridge=; others are handed over only with the lease that they got. */
  readonly declared: boolean;
  /** The bond or bridge that it is in. */
  readonly master?: InterfaceSettings & { readonly device: string };
  /** VLANs that lie over it. */
  readonly vlans: readonly string[];
}

/** Each after those that it lies over; the one that is booted from after all others that are set up early. */
export type WantedNetwork = readonly WantedInterface[];

/** What the network is to be, by config.d, the command line, and the cards that are there. Pure. Throws what those do. */
export function wantedNetwork(facts: Facts): WantedNetwork {
  const wishes = networkWishes(facts.config.network, facts.commandLine);
  const cards = (facts.network.interfaces ?? []).map((card) => ({ ...card, carrier: card.carrier ?? false }));
  const needed = needsNetwork(facts);
  const declared = wishes.network.interfaces;
  const { missing } = facts.network;
  const boot =
    missing === undefined && (needed || wishes.network.boot) ? bootInterface(facts, wishes, cards) : undefined;
  const asked = askedFor(wishes, cards);
  const interfaces: Record<string, InterfaceSettings> = { ...declared };
  for (const [name, changes] of asked) interfaces[name] = changed(entryOf(declared, name) ?? CARD, changes);
  if (boot !== undefined) interfaces[boot] = bootSettings(entryOf(interfaces, boot) ?? CARD, wishes, asked.has(boot));
  for (const [name, routes] of Object.entries(wishes.routes)) {
    const known = entryOf(interfaces, name);
    if (known) interfaces[name] = changed(known, { routes: { ...known.routes, ...routes } });
  }
  // What lies over a card that is not there cannot be made either.
  const flagged =
    missing === undefined ? Object.keys(interfaces).filter((name) => entryOf(interfaces, name)?.initramfs) : [];
  const early = new Set(
    upwards([...flagged, ...(needed ? [...asked.keys(), ...(boot ? [boot] : [])] : [])], interfaces),
  );
  const order = upwards(
    [...Object.keys(interfaces).filter((name) => name !== boot), ...(boot ? [boot] : [])],
    interfaces,
  );
  const deviceOf = (name: string) => cardOf(name, entryOf(interfaces, name) ?? CARD, cards)?.name ?? name;
  return order.map((name): WantedInterface => {
    const settings = entryOf(interfaces, name) as InterfaceSettings;
    const card = cardOf(name, settings, cards);
    if (early.has(name) && settings.kind === 'physical' && !card)
      throw missingInterface(`${name} is to be set up, but there is no such interface`, cards);
    const master = masterOf(name, interfaces);
    return {
      name,
      device: deviceOf(name),
      ...(card && { card }),
      settings: withDevices({ ...settings, dhcp4: settings.dhcp4 ?? (name === boot && saysNoWay(settings)) }, deviceOf),
      early: early.has(name),
      declared: Object.hasOwn(declared, name),
      ...(master && {
        master: { ...withDevices(entryOf(interfaces, master) as InterfaceSettings, deviceOf), device: master },
      }),
      vlans: Object.keys(interfaces).filter((other) => {
        const entry = entryOf(interfaces, other);
        return entry?.kind === 'vlan' && entry.link === name;
      }),
    };
  });
}

/**
 * The cards that may be the one to boot from, when nobody said by name or MAC which it is: the first with a link. None when
 * there is no choice to make.
 */
export function candidates(facts: Facts): readonly InterfaceFacts[] {
  if (!needsNetwork(facts)) return [];
  const { ip, network } = networkWishes(facts.config.network, facts.commandLine);
  const named = ip.some(({ method, device }) => method !== 'off' && device !== undefined);
  const off = ip.filter(({ method }) => method === 'off').map(({ device }) => device);
  if (
    named ||
    network.boot ||
    getArgument(facts.commandLine, 'BOOTIF')?.value ||
    getArgument(facts.commandLine, 'bootdev')?.value
  )
    return [];
  const wired = (facts.network.interfaces ?? []).filter(({ name, wireless }) => !wireless && !off.includes(name));
  return wired.length > 1 && !(off.length === ip.length && off.includes(undefined)) ? wired : [];
}

type Interfaces = Readonly<Record<string, InterfaceSettings>>;

/** By name: what the ip= that name an interface say of it; those whose card is not there say nothing. */
function askedFor({ ip, network: { interfaces } }: NetworkWishes, cards: readonly InterfaceFacts[]) {
  const asked = new Map<string, Changes>();
  for (const argument of ip) {
    const { method, device } = argument;
    if (method === 'off' || device === undefined) continue;
    const name = nameOf(device, interfaces, cards);
    if (name !== undefined) asked.set(name, together(asked.get(name) ?? {}, changesOf(argument)));
  }
  return asked;
}

/** The name that config.d has for what ip= calls so, else the kernel's. */
function nameOf(device: string, interfaces: Interfaces, cards: readonly InterfaceFacts[]): string | undefined {
  if (Object.hasOwn(interfaces, device)) return device;
  const card = cards.find(({ name, mac }) => name === device || mac === parseMac(device.replace(/^enx/, '')));
  return card && nameOfCard(card, interfaces, cards);
}

const nameOfCard = (card: InterfaceFacts, interfaces: Interfaces, cards: readonly InterfaceFacts[]): string =>
  Object.keys(interfaces).find((name) => cardOf(name, entryOf(interfaces, name) ?? CARD, cards)?.name === card.name) ??
  card.name;

const cardOf = (name: string, settings: InterfaceSettings, cards: readonly InterfaceFacts[]) => {
  if (settings.kind !== 'physical') return undefined;
  const { match } = settings;
  return cards.find((card) => (match ? card.mac === match.mac : card.name === name));
};

/** ip= > what config.d says > BOOTIF= > the first with a link; a card in a bond or bridge stands for that. */
function bootInterface(
  { commandLine }: Facts,
  { ip, network: { boot, interfaces } }: NetworkWishes,
  cards: readonly (InterfaceFacts & { readonly carrier: boolean })[],
): string | undefined {
  const active = ip.filter(({ method }) => method !== 'off');
  if (active.length === 0 && ip.some(({ device }) => device === undefined)) return undefined;
  const named = active.flatMap(({ device }) => device ?? []);
  const bootdev = getArgument(commandLine, 'bootdev')?.value;
  const wish = (bootdev && named.includes(bootdev) ? bootdev : named[0]) ?? bootdev ?? boot;
  if (wish && Object.hasOwn(interfaces, wish)) return wish;
  const choice = planInterfaceChoice(ip, getArgument(commandLine, 'BOOTIF')?.value, bootdev, cards);
  if (!choice) return undefined;
  let name = nameOfCard(choice.nic, interfaces, cards);
  for (let master = masterOf(name, interfaces); master; master = masterOf(name, interfaces)) name = master;
  return name;
}

/** An ip= without an interface is for this one, unless another names it. */
function bootSettings(
  settings: InterfaceSettings,
  { ip, forBoot }: NetworkWishes,
  isNamed: boolean,
): InterfaceSettings {
  const [general] = ip.filter(({ method, device }) => method !== 'off' && device === undefined);
  const own = general && !isNamed ? changed(settings, changesOf(general)) : settings;
  return changed(own, {
    dns: [...(forBoot.dns ?? []), ...own.dns],
    routes: { ...own.routes, ...forBoot.routes },
  });
}

const changed = (settings: InterfaceSettings, changes: Changes): InterfaceSettings =>
  ({ ...settings, ...changes }) as InterfaceSettings;

const saysNoWay = ({ addresses, dhcp6, acceptRa }: InterfaceSettings): boolean =>
  addresses.length === 0 && dhcp6 === false && acceptRa === undefined;

/** Members and links by the kernel's names. */
function withDevices(settings: InterfaceSettings, deviceOf: (name: string) => string): InterfaceSettings {
  switch (settings.kind) {
    case 'physical':
      return settings;
    case 'vlan':
      return { ...settings, link: deviceOf(settings.link) };
    case 'bond': {
      const { primary, members } = settings;
      return { ...settings, members: members.map(deviceOf), primary: primary && deviceOf(primary) };
    }
    case 'bridge':
      return { ...settings, members: settings.members.map(deviceOf) };
  }
}

/** These and all that they lie over, each after those below it. */
function upwards(names: readonly string[], interfaces: Interfaces, found: readonly string[] = []): readonly string[] {
  return names.reduce<readonly string[]>((order, name) => {
    if (order.includes(name)) return order;
    const lower = upwards(below(entryOf(interfaces, name) ?? CARD), interfaces, order);
    return [...lower, name];
  }, found);
}

/** Whether it gets an address or route of its own. */
export const hasAddresses = ({ settings, master }: WantedInterface): boolean =>
  !master &&
  (settings.dhcp4 || settings.dhcp6 !== false || settings.acceptRa === true || settings.addresses.length > 0);

/** Those of one family. */
export const addressesOf = ({ settings }: WantedInterface, family: 4 | 6) =>
  settings.addresses.flatMap((text) => {
    const cidr = parseCidr(text);
    return cidr && familyOf(cidr.address) === family ? [cidr] : [];
  });

export const gatewayOf = ({ settings }: WantedInterface, family: 4 | 6): string | undefined =>
  settings.gateway.find((address) => familyOf(address) === family);
