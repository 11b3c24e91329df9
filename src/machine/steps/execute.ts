import { dirname } from 'node:path';
import { reasonOf, StatectlError } from '../../error.ts';
import { askForBundle } from '../../fetch/ask-bundle.ts';
import { fetchVerified } from '../../fetch/download.ts';
import { keepBundle } from '../../fetch/kept-bundle.ts';
import { verifyFile } from '../../fetch/verify-file.ts';
import type { Host, RunResult } from '../../host/host.ts';
import { shellLine } from '../../host/shell-line.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { placeHostKey } from '../../identity/machine/ssh-host-key.ts';
import { onDemand } from '../../on-demand.ts';
import { bringAccounts } from '../accounts/merge-accounts.ts';
import { deliver, drop } from '../delivery/deliver.ts';
import { findDevice } from '../facts/block-devices.ts';
import { parseDeviceReference } from '../facts/device-reference.ts';
import { parseMounts } from '../facts/mounts.ts';
import { askDhcp } from '../network/ask-dhcp.ts';
import { awaitIpv6 } from '../network/await-ipv6.ts';
import { startNetconsole } from '../network/netconsole.ts';
import { ipArgv, linkAddArgvs } from '../network/network-commands.ts';
import { unpackArchive } from '../packages/unpack-archive.ts';
import { SWITCH_FILE } from '../paths.ts';
import { askTime, setClock } from '../time/set-clock.ts';
import { coldplug, firstColdplug } from './coldplug.ts';
import type { Step, StepKind, StepOf } from './step.ts';
import { checkArgv, copyArgvs, mountArgv, ownerArgv } from './step-commands.ts';
import { switchFileText } from './switch-file.ts';

const DRIVERS = { vlan: '8021q', bond: 'bonding', bridge: 'bridge' } as const;

type Executors = { readonly [K in StepKind]: (step: StepOf<K>, host: Host, boot: TaskContext) => Promise<void> };

/** Does one step. Errors say what was done, what the machine answered, and what to look at. */
export const applyStep = (step: Step, host: Host, boot: TaskContext): Promise<void> =>
  (executors[step.kind] as (step: Step, host: Host, boot: TaskContext) => Promise<void>)(step, host, boot);

