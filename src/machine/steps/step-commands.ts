import { dirname } from 'node:path';
import { bundleAnswer } from '../../fetch/ask-bundle.ts';
import { shellLine, shellQuote } from '../../host/shell-line.ts';
import { hostKeyFiles } from '../../identity/machine/ssh-host-key.ts';
import { netconsoleCommands } from '../network/netconsole.ts';
import { dhcp6Argv, dhcpArgv, ipArgv, linkAddArgvs } from '../network/network-commands.ts';
import { unpackCommands } from '../packages/unpack-archive.ts';
import { dateArgv } from '../time/clock-time.ts';
import type { Step, StepOf } from './step.ts';

/** The argument vector of mount(8) for a mount step. */
export function mountArgv(step: StepOf<'mount'>): readonly string[] {
  if (step.type === 'move') return ['mount', '--move', step.source, step.target];
  if (step.type === 'bind') return ['mount', '-o', 'bind', step.source, step.target];
  if (step.type === 'remount')
    return ['mount', '-o', ['remount', 'bind', ...step.options].join(','), step.source, step.target];
  const options = step.options.length > 0 ? ['-o', step.options.join(',')] : [];
  return ['mount', '-t', step.type, ...options, step.source, step.target];
}

/** A skeleton is made by copying all without contents, then removing the empty files. busybox' find(1) has no -delete. */
export const copyArgvs = ({ from, to, what }: StepOf<'copy'>): readonly (readonly string[])[] =>
  what === 'everything'
    ? [['cp', '-a', `${from}/.`, `${to}/`]]
    : [
        ['cp', '-a', '--attributes-only', `${from}/.`, `${to}/`],
        ['find', to, '-xdev', '!', '-type', 'd', '!', '-type', 'l', '-exec', 'rm', '-f', '{}', '+'],
      ];

export const ownerArgv = ({ uid, gid, path }: StepOf<'owner'>): readonly string[] => ['chown', `${uid}:${gid}`, path];

export const checkArgv = ({ type, device }: StepOf<'check-filesystem'>): readonly string[] => [
  `fsck.${type}`,
  '-p',
  device,
];

