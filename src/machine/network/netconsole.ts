import { isIPv4 } from 'node:net';
import { reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import type { Facts } from '../facts/facts.ts';
import type { NetconsoleFacts } from '../facts/network-facts.ts';
import type { Step } from '../steps/step.ts';

const NEIGHBOUR_TRIES = 3;
const TIMEOUT_MS = 5000;

/** How the kernel's messages reach the host that logging.conf names. What is not known is told, and no reason not to boot. */
export async function netconsoleFacts(
  host: Host,
  { config, network: { leases = [] } }: Facts,
  boot: TaskContext,
): Promise<NetconsoleFacts | undefined> {
  const { netconsole } = config.logging;
  if (netconsole === undefined) return undefined;
  try {
    if (leases.length === 0) throw new Error('no interface has an address');
    const colon = netconsole.lastIndexOf(':');
    const remoteAddress = await addressOf(host, netconsole.slice(0, colon));
    const { device, localAddress, next } = await routeTo(host, remoteAddress);
    const remoteMac = await neighbour(host, device, next);
    return { device, localAddress, remoteAddress, remotePort: Number(netconsole.slice(colon + 1)), remoteMac };
  } catch (error) {
    boot.warn(`no netconsole to ${netconsole}: ${reasonOf(error)}`);
    return undefined;
  }
}

/** Pure. */
export const planNetconsole = ({ network: { netconsole } }: Facts): readonly Step[] =>
  netconsole ? [{ kind: 'netconsole', ...netconsole }] : [];

async function addressOf({ exec }: Host, name: string): Promise<string> {
  if (isIPv4(name)) return name;
  if (name.startsWith('[')) throw new Error('it is sent by IPv4 alone');
  const { stdout } = await exec.run(['nslookup', '-type=a', name], { timeoutMs: TIMEOUT_MS });
  // The server that was asked stands above the name.
  const found = /^Name:[^\n]*\nAddress(?: 1)?:\s*(\S+)/m.exec(stdout)?.[1];
  if (!found || !isIPv4(found)) throw new Error(`${name} has no IPv4 address`);
  return found;
}

/** The words of `ip route get`: whose Ethernet address is needed is the router's, where there is one between. */
async function routeTo({ exec }: Host, address: string) {
  const { stdout, stderr } = await exec.run(['ip', '-4', 'route', 'get', address]);
  const word = (name: string) => new RegExp(`\\b${name} (\\S+)`).exec(stdout)?.[1];
  const [device, localAddress] = [word('dev'), word('src')];
  if (!device || !localAddress) throw new Error(`there is no route to ${address} ${stderr.trim()}`.trim());
  return { device, localAddress, next: word('via') ?? address };
}

/** From the kernel's table of neighbours; one that is not in it is called first. */
async function neighbour({ files, exec }: Host, device: string, address: string): Promise<string> {
  for (let attempt = 0; attempt <= NEIGHBOUR_TRIES; attempt += 1) {
    if (attempt > 0) await exec.run(['ping', '-c', '1', '-W', '1', address], { timeoutMs: TIMEOUT_MS });
    const lines = (await files.readText('/proc/net/arp')).split('\n').map((line) => line.split(/\s+/));
    // IP address, HW type, Flags, HW address, Mask, Device; ATF_COM, 0x2: the address is known.
    const found = lines.find(([ip, , flags, , , on]) => ip === address && on === device && Number(flags) & 2);
    if (found?.[3]) return found[3];
  }
  throw new Error(`${address} on ${device} does not say its Ethernet address`);
}
