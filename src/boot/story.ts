import type { Phase } from './phase.ts';
import { bundle } from './phases/bundle.ts';
import { cmdline } from './phases/cmdline.ts';
import { config } from './phases/config.ts';
import { devices } from './phases/devices.ts';
import { handover } from './phases/handover.ts';
import { install } from './phases/install.ts';
import { mount } from './phases/mount.ts';
import { network } from './phases/network.ts';
import { slot } from './phases/slot.ts';
import { update } from './phases/update.ts';

/** From what is to be booted to its init: what /init can repeat by its commands, where they need nothing but local files. */
export const FROM_DISK: readonly Phase[] = [slot, update, mount, install, handover];

/** The boot, from the kernel command line to the system's init. */
export const STORY: readonly Phase[] = [cmdline, config, devices, network, bundle, ...FROM_DISK];