/** The command that does the same by hand, for `--plan` and for the plan that /init can run without the controller. */
export function shellOf(step: Step): string {
  switch (step.kind) {
    case 'mkdir':
      return shellLine(['mkdir', '-p', ...(step.mode === undefined ? [] : ['-m', octal(step.mode)]), step.path]);
    case 'owner':
      return shellLine(ownerArgv(step));
    case 'symlink':
      return shellLine(['ln', '-sfT', step.target, step.path]);
    case 'write': {
      const path = shellQuote(step.path);
      return `rm -f ${path} && printf %s ${shellQuote(step.content)} ${step.encoding === 'base64' ? '| base64 -d ' : ''}> ${path} && chmod ${octal(step.mode ?? 0o644)} ${path}`;
    }
    case 'mount':
      return shellLine(mountArgv(step));
    case 'copy':
      if (step.what === 'everything') return copyArgvs(step).map(shellLine).join(' && ');
      // ash takes its own cp(1), which knows no --attributes-only, whatever PATH says.
      return `( cd ${shellQuote(step.from)} && find . -xdev '(' -type d -o -type l ')' | cpio -o -H newc ) | ( cd ${shellQuote(step.to)} && cpio -idmu )`;
    case 'copy-file':
      return [
        ['mkdir', '-p', dirname(step.to)],
        ['rm', '-f', step.to],
        ['cp', step.from, step.to],
        ['chmod', octal(step.mode), step.to],
      ]
        .map(shellLine)
        .join(' && ');
    case 'set-clock':
      return shellLine(dateArgv(step.toMs));
    case 'ask-time':
      return shellLine(['echo', 'only the controller can ask time servers']);
    case 'coldplug':
      return 'for round in 1 2 3; do find /sys/devices -name modalias -exec cat {} + | sort -u | xargs modprobe -abq; done';
    case 'wait-for-device':
      return `n=0; until ${shellLine(step.reference.startsWith('/') ? ['test', '-b', step.reference] : ['findfs', step.reference])} || [ $n -ge ${step.seconds} ]; do sleep 1; n=$((n+1)); done`;
    case 'check-filesystem':
      // 1: there were errors, and they were corrected.
      return `${shellLine(checkArgv(step))} || [ $? -eq 1 ]`;
    case 'link-add':
      return `[ -e ${shellQuote(`/sys/class/net/${step.device}`)} ] || ( ${linkAddArgvs(step).map(shellLine).join('; ')} )`;
    case 'kernel-setting':
      return `echo ${shellQuote(step.value)} > ${shellQuote(step.path)}`;
    case 'enslave':
    case 'link-up':
    case 'link-down':
    case 'flush':
    case 'address':
    case 'route':
      return shellLine(ipArgv(step));
    case 'await-ipv6':
      return `n=0; until ip -6 -o address show dev ${shellQuote(step.device)} scope global | grep -qv tentative || [ $n -ge ${step.seconds} ]; do sleep 1; n=$((n+1)); done`;
    case 'dhcp':
      return shellLine(dhcpArgv(step));
    case 'dhcp6': {
      const ask = shellLine(dhcp6Argv(step));
      return step.isFallback
        ? `ip -6 -o address show dev ${shellQuote(step.device)} scope global | grep -q . || ${ask}`
        : ask;
    }
    case 'enrol':
      return shellLine(['echo', 'only the controller can prove who this machine is']);
    case 'accounts':
      return shellLine(['echo', 'only the controller can merge accounts']);
    case 'ssh-host-key':
      return tolerant(step.to, [
        shellLine(['mkdir', '-p', '-m', '0711', step.to]),
        // The controller alone makes one: only what the machine kept. Not every one is signed.
        ...Object.values(hostKeyFiles(step.home)).map((path) => shellLine(['cp', '-p', path, step.to])),
      ]);
    case 'fetch': {
      const commands = [shellLine(['wget', '-O', step.to, step.urls[0] ?? '']), digestCheck(step.sha256, step.to)];
      return step.otherwise === 'warn' ? tolerant(step.to, commands) : commands.join(' && ');
    }
    case 'unpack':
      return tolerant(step.to, unpackCommands(step));
    case 'netconsole':
      return tolerant('/sys/kernel/config/netconsole/statectl', netconsoleCommands(step));
    case 'verify':
      return digestCheck(step.sha256, step.path);
    case 'ask-bundle':
      return [
        shellLine(['mkdir', '-p', step.to]),
        ...[...step.urls, ...(step.lastUrls ?? [])].map((url, at) =>
          shellLine(['wget', '-O', bundleAnswer(step.to, at), url]),
        ),
      ].join('; ');
    case 'keep-bundle': {
      const home = step.homes[0] ?? '';
      const [fresh, folder] = [`${home}/new`, `${home}/${step.digest}`];
      return [
        digestCheck(step.sha256, step.archive),
        shellLine(['rm', '-rf', fresh, folder]),
        shellLine(['mkdir', '-p', fresh]),
        shellLine(['tar', '--zstd', '-xf', step.archive, '-C', fresh]),
        shellLine(['mv', '-T', fresh, folder]),
        `echo ${step.digest} > ${shellQuote(`${home}/current`)}`,
      ].join(' && ');
    }
    case 'deliver':
      return tolerant(step.to, [
        digestCheck(step.sha256, step.from),
        shellLine(['mkdir', '-p', dirname(step.to)]),
        shellLine(['rm', '-f', step.to]),
        shellLine(['cp', step.from, step.to]),
        shellLine(['chown', `${step.uid}:${step.gid}`, step.to]),
        shellLine(['chmod', octal(step.mode), step.to]),
      ]);
    case 'drop':
      return tolerant(step.path, [
        shellLine(['rm', '-f', step.path]),
        ...(step.image ? [shellLine(restoreArgv(step.image, step.path))] : []),
      ]);
    case 'rename':
      return shellLine(['mv', '-T', step.from, step.to]);
    case 'remove':
      return shellLine(['rm', '-rf', step.path]);
    case 'check-mount':
      return `grep -q ${shellQuote(` ${step.target} ${step.type} ${step.access === 'read-only' ? 'ro' : 'rw'}`)} /proc/mounts`;
    case 'switch-root':
      return shellLine(['exec', 'switch_root', step.root, step.init, ...step.arguments]);
  }
}

/** cp(1) keeps mode and owner, and a link a link. */
export const restoreArgv = (from: string, to: string): readonly string[] => ['cp', '-a', from, to];

/** A file that cannot be written is no reason not to boot. */
const tolerant = (path: string, commands: readonly string[]): string =>
  `( ${commands.join(' && ')} ) || ${shellLine(['echo', `not as it should be: ${path}`])}`;

const digestCheck = (sha256: string, path: string): string => `echo ${shellQuote(`${sha256}  ${path}`)} | sha256sum -c`;

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