const executors: Executors = {
  mkdir: ({ path, mode }, { files }) => files.mkdir(path, mode),
  owner: (step, host) => mustRun(host, ownerArgv(step), 'owner-failed', `look at it with: ls -ld ${step.path}`),
  async symlink({ target, path }, { files }) {
    // A directory in its place may hold what nobody wants to lose: then this fails, as `ln -sfT` does.
    if ((await files.stat(path))?.type !== 'dir') await files.remove(path);
    await files.symlink(target, path);
  },
  write: ({ path, content, encoding, mode }, { files }) =>
    files.write(path, Buffer.from(content, encoding ?? 'utf8'), { mode: mode ?? 0o644 }),
  async enrol(step, host, boot) {
    const { enrolMachine } = await onDemand();
    // Whatever becomes of it, the machine boots.
    await enrolMachine(step, host, boot).catch((error) => {
      boot.signal.throwIfAborted();
      boot.warn(`this machine could not prove who it is: ${reasonOf(error)}`);
    });
  },
  accounts: bringAccounts,
  'ssh-host-key': ({ home, to }, host) => placeHostKey(host, home, to),
  'ask-bundle': (step, host, boot) => askForBundle(step, host, boot),
  async 'keep-bundle'(step, host, boot) {
    for (const home of step.homes)
      try {
        return await keepBundle(host, home, step);
      } catch (error) {
        boot.warn(`the new bundle cannot be kept in ${home}: ${reasonOf(error)}`);
      }
  },
  deliver: (step, host, boot) => deliver(step, host, boot),
  drop: (step, host, boot) => drop(step, host, boot),
  rename: ({ from, to }, { files }) => files.rename(from, to),
  remove: ({ path }, { files }) => files.remove(path),
  async mount(step, host) {
    await mustRun(host, mountArgv(step), 'mount-failed', `see what is there with: blkid; dmesg | tail`);
  },
  async copy(step, host) {
    for (const argv of copyArgvs(step))
      await mustRun(host, argv, 'copy-failed', `see how much room is left with: df ${step.to}`);
  },
  async 'copy-file'({ from, to, mode }, { files }) {
    await files.mkdir(dirname(to), 0o755);
    await files.write(to, await files.read(from), { mode });
  },
  'set-clock': setClock,
  'ask-time': askTime,
  coldplug: (_step, host, boot) => firstColdplug(host, boot),
  async 'wait-for-device'({ reference, seconds }, host, boot) {
    const wanted = parseDeviceReference(reference);
    const deadline = host.clock.uptimeMs() + seconds * 1000;
    let nextWord = host.clock.uptimeMs() + 2000;
    while (!(await findDevice(host, wanted))) {
      const leftMs = deadline - host.clock.uptimeMs();
      // Whether a device that did not come is fatal is for the planner of the next round to say.
      if (leftMs <= 0) return boot.warn(`${reference} did not appear in ${seconds} s`);
      if (host.clock.uptimeMs() >= nextWord) {
        boot.say(`waiting for ${reference}, ${Math.ceil(leftMs / 1000)} s left`);
        nextWord = host.clock.uptimeMs() + 5000;
      }
      await host.clock.sleep(Math.min(leftMs, 200), boot.signal);
      await coldplug(host, boot);
    }
  },
  async 'check-filesystem'(step, host, boot) {
    const { device, type } = step;
    const { exitCode, stdout, stderr } = await host.exec.run(checkArgv(step));
    // fsck(8): 1 = errors corrected, 2 = reboot needed, 4 = errors left.
    if (exitCode === 1) boot.warn(`the ${type} on ${device} had errors; they were corrected`);
    else if (exitCode !== 0)
      throw new StatectlError(
        'filesystem-damaged',
        `the ${type} on ${device} needs repair: ${lastLine({ exitCode, stdout, stderr })}`,
        {
          hint: `run \`fsck.${type} ${device}\` in the rescue shell, then \`statectl rescue retry\``,
        },
      );
  },
  async 'link-add'(step, host) {
    // A boot that is tried again finds what the try before has made.
    if (await host.files.stat(`/sys/class/net/${step.device}`)) return;
    const argvs = linkAddArgvs(step);
    for (const argv of argvs.slice(0, -1)) await host.exec.run(argv);
    await mustRun(
      host,
      argvs.at(-1) ?? [],
      'network-failed',
      `is the driver in the image? modinfo ${DRIVERS[step.type]}`,
    );
  },
  async 'kernel-setting'({ path, value }, { files }) {
    // What a try before has set may not be changeable any more, such as the mode of a bond with members.
    const now = (await files.readText(path).catch(() => '')).split(/\s+/);
    if (now.includes(value.replace(/^\+/, ''))) return;
    // Written in place: such a file cannot be replaced.
    await files.append(path, value).catch((error) => {
      throw new StatectlError('setting-refused', `the kernel does not take ${value} for ${path}: ${reasonOf(error)}`, {
        hint: `see what it has: cat ${path}; dmesg | tail`,
        cause: error,
      });
    });
  },
  enslave: (step, host) =>
    mustRun(host, ipArgv(step), 'network-failed', 'see the interfaces with: ip link; dmesg | tail'),
  'link-up': (step, host) => mustRun(host, ipArgv(step), 'network-failed', 'see the interfaces with: ip link'),
  'link-down': (step, host) => mustRun(host, ipArgv(step), 'network-failed', 'see the interfaces with: ip link'),
  flush: (step, host) => mustRun(host, ipArgv(step), 'network-failed', 'see the addresses with: ip address'),
  address: (step, host) => mustRun(host, ipArgv(step), 'network-failed', 'see the addresses with: ip address'),
  route: (step, host) => mustRun(host, ipArgv(step), 'network-failed', 'see the routes with: ip route'),
  dhcp: askDhcp,
  dhcp6: askDhcp,
  'await-ipv6': awaitIpv6,
  async fetch(step, host, boot) {
    await fetchVerified(host, step, boot, step.limits).catch((error) => {
      if (step.otherwise !== 'warn' || boot.signal.aborted) throw error;
      boot.warn(`${step.urls[0]} is not fetched: ${reasonOf(error)}`);
    });
  },
  unpack: unpackArchive,
  netconsole: startNetconsole,
  async verify(step, host) {
    await verifyFile(host, step);
  },
  async 'check-mount'({ target, type, access }, { files }) {
    const mount = parseMounts(await files.readText('/proc/mounts')).findLast(
      (candidate) => candidate.target === target,
    );
    if (!mount)
      throw new StatectlError('mount-check', `nothing is mounted on ${target}, expected ${type}`, {
        hint: 'cat /proc/mounts',
      });
    if (mount.type !== type)
      throw new StatectlError('mount-check', `${target} is ${mount.type}, expected ${type}`, {
        hint: 'cat /proc/mounts',
      });
    const actual = mount.options.includes('ro') ? 'read-only' : 'read-write';
    if (actual !== access)
      throw new StatectlError('mount-check', `${target} is ${actual}, expected ${access}`, {
        hint: 'dmesg | tail says why the kernel made it so',
      });
  },
  'switch-root': (step, { files }) => files.write(SWITCH_FILE, switchFileText(step)),
};

async function mustRun(
  { exec }: Pick<Host, 'exec'>,
  argv: readonly string[],
  code: string,
  hint: string,
): Promise<void> {
  const result = await exec.run(argv);
  if (result.exitCode !== 0)
    throw new StatectlError(code, `\`${shellLine(argv)}\` failed: ${lastLine(result)}`, { hint });
}

const lastLine = ({ exitCode, stdout, stderr }: RunResult): string =>
  (stderr.trim() || stdout.trim()).split('\n').at(-1) || `exit status ${exitCode}`;
