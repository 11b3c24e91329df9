import { LOADER_FOLDER, MOST_TRIES } from '../../signed/loader-layout.ts';
import {
  CONF_FOLDER,
  type Conf,
  confName,
  type Entry,
  otherSlot,
  parseConf,
  parseGrubEntry,
  type SlotName,
} from './entries.ts';
import { type GrubEnv, parseGrubEnv, writeGrubEnv } from './grub-env.ts';

/** What lies on the partition with kernels, by path: of small files the bytes, of others how many. */
export type BootFiles = ReadonlyMap<string, Buffer | number>;

/** What a boot loader boots, and what it leaves behind. */
export interface Choice extends Pick<Entry, 'slot' | 'kernel' | 'initramfs'> {
  /** How many tries it had before this one; absent: it is not counted. */
  readonly left?: number;
  /** What lies there when the kernel starts. */
  readonly after: BootFiles;
}

export const GRUBENV = `${LOADER_FOLDER}/grubenv`;
export const grubEntryFile = (id: string): string => `${LOADER_FOLDER}/${id}.cfg`;

const textOf = (files: BootFiles, path: string): string | undefined => {
  const content = files.get(path);
  return Buffer.isBuffer(content) ? content.toString('latin1') : undefined;
};

/** A file that a loader finds: one of no bytes it cannot load. */
const isThere = (files: BootFiles, name: string): boolean => {
  const content = files.get(`${LOADER_FOLDER}/${name}`);
  return (typeof content === 'number' ? content : (content?.length ?? 0)) > 0;
};

const envOf = (files: BootFiles): GrubEnv => {
  const block = files.get(GRUBENV);
  return (Buffer.isBuffer(block) && parseGrubEnv(block)) || {};
};

/** What GRUB boots of these files, as the script in core.img says it (`image/loader/grub-config.ts`). Pure. */
export function grubChoice(files: BootFiles): Choice | undefined {
  const first: SlotName = envOf(files).first === 'b' ? 'b' : 'a';
  let now = files;
  for (const pass of ['good', 'spent'] as const)
    for (const slot of [first, otherSlot(first)]) {
      const env = envOf(now);
      const { [slot]: id = '', [`${slot}_left`]: left = '' } = env;
      const text = id === '' ? undefined : textOf(now, grubEntryFile(id));
      if ((left === '0' ? 'spent' : 'good') !== pass || text === undefined) continue;
      const isCounted = /^[1-9]$/.test(left) && Number(left) <= MOST_TRIES;
      if (isCounted)
        now = new Map(now).set(GRUBENV, writeGrubEnv({ ...env, [`${slot}_left`]: String(Number(left) - 1) }));
      const entry = parseGrubEntry(text);
      if (!entry || !isThere(now, entry.kernel) || !isThere(now, entry.initramfs)) continue;
      return { ...entry, slot, after: now, ...(/^\d+$/.test(left) && { left: Number(left) }) };
    }
  return undefined;
}

/** Entries of ours, whichever loader reads them. Pure. */
export const confsIn = (files: BootFiles): readonly Conf[] =>
  [...files.keys()].flatMap((path) => {
    const text = path.startsWith(`${CONF_FOLDER}/`) ? textOf(files, path) : undefined;
    return (text !== undefined && parseConf(path.slice(CONF_FOLDER.length + 1), text)) || [];
  });

/** Sorted as src/boot/efi/boot.c does (config_entry_compare): those without tries last, then the highest version, then the name. */
const inOrder = (one: Conf, other: Conf): number =>
  Number(one.left === 0) - Number(other.left === 0) ||
  other.version - one.version ||
  (other.slot > one.slot ? 1 : other.slot < one.slot ? -1 : 0) ||
  (other.left ?? Number.POSITIVE_INFINITY) - (one.left ?? Number.POSITIVE_INFINITY) ||
  0;

/** What systemd-boot boots of these files; one whose kernel is not there is no entry to it. Pure. */
export function systemdBootChoice(files: BootFiles): Choice | undefined {
  const [best] = confsIn(files)
    .filter(({ kernel }) => isThere(files, kernel))
    .sort(inOrder);
  if (!best || !isThere(files, best.initramfs)) return undefined;
  const { slot, kernel, initramfs, left, done = 0 } = best;
  const after = new Map(files);
  if (left !== undefined && left > 0) {
    const path = `${CONF_FOLDER}/${confName(best)}`;
    after.set(`${CONF_FOLDER}/${confName({ ...best, left: left - 1, done: done + 1 })}`, files.get(path) ?? 0);
    after.delete(path);
  }
  return { slot, kernel, initramfs, after, ...(left !== undefined && { left }) };
}
