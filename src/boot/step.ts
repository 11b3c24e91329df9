import { dirname } from 'node:path';
import type { DownloadLimits } from '../fetch/download.ts';
import { shellLine, shellQuote } from '../host/shell-line.ts';
import type { DeliveredFile, DroppedFile } from './facts.ts';
import { dhcp6Argv, dhcpArgv, ipArgv, linkAddArgvs } from './network-commands.ts';

/**
 * A step is one thing a boot does, as a value: planners make steps, one executor applies them, and each can be shown
 * as the command an admin would type in the rescue shell.
 */
export type Step =
  | { readonly kind: 'mkdir'; readonly path: string; readonly mode?: number }
  | { readonly kind: 'owner'; readonly path: string; readonly uid: number; readonly gid: number }
  | { readonly kind: 'symlink'; readonly target: string; readonly path: string }
  | {
      readonly kind: 'write';
      readonly path: string;
      readonly content: string;
      /** How `content` stands for the bytes; default utf8. */
      readonly encoding?: 'base64';
      readonly mode?: number;
    }
  | {
      readonly kind: 'mount';
      readonly source: string;
      readonly target: string;
      /** A file system type, `bind`, `move`, or `remount` for the options of a bind: mount(2) ignores them at first. */
      readonly type: string;
      readonly options: readonly string[];
    }
  | { readonly kind: 'copy'; readonly from: string; readonly to: string; readonly what: 'everything' | 'skeleton' }
  | { readonly kind: 'copy-file'; readonly from: string; readonly to: string; readonly mode: number }
  | { readonly kind: 'coldplug' }
  | { readonly kind: 'wait-for-device'; readonly reference: string; readonly seconds: number }
  | { readonly kind: 'check-filesystem'; readonly device: string; readonly type: string }
  | {
      readonly kind: 'link-add';
      readonly device: string;
      readonly type: 'bond' | 'bridge';
    }
  | {
      readonly kind: 'link-add';
      readonly device: string;
      readonly type: 'vlan';
      readonly id: number;
      readonly link: string;
    }
  /** A file of sysfs or /proc/sys. */
  | { readonly kind: 'kernel-setting'; readonly path: string; readonly value: string }
  | { readonly kind: 'enslave'; readonly device: string; readonly master: string }
  | { readonly kind: 'link-up'; readonly device: string; readonly mtu?: number; readonly mac?: string }
  | { readonly kind: 'link-down'; readonly device: string }
  /** Takes the addresses off it. */
  | { readonly kind: 'flush'; readonly device: string }
  | { readonly kind: 'address'; readonly device: string; readonly address: string; readonly prefixLength: number }
  /** Without `to` the default route; without a gateway what is on the link itself. */
  | { readonly kind: 'route'; readonly device: string; readonly to?: string; readonly gateway?: string }
  | {
      readonly kind: 'dhcp';
      readonly device: string;
      /** Of one attempt. */
      readonly seconds: number;
      readonly tries?: number;
      readonly hostname?: string;
    }
  | {
      readonly kind: 'dhcp6';
      readonly device: string;
      /** Of one attempt. */
      readonly seconds: number;
      readonly tries?: number;
      /** Only where no router gave the interface an address. */
      readonly isFallback?: boolean;
    }
  | {
      readonly kind: 'await-ipv6';
      readonly device: string;
      /** Where its address comes from; `either`: by DHCPv6, which is asked next, where no router gives a prefix. */
      readonly how: 'static' | 'router' | 'dhcp6' | 'either';
      readonly seconds: number;
    }
  | {
      readonly kind: 'fetch';
      readonly urls: readonly string[];
      readonly to: string;
      readonly sha256: string;
      readonly sizeBytes: number;
      readonly limits?: DownloadLimits;
    }
  | { readonly kind: 'verify'; readonly path: string; readonly sha256: string; readonly sizeBytes: number }
  | {
      readonly kind: 'ask-bundle';
      /** The same question to each server. */
      readonly urls: readonly string[];
      /** The digest of the content that this machine has. */
      readonly known?: string;
      /** A folder for the answers. */
      readonly to: string;
      readonly limits: DownloadLimits;
      /** How long silent servers are asked again; default as often as `limits` says. */
      readonly seconds?: number;
    }
  | {
      readonly kind: 'keep-bundle';
      readonly archive: string;
      readonly sha256: string;
      /** Of its manifest: the name of its folder. */
      readonly digest: string;
      /** The best first; the next where one cannot be written. */
      readonly homes: readonly string[];
    }
  | ({ readonly kind: 'deliver' } & DeliveredFile)
  | ({ readonly kind: 'drop' } & DroppedFile)
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string }
  | {
      readonly kind: 'check-mount';
      readonly target: string;
      readonly type: string;
      readonly access: 'read-only' | 'read-write';
    }
  | {
      readonly kind: 'switch-root';
      readonly root: string;
      readonly init: string;
      readonly arguments: readonly string[];
    };

