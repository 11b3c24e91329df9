import type { EnvironmentFacts } from '../services/printers/environment-facts.ts';
import type { PrinterFacts } from '../state/printer-facts.ts';
import type { OwnedFolder } from './bundle-facts.ts';
import type { PythonFacts } from './python-facts.ts';
import type { ServiceFacts } from './service-facts.ts';

/** What the system is to have when its init runs. */
export interface SystemFacts {
  readonly install?: InstallFacts;
  readonly python?: PythonFacts;
  /** They were the reason why the install phase failed. */
  readonly pythonFailed?: boolean;
  readonly syslog?: SyslogFacts;
  readonly identity?: IdentityFacts;
  /** Of printers, and places in RAM with an owner: those that are missing or still root's. */
  readonly folders?: readonly OwnedFolder[];
  readonly printers?: PrinterFacts;
  readonly printerEnvironment?: EnvironmentFacts;
  /** Names of files of the machine segment that prove who it is. */
  readonly credentials?: readonly string[];
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
  /** Absent where network.conf has no CAN interface. */
  readonly can?: CanTools;
  /** Whose services are enabled, disabled or masked; absent: neither's. */
  readonly serviceManager?: 'systemd' | 'openrc';
  /** Of sysvinit: what its scripts that end processes and unmount say of their order (LSB), by name. */
  readonly unmounting?: Readonly<Record<string, string>>;
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

/** What sets up a CAN interface where no networkd does. */
export interface CanTools {
  readonly hasUdev: boolean;
  /** Where the system has that of iproute2. */
  readonly ip?: string;
}

export interface IfupdownFacts {
  /** It says something of an interface besides the loopback. */
  readonly hasCards: boolean;
  /** The file with a line that reads interfaces.d, where it has none. */
  readonly withSource?: string;
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
  /** It reads files, too. */
  readonly readsFiles?: boolean;
}
