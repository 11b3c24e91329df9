import { isIPv4 } from 'node:net';
import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import type { Facts } from '../facts/facts.ts';
import type { NetconsoleFacts } from '../facts/network-facts.ts';
import type { Step, StepOf } from '../steps/step.ts';

const CONFIGFS = '/sys/kernel/config';
const TARGET = `${CONFIGFS}/netconsole/statectl`;
const NEIGHBOUR_TRIES = 3;
const TIMEOUT_MS = 5000;

/** How the kernel's messages reach the host that logging.conf names. What is not known is told, and no reason not to boot. */
export async function netconsoleFacts(
  host: Host,
  { config, leases = [] }: Facts,
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
export const planNetconsole = ({ netconsole }: Facts): readonly Step[] =>
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

/** Documentation/networking/netconsole.rst: what is set before it is enabled. */
const settings = (step: StepOf<'netconsole'>): readonly (readonly [name: string, value: string])[] => [
  ['dev_name', step.device],
  ['local_ip', step.localAddress],
  ['remote_ip', step.remoteAddress],
  ['remote_port', String(step.remotePort)],
  ['remote_mac', step.remoteMac],
  ['enabled', '1'],
];

/** Has the kernel send its messages. A failure is told: messages are no reason not to boot. */
export async function startNetconsole(step: StepOf<'netconsole'>, host: Host, boot: TaskContext): Promise<void> {
  const { files, exec } = host;
  try {
    const modprobe = await exec.run(['modprobe', 'netconsole']);
    if (modprobe.exitCode !== 0)
      throw new StatectlError('netconsole-failed', modprobe.stderr.trim() || 'the driver cannot be loaded');
    if (!(await files.stat(`${CONFIGFS}/netconsole`)))
      await exec.run(['mount', '-t', 'configfs', 'configfs', CONFIGFS]);
    // A try before left one that sends, which takes no change.
    if (await files.stat(TARGET)) await files.append(`${TARGET}/enabled`, '0').catch(() => undefined);
    else await files.mkdir(TARGET);
    for (const [name, value] of settings(step)) await files.append(`${TARGET}/${name}`, value);
  } catch (error) {
    boot.warn(`no netconsole to ${step.remoteAddress}: ${reasonOf(error)}`);
  }
}

/** The same by hand. */
export const netconsoleCommands = (step: StepOf<'netconsole'>): readonly string[] => [
  'modprobe netconsole',
  `( [ -d ${CONFIGFS}/netconsole ] || mount -t configfs configfs ${CONFIGFS} )`,
  `mkdir -p ${TARGET}`,
  `( echo 0 > ${TARGET}/enabled || true )`,
  ...settings(step).map(([name, value]) => `echo ${value} > ${TARGET}/${name}`),
];
