import type { z } from 'zod';
import type { CONFIG_FILES } from './settings/files.ts';

type Files = typeof CONFIG_FILES;
type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;
type Of<Part extends keyof Files> = DeepReadonly<z.output<Files[Part]['schema']>>;

/**
 * The settings of one machine, as the boot, the builder, the server and the agent use them: what the schemas give, by
 * part. `…Ms` are milliseconds, `…Bytes` bytes, other sizes as tmpfs(5) takes them. These are types only: a boot reads
 * settings that were checked before, and loads no zod.
 */
export interface Config {
  /** What is booted: a local root, an image by name, or what the server says. */
  readonly boot: Of<'boot'>;
  /** The network of the initramfs, handed over to the system. */
  readonly network: Of<'network'>;
  /** The servers, best first; `statectl.server=` on the kernel command line takes their place. */
  readonly server: Of<'server'>;
  /** Who gets the prompt when a boot fails, and what happens when nobody comes. */
  readonly rescue: Of<'rescue'>;
  /** Disks that are mounted besides the root, by mount point. One that is there takes the place of an overlay or tmpfs. */
  readonly fstab: Of<'fstab'>;
  /** Empty file systems in RAM, by mount point. */
  readonly tmpfs: Of<'tmpfs'>;
  /** Directories of the image that are writable in some way, by mount point. */
  readonly overlays: Of<'overlays'>;
  /** The printers of this host, and what of them outlives it. */
  readonly state: Of<'state'>;
  /** Names, locale, small files, and the templates that are rendered for the machine. */
  readonly etc: Of<'etc'>;
  /** What starts, by unit or OpenRC service. */
  readonly services: Of<'services'>;
  /** How the machine enrols, its certificate, and references to what it may know: no secret itself. */
  readonly identity: Of<'identity'>;
  /** Accounts and groups; what is absent in one is as the image has it. */
  readonly users: Of<'users'>;
  /** Who may log in by SSH, and how hosts are known. */
  readonly ssh: Of<'ssh'>;
  /** Archives on PYTHONPATH or over a folder, by name. */
  readonly python: Of<'python'>;
  /** Where messages and metrics go. */
  readonly logging: Of<'logging'>;
  /** Changed files that move to a new image. */
  readonly persist: Of<'persist'>;
  /** Disks that may be partitioned and formatted, by the admin's name. */
  readonly drives: Of<'drives'>;
  /** Subvolumes and snapshots, by file system. */
  readonly btrfs: Of<'btrfs'>;
  /** When a new version is taken, slots, and what counts as a good start. */
  readonly update: Of<'update'>;
  /** Logs that outlive RAM. */
  readonly log: Of<'log'>;
  /** Where the builder finds packages, files and images; machines have no use for it. */
  readonly sources: Of<'sources'>;
}

export type NetworkConfig = Config['network'];
/** What is mounted besides the root. */
export type FstabEntry = Config['fstab'][string];
/** An empty file system in RAM. */
export type TmpfsEntry = Config['tmpfs'][string];
/** A directory of the image that is writable in some way. */
export type OverlayEntry = Config['overlays'][string];
/** A printer of this host: who owns it, what a server may keep of it, and who gets it back. */
export type PrinterState = Config['state']['printers'][string];
/** A folder, or a file, of a printer that outlives the machine. */
export type StateItem = PrinterState['items'][number];
