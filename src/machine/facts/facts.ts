import type { CommandLine } from '../../config/command-line/command-line.ts';
import type { Config } from '../../config/config.ts';
import type { BundleFacts, NewBundle } from '../../fetch/kept-bundle.ts';
import type { LocalCopy } from '../../fetch/local-copy.ts';
import type { Offer } from '../../fetch/offer.ts';
import type { ServerFacts } from '../../fetch/server-facts.ts';
import type { BakedFile, DeliveryFacts } from './bundle-facts.ts';
import type { InterfaceFacts, Lease, NetconsoleFacts } from './network-facts.ts';
import type { PythonFacts } from './python-facts.ts';
import type { ServiceFacts } from './service-facts.ts';

/**
 * What a boot knows, as plain data. Each phase adds its own part and reads the parts before it, so the facts of one
 * boot, kept in /run/statectl/facts.json, give the same plan on any machine.
 */
export interface Facts {
  readonly commandLine: CommandLine;
  /** In force: of config.d in the initramfs or of a bundle, with the kernel command line over it. */
  readonly config: Config;
  /** Of config.d in the initramfs, whatever came later. */
  readonly baked?: Config;
  readonly machine: MachineFacts;
  readonly network: NetworkFacts;
  readonly servers: KnownServers;
  readonly bundle: BundleChoice;
  readonly root: RootFacts;
  readonly system: SystemFacts;
}

export interface NetworkFacts {
  readonly interfaces?: readonly InterfaceFacts[];
  readonly leases?: readonly Lease[];
  readonly netconsole?: NetconsoleFacts;
}

export interface KnownServers {
  /** In the order in which they are asked; absent until they were chosen. */
  readonly inOrder?: readonly ServerFacts[];
  /** How long the servers were measured. */
  readonly probeMs?: number;
  /** No server so much as answered when it was asked for the bundle: it is not waited for twice. */
  readonly silent?: boolean;
}

/** What the machine is to be. */
export interface BundleChoice {
  /** Without one, config.d in the initramfs is in force. */
  readonly inForce?: BundleFacts;
  /** What a server sent that is newer, until it is in force. */
  readonly newer?: NewBundle;
  /** What config.d in the initramfs writes; a bundle brings its own. */
  readonly bakedFiles?: readonly BakedFile[];
  readonly delivery?: DeliveryFacts;
}

/** What is booted, and from where. */
export interface RootFacts {
  readonly blocks?: readonly BlockFacts[];
  readonly offer?: Offer;
  /** Why there is no offer, for the log and the report. */
  readonly offerFailure?: string;
  readonly copy?: LocalCopy;
  /** Digests of images on persistent storage that are not the copy: interrupted downloads, and what they replaced. */
  readonly staleCopies?: readonly string[];
  /** The disk took none: the image is booted from RAM. */
  readonly copyFailed?: true;
  readonly tree?: TreeFacts;
  readonly init?: InitFacts;
}

/** What the system is to have when its init runs. */
export interface SystemFacts {
  readonly install?: InstallFacts;
  readonly python?: PythonFacts;
  /** They were the reason why the install phase failed. */
  readonly pythonFailed?: boolean;
  readonly syslog?: SyslogFacts;
  readonly identity?: IdentityFacts;
  /** Names of files of the machine segment that prove who it is. */
  readonly credentials?: readonly string[];
}

export interface ClockFacts {
  /** What it said, and the least that it must say; 0: nothing tells. Unix milliseconds. */
  readonly nowMs: number;
  readonly floorMs: number;
}

export interface MachineFacts {
  /** As `uname -m` prints it. */
  readonly arch: string;
  readonly kernelRelease: string;
  readonly ramBytes: number;
  readonly uuid?: string;
  readonly serial?: string;
  readonly product?: string;
  /** PEM public keys whose signatures count, baked into the initramfs. */
  readonly trustedKeys: readonly string[];
  /** SHA-256 of the config in force, and where it came from. */
  readonly configDigest: string;
  readonly configOrigin: 'baked' | BundleFacts['origin'];
  readonly clock?: ClockFacts;
}

export interface BlockFacts {
  readonly device: string;
  readonly type?: string;
  readonly label?: string;
  readonly uuid?: string;
  readonly partuuid?: string;
  readonly partlabel?: string;
}