export type StepKind = Step['kind'];
export type StepOf<K extends StepKind> = Extract<Step, { kind: K }>;

/** The sentence for the log: what is being done, in the words of an admin. */
export function describe(step: Step): string {
  switch (step.kind) {
    case 'mkdir':
      return `directory ${step.path}`;
    case 'owner':
      return `${step.path} belongs to ${step.uid}:${step.gid}`;
    case 'symlink':
      return `link ${step.path} to ${step.target}`;
    case 'write':
      return `write ${step.path}`;
    case 'mount':
      if (step.type === 'remount') return `${step.options.join(', ')} on ${step.target}`;
      return step.type === 'tmpfs' ? `tmpfs on ${step.target}` : `${step.type} on ${step.target} from ${step.source}`;
    case 'copy':
      return step.what === 'everything' ? `copy ${step.from} to ${step.to}` : `skeleton of ${step.from} in ${step.to}`;
    case 'copy-file':
      return `${step.to} from ${step.from}`;
    case 'coldplug':
      return 'load the drivers of the devices that are there';
    case 'wait-for-device':
      return `wait for ${step.reference} (up to ${step.seconds} s)`;
    case 'check-filesystem':
      return `check the ${step.type} on ${step.device}`;
    case 'link-add':
      return step.type === 'vlan' ? `VLAN ${step.id} of ${step.link} as ${step.device}` : `${step.type} ${step.device}`;
    case 'kernel-setting':
      return `set ${step.path} to ${step.value}`;
    case 'enslave':
      return `${step.device} into ${step.master}`;
    case 'link-up':
      return `bring up ${step.device}`;
    case 'link-down':
      return `take down ${step.device}`;
    case 'flush':
      return `no address on ${step.device} any more`;
    case 'address':
      return `address ${step.address}/${step.prefixLength} on ${step.device}`;
    case 'route':
      return `${step.to ? `route to ${step.to}` : 'default route'}${step.gateway ? ` by ${step.gateway}` : ''} on ${step.device}`;
    case 'dhcp':
      return `DHCP on ${step.device} (up to ${step.seconds} s)`;
    case 'dhcp6':
      return `DHCPv6 on ${step.device} (up to ${step.seconds} s)`;
    case 'await-ipv6':
      return `IPv6 on ${step.device} (up to ${step.seconds} s)`;
    case 'fetch':
      return `fetch ${step.urls[0]}`;
    case 'verify':
      return `verify ${step.path}`;
    case 'ask-bundle':
      return `ask ${step.urls.map((url) => URL.parse(url)?.host ?? url).join(', ')} what this machine is to be`;
    case 'keep-bundle':
      return `keep the bundle in ${step.homes[0]}`;
    case 'deliver':
      return `${step.to} as the bundle has it`;
    case 'drop':
      return `${step.path}, which no bundle brings any more: ${step.image ? 'the one of the image' : 'remove it'}`;
    case 'rename':
      return `move ${step.from} to ${step.to}`;
    case 'remove':
      return `remove ${step.path}`;
    case 'check-mount':
      return `${step.target} is ${step.type}, ${step.access}`;
    case 'switch-root':
      return `switch to ${step.root} and run ${step.init}`;
  }
}

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
    case 'fetch':
      return `${shellLine(['wget', '-O', step.to, step.urls[0] ?? ''])} && ${digestCheck(step.sha256, step.to)}`;
    case 'verify':
      return digestCheck(step.sha256, step.path);
    case 'ask-bundle':
      return [
        shellLine(['mkdir', '-p', step.to]),
        ...step.urls.map((url, at) => shellLine(['wget', '-O', bundleAnswer(step.to, at), url])),
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

/** The answer of the server that stands there in the list. */
export const bundleAnswer = (folder: string, at: number): string => `${folder}/${at}.tar.zst`;

const digestCheck = (sha256: string, path: string): string => `echo ${shellQuote(`${sha256}  ${path}`)} | sha256sum -c`;

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
