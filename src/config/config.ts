/** The merged config.d, as the boot and the builder use it. Made by config/load.ts; times in ms, sizes in bytes. */
export interface Config {
  readonly boot: BootConfig;
  readonly network: NetworkConfig;
  readonly server: ServerConfig;
  readonly rescue: RescueConfig;
  /** What is mounted besides the root, by mount point. */
  readonly fstab: Readonly<Record<string, FstabEntry>>;
  /** Empty RAM file systems, by mount point. */
  readonly tmpfs: Readonly<Record<string, TmpfsEntry>>;
  /** Directories of the image that are writable in some way, by mount point. */
  readonly overlays: Readonly<Record<string, OverlayEntry>>;
}

export interface BootConfig {
  /** A local root as `root=` has it; absent: the image that the server names, or the copy of it. */
  readonly root?: string;
  /** NAME or NAME@VERSION; absent: what the server says. */
  readonly image?: string;
  /** Keep a verified copy of the fetched image on /user-data, to boot without a server. */
  readonly keepCopy: boolean;
}

export interface NetworkConfig {
  /** How long a machine with a bootable local copy waits for the network and a server. */
  readonly waitMs: number;
  /** How long one DHCP attempt may take. */
  readonly dhcpMs: number;
}

export interface ServerConfig {
  /** Base URLs, in order; `statectl.server=` on the kernel command line comes first. */
  readonly servers: readonly string[];
  /** No TCP connection in this time: dead. */
  readonly connectMs: number;
  /** No data for this long: stalled. */
  readonly stallMs: number;
  /** How often a whole round over all servers is tried before the boot gives up. */
  readonly tries: number;
}

export interface RescueConfig {
  /** `none`, `open`, or a crypt(3) hash that a password must match. */
  readonly access: string;
  /** How long the prompt waits for a person before the machine goes on by itself. 0 waits for ever. */
  readonly countdownMs: number;
  /** What happens when nobody came. */
  readonly unattended: 'reboot' | 'poweroff' | 'wait';
  /** Unattended reboots in a row before the machine stays in the rescue prompt for good. */
  readonly attempts: number;
}

export interface FstabEntry {
  readonly source: string;
  readonly type: string;
  readonly options: readonly string[];
  /** What a missing device means: `degraded` boots on loudly, `ignore` boots on, `fail` stops. */
  readonly missing: 'degraded' | 'ignore' | 'fail';
}

export interface TmpfsEntry {
  /** Bytes, or `50%` of RAM. */
  readonly size: string;
  readonly mode: number;
  readonly options: readonly string[];
}

export type OverlayEntry =
  | {
      readonly kind: 'tmpfs';
      readonly skeleton: boolean;
      readonly size: string;
      readonly mode?: number;
      readonly options: readonly string[];
    }
  | { readonly kind: 'ramdisk'; readonly size: string; readonly options: readonly string[] }
  | { readonly kind: 'overlay'; readonly upper: 'ram' | 'persistent'; readonly size: string }
  | {
      readonly kind: 'bind';
      readonly source: string;
      readonly missing: 'ram' | 'fail';
      readonly options: readonly string[];
      readonly mode?: number;
    }
  | { readonly kind: 'symlink'; readonly target: string };
