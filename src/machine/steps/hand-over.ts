import { shellQuote } from '../../host/shell-line.ts';
import type { NetconsoleFacts } from '../facts/network-facts.ts';
import { netconsoleCommands, startNetconsole } from '../network/start-netconsole.ts';
import { SWITCH_FILE } from '../paths.ts';
import { kind } from './kind.ts';
import { tolerant } from './shell-text.ts';
import { type SwitchRoot, switchFileText } from './switch-file.ts';

/** The kernel's messages to another host, and the machine to its system. */
export const handOver = {
  netconsole: kind<NetconsoleFacts>({
    describe: ({ remoteAddress, remotePort }) => `messages of the kernel to ${remoteAddress}:${remotePort}`,
    command: (step) => tolerant('/sys/kernel/config/netconsole/statectl', netconsoleCommands(step)),
    apply: startNetconsole,
  }),

  'switch-root': kind<SwitchRoot>({
    located: (step, at) => ({ ...step, root: at(step.root) }),
    describe: ({ root, init }) => `switch to ${root} and run ${init}`,
    // /init alone can switch: it is the first process. It does what it finds here.
    command: (step) => `printf %s ${shellQuote(switchFileText(step))} > ${SWITCH_FILE}`,
    apply: (step, { files }) => files.write(SWITCH_FILE, switchFileText(step)),
  }),
};
