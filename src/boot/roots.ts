import { IMAGE_MOUNT, RUN_INITRAMFS } from '../machine/paths.ts';
import type { Roots } from '../machine/roots.ts';

/** Where the persistent file system is mounted until the root is there. */
export const USER_DATA_EARLY = `${RUN_INITRAMFS}/user-data`;

/** Until the root is mounted the machine is the initramfs itself. */
export const BEFORE_ROOT: Roots = { system: '', image: IMAGE_MOUNT, userData: USER_DATA_EARLY, run: '/run' };

/** The system as it is put together, until the switch. */
export const IN_SYSROOT: Roots = { ...BEFORE_ROOT, system: '/sysroot', userData: '/sysroot/user-data' };
