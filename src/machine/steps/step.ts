import type { Config } from '../../config/config.ts';
import type { BundleQuestion } from '../../fetch/ask-bundle.ts';
import type { DownloadLimits } from '../../host/download-limits.ts';
import type { Enrolling } from '../../identity/machine/enrolling.ts';
import type { DeliveredFile, DroppedFile } from '../facts/bundle-facts.ts';
import type { NetconsoleFacts } from '../facts/network-facts.ts';
import type { ArchiveFormat } from '../facts/python-facts.ts';
import { shownTime } from '../time/clock-time.ts';

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
  /** Forward, to the least that it must say. */
  | { readonly kind: 'set-clock'; readonly nowMs: number; readonly toMs: number }
  | {
      readonly kind: 'ask-time';
      readonly servers: readonly string[];
      readonly seconds: number;
      /** Nobody is believed who says an earlier time. */
      readonly floorMs: number;
    }
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
  /** Takes its addresses off it, or one of them. */
  | { readonly kind: 'flush'; readonly device: string; readonly address?: string }
  | {
      readonly kind: 'address';
      readonly device: string;
      readonly address: string;
      readonly prefixLength: number;
      /** How long it holds; absent: for ever. */
      readonly seconds?: number;
    }
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
  /** Proves who this machine is, gets its certificate and secrets; what came of it is told in `to`. */
  | ({ readonly kind: 'enrol' } & Enrolling)
  /** Merges the accounts of config.d into those of a system. Password hashes are read where secrets were put: no step has one. */
  | {
      readonly kind: 'accounts';
      readonly root: string;
      readonly users: Config['users'];
      /** A JSON file, hashes by user. */
      readonly passwords: string;
    }
  /** Gives the system's sshd the host key that this machine keeps, with its certificate. */
  | { readonly kind: 'ssh-host-key'; readonly home: string; readonly to: string }
  | {
      readonly kind: 'fetch';
      readonly urls: readonly string[];
      readonly to: string;
      readonly sha256: string;
      readonly sizeBytes: number;
      readonly limits?: DownloadLimits;
      /** Who said the digest; default the signed manifest. */
      readonly saidBy?: string;
      /** A failure is told, and the boot goes on. */
      readonly otherwise?: 'warn';
    }
  | {
      readonly kind: 'unpack';
      readonly archive: string;
      readonly format: ArchiveFormat;
      /** A folder that is made anew. */
      readonly to: string;
    }
  | ({ readonly kind: 'netconsole' } & NetconsoleFacts)
  | { readonly kind: 'verify'; readonly path: string; readonly sha256: string; readonly sizeBytes: number }
  | ({ readonly kind: 'ask-bundle' } & BundleQuestion)
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
    case 'set-clock':
      return `set the clock from ${shownTime(step.nowMs)} to ${shownTime(step.toMs)}, when this initramfs was built`;
    case 'ask-time':
      return `ask ${step.servers.join(', ')} what time it is (up to ${step.seconds} s)`;
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
      return step.address ? `no ${step.address} on ${step.device} any more` : `no address on ${step.device} any more`;
    case 'address':
      return `address ${step.address}/${step.prefixLength} on ${step.device}${step.seconds ? ` for ${step.seconds} s` : ''}`;
    case 'route':
      return `${step.to ? `route to ${step.to}` : 'default route'}${step.gateway ? ` by ${step.gateway}` : ''} on ${step.device}`;
    case 'dhcp':
      return `DHCP on ${step.device} (up to ${step.seconds} s)`;
    case 'dhcp6':
      return `DHCPv6 on ${step.device} (up to ${step.seconds} s)`;
    case 'await-ipv6':
      return `IPv6 on ${step.device} (up to ${step.seconds} s)`;
    case 'enrol':
      return step.urls.length > 0
        ? `prove to ${step.urls.map((url) => new URL(url).host).join(', ')} who this machine is`
        : 'take the certificate and secrets that this machine kept';
    case 'accounts':
      return `accounts: ${[...Object.keys(step.users.users), ...Object.keys(step.users.groups)].join(' ')}`;
    case 'ssh-host-key':
      return `SSH host key in ${step.to}`;
    case 'fetch':
      return `fetch ${step.urls[0]}`;
    case 'unpack':
      return `unpack ${step.archive} in ${step.to}`;
    case 'netconsole':
      return `messages of the kernel to ${step.remoteAddress}:${step.remotePort}`;
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
