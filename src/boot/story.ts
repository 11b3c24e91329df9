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

/** The boot, from the kernel command line to the system's init. */
export const STORY: readonly Phase[] = [
  cmdline,
  config,
  devices,
  network,
  bundle,
  slot,
  update,
  mount,
  install,
  handover,
];
