import { dirname } from 'node:path';
import type { DownloadLimits } from '../fetch/download.ts';
import { shellLine, shellQuote } from '../host/shell-line.ts';
import type { DeliveredFile, DroppedFile } from './facts.ts';

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
  | { readonly kind: 'link-up'; readonly device: string; readonly mtu?: number }
  | { readonly kind: 'address'; readonly device: string; readonly address: string; readonly prefixLength: number }
  | { readonly kind: 'route'; readonly device: string; readonly gateway: string }
  | { readonly kind: 'dhcp'; readonly device: string; readonly seconds: number; readonly hostname?: string }
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
    case 'link-up':
      return `bring up ${step.device}`;
    case 'address':
      return `address ${step.address}/${step.prefixLength} on ${step.device}`;
    case 'route':
      return `default route by ${step.gateway} on ${step.device}`;
    case 'dhcp':
      return `DHCP on ${step.device} (up to ${step.seconds} s)`;
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

/** ip(8); `replace` does not mind what an earlier try has set. */
export function ipArgv(step: StepOf<'link-up' | 'address' | 'route'>): readonly string[] {
  switch (step.kind) {
    case 'link-up':
      return ['ip', 'link', 'set', 'dev', step.device, ...(step.mtu ? ['mtu', String(step.mtu)] : []), 'up'];
    case 'address':
      return ['ip', 'address', 'replace', `${step.address}/${step.prefixLength}`, 'dev', step.device];
    case 'route':
      return ['ip', 'route', 'replace', 'default', 'via', step.gateway, 'dev', step.device];
  }
}

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
    case 'link-up':
    case 'address':
    case 'route':
      return shellLine(ipArgv(step));
    case 'dhcp':
      return shellLine(dhcpArgv(step));
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

/** udhcpc in the foreground: it asks until it has a lease or the time is over, and leaves the lease to our script. */
export const dhcpArgv = (step: StepOf<'dhcp'>): readonly string[] => [
  'udhcpc',
  '-i',
  step.device,
  '-f',
  '-q',
  '-n',
  '-t',
  String(Math.max(1, Math.ceil(step.seconds / 2))),
  '-T',
  '2',
  '-s',
  '/etc/udhcpc.script',
  ...(step.hostname ? ['-x', `hostname:${step.hostname}`] : []),
];

/** cp(1) keeps mode and owner, and a link a link. */
export const restoreArgv = (from: string, to: string): readonly string[] => ['cp', '-a', from, to];

/** A file that cannot be written is no reason not to boot. */
const tolerant = (path: string, commands: readonly string[]): string =>
  `( ${commands.join(' && ')} ) || ${shellLine(['echo', `not as it should be: ${path}`])}`;

/** The answer of the server that stands there in the list. */
export const bundleAnswer = (folder: string, at: number): string => `${folder}/${at}.tar.zst`;

const digestCheck = (sha256: string, path: string): string => `echo ${shellQuote(`${sha256}  ${path}`)} | sha256sum -c`;

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
