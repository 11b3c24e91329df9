import type { Config } from '../config/config.ts';
import type { CommandLineLayer } from '../config/kernel-cmdline.ts';
import type { Manifest } from '../image/manifest.ts';

/**
 * What a boot knows, as plain data. Each phase adds its own part and reads the parts before it, so the facts of one
 * boot, kept in /run/statectl/facts.json, give the same plan on any machine.
 */
export interface Facts {
  readonly commandLine: readonly CommandLineLayer[];
  /** In force: of config.d in the initramfs or of a bundle, with the kernel command line over it. */
  readonly config: Config;
  /** Of config.d in the initramfs, whatever came later. */
  readonly baked?: Config;
  /** What config.d in the initramfs writes; a bundle brings its own. */
  readonly bakedFiles?: readonly BakedFile[];
  readonly machine: MachineFacts;
  /** Absent in facts of earlier versions. */
  readonly clock?: ClockFacts;
  readonly blocks?: readonly BlockFacts[];
  readonly interfaces?: readonly InterfaceFacts[];
  readonly leases?: readonly Lease[];
  /** In the order in which they are asked; absent until they were chosen, and in facts of earlier versions. */
  readonly servers?: readonly ServerFacts[];
  /** How long the servers were measured. */
  readonly probeMs?: number;
  /** The bundle in force; without one, config.d in the initramfs is. */
  readonly bundle?: BundleFacts;
  /** What a server sent that is newer, until it is in force. */
  readonly newBundle?: NewBundle;
  /** No server so much as answered when it was asked for the bundle: it is not waited for twice. */
  readonly serversSilent?: boolean;
  readonly offer?: Offer;
  /** Why there is no offer, for the log and the report. */
  readonly offerFailure?: string;
  readonly copy?: LocalCopy;
  /** Digests of images on persistent storage that are not the copy: interrupted downloads, and what they replaced. */
  readonly staleCopies?: readonly string[];
  readonly netconsole?: NetconsoleFacts;
  readonly tree?: TreeFacts;
  readonly python?: PythonFacts;
  /** They were the reason why the install phase failed. */
  readonly pythonFailed?: boolean;
  readonly install?: InstallFacts;
  readonly syslog?: SyslogFacts;
  readonly delivery?: DeliveryFacts;
  readonly identity?: IdentityFacts;
  /** Names of files of the machine segment that prove who it is. */
  readonly credentials?: readonly string[];
  readonly init?: InitFacts;
}

export interface BakedFile {
  readonly path: string;
  readonly content: string;
  /** Permission bits. */
  readonly mode: number;
  /** Names of the machine's own system, or numbers. */
  readonly owner: string;
  readonly group: string;
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
}

/** A server, and why it stands where it does in the list. */
export interface ServerFacts {
  readonly url: string;
  readonly reason: string;
  /** It takes no new boots, or did not answer well: it is asked when the others fail. */
  readonly isLast?: true;
  readonly roundTripMs?: number;
  /** 0 to 1, as it says itself. */
  readonly load?: number;
}

/** A bundle that is verified and kept on this machine. */
export interface BundleFacts {
  /** `cached`: kept at an earlier boot. */
  readonly origin: 'cached' | 'fetched';
  /** The folder with its members, as the running system sees it. */
  readonly dir: string;
  /** SHA-256 of its manifest. */
  readonly digest: string;
  readonly contentDigest: string;
  /** Absent where no node file on the server names this machine. */
  readonly node?: string;
  readonly notBeforeMs: number;
  readonly epoch: number;
  readonly sequence: number;
  /** The server that sent it, or said that it is current. */
  readonly server?: string;
}

/** A verified bundle as it came. */
export interface NewBundle {
  readonly server: string;
  readonly archive: string;
  /** Of the archive. */
  readonly sha256: string;
  /** Of the manifest. */
  readonly digest: string;
}

/** What becomes of a bundle's files in the root. */
export interface DeliveryFacts {
  /** To be written first, by path: without a bundle that holds them. */
  readonly contents?: Readonly<Record<string, string>>;
  readonly files: readonly DeliveredFile[];
  /** What an earlier bundle brought to a place that persists, and this one does not. */
  readonly dropped: readonly DroppedFile[];
  /** What lies in places that persist: by the list of the boot before, and when this one is done. Sorted paths in the root. */
  readonly listedBefore: readonly string[];
  readonly listed: readonly string[];
}

