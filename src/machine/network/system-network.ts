import { CARD, networkWishes } from '../../config/command-line/network-arguments.ts';
import type { Facts } from '../facts/facts.ts';
import type { InterfaceFacts } from '../facts/network-facts.ts';
import { needsNetwork } from './needs-network.ts';
import { candidates, type WantedInterface, type WantedNetwork, wantedNetwork } from './wanted-network.ts';

/** What the system gets of the network, whether or not the boot needed any of it, or got an answer there. */
export interface SystemNetwork {
  /** What config.d, the command line or the choice of the boot say. */
  readonly said: WantedNetwork;
  /** The wired cards of which nobody says anything: they ask DHCP. Absent where that is not the system's network. */
  readonly spare?: WantedNetwork;
  /** Cards that `ip=CARD:off` leaves alone. */
  readonly off: readonly InterfaceFacts[];
}

/** Pure. Throws what config.d and the command line do. */
export function systemNetwork(facts: Facts): SystemNetwork {
  const said = wantedNetwork(facts);
  const { ip } = networkWishes(facts.config.network, facts.commandLine);
  const silenced = ip.filter(({ method }) => method === 'off').map(({ device }) => device);
  const wired = (facts.network.interfaces ?? []).filter(({ wireless }) => !wireless);
  const off = wired.filter(({ name }) => silenced.includes(name));
  const spare = silenced.includes(undefined) ? undefined : spareCards(facts, said, wired);
  const known = new Set([...said.map(({ device }) => device), ...off.map(({ name }) => name)]);
  return { said, off, ...(spare && { spare: spare.filter(({ name }) => !known.has(name)).map(byDhcp) }) };
}

function spareCards(facts: Facts, said: WantedNetwork, wired: readonly InterfaceFacts[]) {
  if (!needsNetwork(facts)) return said.length === 0 ? wired : undefined;
  // Nobody knows which of them has the cable while none has an address; else the one that the boot used is the network.
  const looked = candidates(facts);
  const hasAnswer = (facts.network.leases ?? []).some(({ device, card = device }) =>
    looked.some(({ name }) => name === card),
  );
  return looked.length === 0 || hasAnswer ? undefined : looked;
}

const byDhcp = (card: InterfaceFacts): WantedInterface => ({
  name: card.name,
  device: card.name,
  card,
  settings: { ...CARD, dhcp4: true },
  early: false,
  declared: false,
  vlans: [],
});
