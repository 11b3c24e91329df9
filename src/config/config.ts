import type { z } from 'zod';
import type { CONFIG_FILES } from './files.ts';

type Files = typeof CONFIG_FILES;

/**
 * The settings of one machine, as the boot, the builder and the server use them: what the schemas give, by part. Times are
 * in ms, sizes as mount(8) takes them. These are types only: a boot reads settings that were checked before.
 */
export type Config = { readonly [Part in keyof Files]: DeepReadonly<z.output<Files[Part]['schema']>> };

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;

export type NetworkConfig = Config['network'];
/** What is mounted besides the root. */
export type FstabEntry = Config['fstab'][string];
/** An empty file system in RAM. */
export type TmpfsEntry = Config['tmpfs'][string];
/** A directory of the image that is writable in some way. */
export type OverlayEntry = Config['overlays'][string];