export interface DeliveredFile {
  readonly from: string;
  /** Free of links: it leads nowhere else. */
  readonly to: string;
  readonly sha256: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface DroppedFile {
  readonly path: string;
  /** What the image has there: it shows again. */
  readonly image?: string;
}

export interface BlockFacts {
  readonly device: string;
  readonly type?: string;
  readonly label?: string;
  readonly uuid?: string;
  readonly partuuid?: string;
  readonly partlabel?: string;
}

export interface InterfaceFacts {
  readonly name: string;
  readonly mac: string;
  /** undefined while the link is down and nobody can know. */
  readonly carrier?: boolean;
  readonly driver?: string;
  readonly wireless: boolean;
  /** Its address is another one at each boot, and tells nothing. */
  readonly random?: true;
}

/** An address of an interface: of DHCP, a router's announcement, or said by config.d or the kernel command line. */
export interface Lease {
  readonly device: string;
  /** The card, where the interface is a VLAN, bond or bridge over it. */
  readonly card?: string;
  readonly method: 'dhcp' | 'static' | 'router';
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway?: string;
  readonly dns: readonly string[];
  readonly domain?: string;
  readonly hostname?: string;
  readonly ntp: readonly string[];
}

/** What a server offers to boot; the signature was checked against a baked-in key. */
export interface Offer {
  readonly server: string;
  readonly manifest: Manifest;
  /** The very bytes that were signed, and the signature in base64, to keep beside a copy. */
  readonly manifestText: string;
  readonly signature: string;
  readonly manifestSha256: string;
  /** The root image's URLs, best first. */
  readonly rootUrls: readonly string[];
}

/** A copy of an image on persistent storage whose manifest is signed; its bytes are hashed before it is mounted. */
export interface LocalCopy {
  readonly dir: string;
  readonly manifest: Manifest;
  readonly manifestSha256: string;
}

/** What the mounted image looks like where the layout needs to know. */
export interface TreeFacts {
  /** For each mount point of the layout: what the image has there. */
  readonly paths: Readonly<Record<string, 'dir' | 'file' | 'symlink' | 'missing'>>;
  /** Below /user-data: sources of binds that are empty or not yet there, so that the image's content seeds them; new uppers. */
  readonly emptySources: readonly string[];
  /** Whom the image's directories below an overlay belong to: the upper is made alike. */
  readonly owners: Readonly<Record<string, { readonly mode: number; readonly uid: number; readonly gid: number }>>;
  /** Bytes of the files below each ramdisk's directory. */
  readonly ramdiskBytes: Readonly<Record<string, number>>;
}

export interface InstallFacts {
  /** 32 hex digits. */
  readonly machineId: string;
  readonly machineIdOrigin: 'configured' | 'persistent' | 'derived' | 'random';
  readonly usesNetworkd: boolean;
  readonly usesIfupdown: boolean;
  /** Whose services are enabled, disabled or masked; absent: neither's. */
  readonly serviceManager?: 'systemd' | 'openrc';
  readonly hasSshd?: boolean;
  readonly hasSudo?: boolean;
  /** The image's list of authorities that are trusted, where config.d has more. */
  readonly certificates?: string;
  /** It has sshd and no host key. */
  readonly needsHostKey?: boolean;
  /** Login shells read /etc/profile.d. */
  readonly hasProfileDir?: boolean;
  readonly hasResolvConf: 'file' | 'symlink' | 'missing';
}

/** Who this machine proved to be, and what it got for it; never what its secrets are. */
export interface IdentityFacts {
  readonly state: 'approved' | 'pending' | 'denied' | 'offline';
  /** Of its key, as `statectl node pending` shows it. */
  readonly fingerprint: string;
  readonly node?: string;
  readonly proof?: 'earlier-key' | 'person' | 'network';
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

/** Where the kernel sends its messages, by UDP over IPv4. */
export interface NetconsoleFacts {
  readonly device: string;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Of that host, or of the router before it. */
  readonly remoteMac: string;
}

/** What in the image sends messages on. */
export interface SyslogFacts {
  readonly daemon?: 'rsyslog' | 'syslog-ng';
  /** How rsyslog speaks TLS. */
  readonly tlsDriver?: 'gtls' | 'ossl';
}

/** The packages of python.conf. */
export interface PythonFacts {
  /** The folder of the archives, each named by its digest. */
  readonly store: string;
  /** Archives that are not there whole, and whose size a server told. */
  readonly wanted: readonly WantedArchive[];
  /** Files in the store that no package names any more. */
  readonly stale: readonly string[];
  /** Those whose archive was verified and looked through, in the order of python.conf. */
  readonly packages?: readonly PythonPackage[];
  /** What the image has in /etc/conf.d/SERVICE, where OpenRC reads it. */
  readonly serviceSettings?: Readonly<Record<string, string>>;
}

export interface WantedArchive {
  readonly urls: readonly string[];
  readonly sha256: string;
  readonly sizeBytes: number;
}

export type ArchiveFormat = 'tar' | 'tar.gz' | 'tar.xz' | 'tar.zst' | 'zip';

export interface PythonPackage {
  readonly name: string;
  readonly sha256: string;
  readonly format: ArchiveFormat;
  readonly services: readonly string[];
  /** The folder of the system that it is laid over, free of links. */
  readonly overlay?: string;
}

export interface InitFacts {
  readonly path: string;
  readonly arguments: readonly string[];
}
