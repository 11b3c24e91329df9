import { allArguments } from '../config/command-line/command-line.ts';
import { type Claims, type ReadClaims, readClaims } from '../protocol/claims.ts';
import { isLabel } from '../protocol/labels.ts';
import { cardMac } from '../protocol/mac-address.ts';
import type { AskingMachine } from './asking-machine.ts';

/** What this machine says of itself, as a server knows machines. */
export const machineClaims = (facts: AskingMachine): Claims => claimsOf(facts).claims;

/** What firmware, a DHCP server or a kernel command line says of this machine and nobody can read. It chooses nothing. */
export const oddClaims = (facts: AskingMachine): readonly string[] => claimsOf(facts).odd;

function claimsOf(facts: AskingMachine): ReadClaims {
  const { uuid, serial, arch } = facts.machine;
  const mac = bootMac(facts);
  return readClaims({
    mac,
    uuid,
    serial,
    hostname: facts.network.leases?.find((lease) => lease.hostname)?.hostname,
    arch,
    // What is none was told when the command line was read.
    labels: allArguments(facts.commandLine, 'statectl.label')
      .flatMap(({ value = '' }) => value.split(',').filter(isLabel))
      .join(','),
    macs: otherMacs(facts, mac),
  });
}

/** Of its other wired cards: an admin may know the machine by any of them. */
const otherMacs = ({ network: { interfaces = [] } }: AskingMachine, mac: string | undefined): string =>
  interfaces
    .filter((card) => !card.wireless && !card.random && card.mac !== mac)
    .map((card) => card.mac)
    // InfiniBand's have 20 bytes, tunnels' are nothing: no machine is known by them.
    .filter((text) => cardMac(text) !== undefined)
    .join(',');

/** The MAC of the interface that the machine boots from: by it the server knows the machine. */
function bootMac({ network: { interfaces, leases } }: AskingMachine): string | undefined {
  const [first] = leases ?? [];
  const device = first?.card ?? first?.device;
  return interfaces?.find(({ name }) => name === device)?.mac;
}