/** What the mounted image looks like where the layout needs to know. */
export interface TreeFacts {
  /** For each mount point of the layout: what the image has there. */
  readonly paths: Readonly<Record<string, 'dir' | 'file' | 'symlink' | 'missing'>>;
  /** Below /user-data: sources of binds that are empty or not yet there, so that the image's content seeds them; new uppers. */
  readonly emptySources: readonly string[];
  /** Whom the image's directories below an overlay belong to: the upper is made alike. */
  readonly owners: Readonly<Record<string, { readonly mode: number; readonly uid: number; readonly gid: number }>>;
  /** Where the image has the programs of every PATH, and no `statectl` among them. */
  readonly commandFolder?: string;
  /** Bytes of the files below each ramdisk's directory. */
  readonly ramdiskBytes: Readonly<Record<string, number>>;
}

export interface IfupdownFacts {
  /** It says something of an interface besides the loopback. */
  readonly hasCards: boolean;
  /** The file with a line that reads interfaces.d, where it has none. */
  readonly withSource?: string;
}

export interface InstallFacts {
  /** 32 hex digits. */
  readonly machineId: string;
  readonly machineIdOrigin: 'configured' | 'persistent' | 'derived' | 'random';
  readonly usesNetworkd: boolean;
  readonly usesIfupdown: boolean;
  /** What the image's /etc/network/interfaces says, where ifupdown reads it. */
  readonly ifupdown?: IfupdownFacts;
  /** NetworkManager, dhcpcd or another that sets up interfaces by itself is started. */
  readonly hasOtherNetworkService?: true;
  /** Whose services are enabled, disabled or masked; absent: neither's. */
  readonly serviceManager?: 'systemd' | 'openrc';
  /** By the name that config.d has for it; one that the system does not know is absent. Absent in facts of earlier versions. */
  readonly services?: Readonly<Record<string, ServiceFacts>>;
  /** The file of the target that services/default-runlevel wants to boot. */
  readonly defaultTarget?: string;
  readonly hasSshd?: boolean;
  readonly hasSudo?: boolean;
  /** By path: the main files of programs that would not read our settings, with a line by which they do. */
  readonly mainFiles?: Readonly<Record<string, string>>;
  /** The image's lists of authorities that are trusted, by path, where config.d has more. */
  readonly certificates?: Readonly<Record<string, string>>;
  /** It has sshd and no host key. */
  readonly needsHostKey?: boolean;
  readonly hasResolvConf: 'file' | 'symlink' | 'missing';
  /** Of the image: its /etc/hosts and /etc/fstab where it has them, and the name in its /etc/hostname. */
  readonly hosts?: string;
  readonly fstab?: string;
  readonly imageHostname?: string;
}

/** Who this machine proved to be, and what it got for it; never what its secrets are. */
export interface IdentityFacts {
  readonly state: 'approved' | 'pending' | 'denied' | 'offline';
  /** Of its key, as `statectl node pending` shows it. */
  readonly fingerprint: string;
  readonly node?: string;
  /** A `Proof`, or what a later server calls another one. */
  readonly proof?: string;
  readonly server?: string;
  /** How its key lies on the disk; without one `tpm`: the TPM gives the same each time; `ram`: it is of this boot alone. Absent in records of earlier versions. */
  readonly key?: 'sealed' | 'unsealed' | 'tpm' | 'ram';
  readonly certificateUntilMs?: number;
  readonly secrets: readonly {
    /** In RAM. */
    readonly file: string;
    /** Where it is looked for. */
    readonly to: string;
    readonly uid: number;
    readonly gid: number;
    readonly credential?: string;
  }[];
  /** By path: why one is not there. */
  readonly missing: Readonly<Record<string, string>>;
}

/** What in the image sends messages on. */
export interface SyslogFacts {
  readonly daemon?: 'rsyslog' | 'syslog-ng';
  /** How rsyslog speaks TLS. */
  readonly tlsDriver?: 'gtls' | 'ossl';
  /** The list of authorities by which it knows servers. */
  readonly authorities?: string;
}

export interface InitFacts {
  readonly path: string;
  readonly arguments: readonly string[];
}
