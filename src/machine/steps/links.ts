import type { Host } from '../../host/host.ts';
import { shellLine, shellQuote } from '../../host/shell-line.ts';
import {
  type Address,
  addressArgv,
  DRIVERS,
  enslaveArgv,
  type Flush,
  flushArgv,
  type LinkAdd,
  type LinkUp,
  linkAddArgvs,
  linkDownArgv,
  linkUpArgv,
  type Route,
  routeArgv,
} from '../network/network-commands.ts';
import { kind } from './kind.ts';
import { mustRun } from './must-run.ts';

const SEE_LINKS = 'see the interfaces with: ip link';

/** A step that is one call of ip(8). */
const byIp = <Body extends object>(
  describe: (step: Body) => string,
  argvOf: (step: Body) => readonly string[],
  hint: string,
) =>
  kind<Body>({
    describe,
    command: (step) => shellLine(argvOf(step)),
    apply: (step: Body, host: Host) => mustRun(host, argvOf(step), 'network-failed', hint),
  });

/** Interfaces, their addresses and routes. */
export const links = {
  'link-add': kind<LinkAdd>({
    describe: (step) =>
      step.type === 'vlan' ? `VLAN ${step.id} of ${step.link} as ${step.device}` : `${step.type} ${step.device}`,
    command: (step) =>
      `[ -e ${shellQuote(`/sys/class/net/${step.device}`)} ] || ( ${linkAddArgvs(step).map(shellLine).join('; ')} )`,
    async apply(step, host) {
      // A boot that is tried again finds what the try before has made.
      if (await host.files.stat(`/sys/class/net/${step.device}`)) return;
      const argvs = linkAddArgvs(step);
      for (const argv of argvs.slice(0, -1)) await host.exec.run(argv);
      const hint = `is the driver in the image? modinfo ${DRIVERS[step.type]}`;
      await mustRun(host, argvs.at(-1) ?? [], 'network-failed', hint);
    },
  }),

  enslave: byIp<{ readonly device: string; readonly master: string }>(
    ({ device, master }) => `${device} into ${master}`,
    enslaveArgv,
    `${SEE_LINKS}; dmesg | tail`,
  ),

  'link-up': byIp<LinkUp>(({ device }) => `bring up ${device}`, linkUpArgv, SEE_LINKS),

  'link-down': byIp<{ readonly device: string }>(({ device }) => `take down ${device}`, linkDownArgv, SEE_LINKS),

  /** Takes its addresses off it, or one of them. */
  flush: byIp<Flush>(
    ({ device, address }) => `no ${address ?? 'address'} on ${device} any more`,
    flushArgv,
    'see the addresses with: ip address',
  ),

  address: byIp<Address>(
    ({ device, address, prefixLength, seconds }) =>
      `address ${address}/${prefixLength} on ${device}${seconds ? ` for ${seconds} s` : ''}`,
    addressArgv,
    'see the addresses with: ip address',
  ),

  route: byIp<Route>(
    ({ device, to, gateway }) =>
      `${to ? `route to ${to}` : 'default route'}${gateway ? ` by ${gateway}` : ''} on ${device}`,
    routeArgv,
    'see the routes with: ip route',
  ),
};
