import type { BootFiles } from './choice.ts';
import { GRUBENV } from './choice.ts';
import { CONF_FOLDER, confEntry, confName, type Entry, SLOT_NAMES, type SlotName } from './entries.ts';
import { parseGrubEnv } from './grub-env.ts';
import { type LoaderPlan, type Loaders, namedBy, newestVersion } from './plan-loader.ts';

/** The entry of a disk that boots this kernel. */
export interface KernelEntry extends Pick<Entry, 'kernel' | 'initramfs'> {
  readonly slot: SlotName;
}

/** By the name of the file, which is that of its content. Pure. */
export function entryOfKernel(files: BootFiles, kernel: string): KernelEntry | undefined {
  const env = envOf(files);
  for (const slot of SLOT_NAMES) {
    const { grub, conf } = namedBy(files, env, slot);
    const entry = [grub?.entry, conf].find((each) => each?.kernel === kernel);
    if (entry) return { slot, kernel, initramfs: entry.initramfs };
  }
  return undefined;
}

/**
 * What makes this entry the first one for one try: as a new one it is counted, and where it does not come up, the loader goes on with
 * the other by itself. Pure.
 */
export function planOnce(files: BootFiles, { grub, systemdBoot }: Loaders, { slot, kernel }: KernelEntry): LoaderPlan {
  const named = namedBy(files, envOf(files), slot);
  const { conf } = named;
  const version = newestVersion(files) + 1;
  const isConf = systemdBoot && conf?.kernel === kernel;
  return {
    clear: [],
    pair: [],
    entries: isConf
      ? [
          {
            path: `${CONF_FOLDER}/${confName({ slot, version, left: 1 })}`,
            text: confEntry(conf, version),
          },
        ]
      : [],
    env: grub && named.grub?.entry.kernel === kernel ? { first: slot, [`${slot}_left`]: '1' } : {},
    remove: [],
  };
}

function envOf(files: BootFiles) {
  const block = files.get(GRUBENV);
  return (Buffer.isBuffer(block) && parseGrubEnv(block)) || {};
}
