import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import type { NetconsoleFacts } from '../facts/network-facts.ts';

const CONFIGFS = '/sys/kernel/config';
const TARGET = `${CONFIGFS}/netconsole/statectl`;

/** Documentation/networking/netconsole.rst: what is set before it is enabled. */
const settings = (step: NetconsoleFacts): readonly (readonly [name: string, value: string])[] => [
  ['dev_name', step.device],
  ['local_ip', step.localAddress],
  ['remote_ip', step.remoteAddress],
  ['remote_port', String(step.remotePort)],
  ['remote_mac', step.remoteMac],
  ['enabled', '1'],
];

/** Has the kernel send its messages. A failure is told: messages are no reason not to boot. */
export async function startNetconsole(step: NetconsoleFacts, host: Host, boot: TaskContext): Promise<void> {
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
export const netconsoleCommands = (step: NetconsoleFacts): readonly string[] => [
  'modprobe netconsole',
  `( [ -d ${CONFIGFS}/netconsole ] || mount -t configfs configfs ${CONFIGFS} )`,
  `mkdir -p ${TARGET}`,
  `( echo 0 > ${TARGET}/enabled || true )`,
  ...settings(step).map(([name, value]) => `echo ${value} > ${TARGET}/${name}`),
];
