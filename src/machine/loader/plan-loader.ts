import { LOADER_FOLDER } from '../../signed/loader-layout.ts';
import {
  type BootFiles,
  type Choice,
  confsIn,
  GRUBENV,
  grubChoice,
  grubEntryFile,
  systemdBootChoice,
} from './choice.ts';
import {
  CONF_FOLDER,
  type Conf,
  confEntry,
  confName,
  type Entry,
  grubEntry,
  grubEntryName,
  initramfsFile,
  kernelFile,
  otherSlot,
  parseConfName,
  parseGrubEntry,
  SLOT_NAMES,
  type SlotName,
} from './entries.ts';
import { type GrubEnv, parseGrubEnv } from './grub-env.ts';
import { slotWord } from './local-words.ts';

/** Bytes that are known by their digest, and where to have them. */
export interface Blob {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly urls: readonly string[];
}

/** A kernel and its initramfs, of one image. */
export interface Pair {
  readonly kernel: Blob;
  readonly initramfs: Blob;
}

/** What is to be booted by the disk, as far as this boot knows it. */
export interface Wanted {
  readonly pair?: Pair;
  /** Of the kernel command line, without the slot. */
  readonly words: readonly string[];
  /** The entry that booted this machine now; absent where its disk did not. */
  readonly running?: SlotName;
}

/** Which boot loaders read the partition. */
export interface Loaders {
  readonly grub: boolean;
  readonly systemdBoot: boolean;
}

/** What is to be done to the files of boot loaders, in this order. */
export interface LoaderPlan {
  /** What no entry names: it makes room. */
  readonly clear: readonly string[];
  /** Kernel and initramfs: they are there and whole before any entry names them. */
  readonly pair: readonly (Blob & { readonly path: string })[];
  /** New files, under names that no file has. */
  readonly entries: readonly { readonly path: string; readonly text: string }[];
  /** Variables of GRUB's environment; '' takes one out. */
  readonly env: GrubEnv;
  /** What no entry names any more. */
  readonly remove: readonly string[];
}

/** So often a new entry is tried before the one before it is booted again. */
const TRIES = 2;

/** What the disk would boot now. Pure. */
export const choiceOf = (files: BootFiles, { grub, systemdBoot }: Loaders): Choice | undefined =>
  (grub ? grubChoice(files) : undefined) ?? (systemdBoot ? systemdBootChoice(files) : undefined);

/** The entry of a slot that counts, of each loader. */
export interface Named {
  readonly grub?: { readonly id: string; readonly entry: Pick<Entry, 'kernel' | 'initramfs'> };
  readonly conf?: Conf;
}

/** Pure. */
export function namedBy(files: BootFiles, env: GrubEnv, slot: SlotName): Named {
  const id = env[slot] ?? '';
  const text = id === '' ? undefined : files.get(grubEntryFile(id));
  const entry = Buffer.isBuffer(text) ? parseGrubEntry(text.toString('latin1')) : undefined;
  const conf = confsIn(files)
    .filter((one) => one.slot === slot)
    .sort((a, b) => b.version - a.version)[0];
  return { ...(entry && { grub: { id, entry } }), ...(conf && { conf }) };
}

/**
 * What is to be done so that the disk boots what is wanted, and goes on booting what it boots until that is proved. Nothing where it
 * is so already. Pure.
 */
export function planLoader(files: BootFiles, loaders: Loaders, { pair, words, running }: Wanted): LoaderPlan {
  const block = files.get(GRUBENV);
  const env = (Buffer.isBuffer(block) && parseGrubEnv(block)) || {};
  const named = { a: namedBy(files, env, 'a'), b: namedBy(files, env, 'b') };
  const entries: { path: string; text: string }[] = [];
  const changes: Record<string, string> = {};
  const confs: Partial<Record<SlotName, string>> = {};
  let version = newestVersion(files);

  const putGrub = (entry: Entry, left: string) => {
    const text = grubEntry(entry);
    const id = grubEntryName(text);
    if (!isText(files, grubEntryFile(id), text)) entries.push({ path: grubEntryFile(id), text });
    Object.assign(changes, { [entry.slot]: id, [`${entry.slot}_left`]: left });
  };
  const putConf = (entry: Entry, left: number | undefined) => {
    version += 1;
    const path = `${CONF_FOLDER}/${confName({ slot: entry.slot, version, ...(left !== undefined && { left }) })}`;
    confs[entry.slot] = path;
    entries.push({ path, text: confEntry(entry, version) });
  };

  // It came as far as this: from here on the journal of cycles counts.
  if (running !== undefined) {
    if (loaders.grub && env[`${running}_left`]) changes[`${running}_left`] = '';
    const { conf } = named[running];
    if (loaders.systemdBoot && conf?.left !== undefined) {
      const blessed = `${CONF_FOLDER}/${confName({ slot: running, version: conf.version })}`;
      confs[running] = blessed;
      entries.push({ path: blessed, text: confEntry(conf, conf.version) });
    }
  }

  const fileNames = pair && { kernel: kernelFile(pair.kernel.sha256), initramfs: initramfsFile(pair.initramfs.sha256) };
  const fetched: (Blob & { path: string })[] = [];
  if (pair && fileNames) {
    const names = (entry: Pick<Entry, 'kernel' | 'initramfs'> | undefined): boolean =>
      entry?.kernel === fileNames.kernel && entry.initramfs === fileNames.initramfs;
    const known = SLOT_NAMES.find((slot) => names(named[slot].grub?.entry) || names(named[slot].conf));
    const now = choiceOf(files, loaders);
    const slot = known ?? (now ? otherSlot(running ?? now.slot) : 'a');
    const entry: Entry = { slot, ...fileNames, words: [...words, slotWord(slot)] };
    const { grub, conf } = named[slot];
    // Only a netboot's command line is newer than that of an entry: one that was booted by an entry has the entry's.
    const isAnew = running === undefined;
    const [hasGrub, hasConf] = [names(grub?.entry), names(conf)];
    const left = env[`${slot}_left`] ?? '';
    if (loaders.grub) {
      const before = grubChoice(files);
      if (!hasGrub) putGrub(entry, before ? String(TRIES) : '');
      else if (isAnew && grub?.id !== grubEntryName(grubEntry(entry))) putGrub(entry, left);
      // What this boot boots is what the next one boots, unless its tries are used up.
      if (!hasGrub || (before?.slot !== slot && left !== '0')) changes.first = slot;
    }
    if (loaders.systemdBoot) {
      const before = systemdBootChoice(files);
      const isOld = isAnew && conf?.words.join(' ') !== entry.words.join(' ');
      if (!hasConf) putConf(entry, before && TRIES);
      else if (isOld || (before?.slot !== slot && conf?.left !== 0))
        putConf(isAnew ? entry : { ...entry, words: conf?.words ?? entry.words }, conf?.left);
    }
    const parts = [
      { ...pair.kernel, path: `${LOADER_FOLDER}/${fileNames.kernel}` },
      { ...pair.initramfs, path: `${LOADER_FOLDER}/${fileNames.initramfs}` },
    ];
    const isWhole = parts.every(({ path, sizeBytes }) => files.get(path) === sizeBytes);
    const isNamed = (!loaders.grub || hasGrub) && (!loaders.systemdBoot || hasConf);
    if (!isNamed || !isWhole) fetched.push(...parts);
  }

  const wantedEnv: GrubEnv = { ...env, ...changes };
  const pairPaths = fetched.map(({ path }) => path);
  const after = new Map<string, Buffer | number>(files);
  for (const { path, text } of entries) after.set(path, Buffer.from(text, 'latin1'));
  const left = unnamed(after, wantedEnv, confs).filter((path) => !pairPaths.some((own) => path.startsWith(own)));
  const isOfNobody = new Set(unnamed(files, env, {}));
  const clear = left.filter((path) => isOfNobody.has(path));
  const remove = left.filter((path) => !isOfNobody.has(path));
  return { clear, pair: fetched, entries, env: changes, remove };
}

/** Of systemd-boot's entries of ours; 0: there is none. Pure. */
export const newestVersion = (files: BootFiles): number =>
  Math.max(0, ...[...files.keys()].map((path) => confNameIn(path)?.version ?? 0));

const confNameIn = (path: string) =>
  path.startsWith(`${CONF_FOLDER}/`) ? parseConfName(path.slice(CONF_FOLDER.length + 1)) : undefined;

const isText = (files: BootFiles, path: string, text: string): boolean => {
  const there = files.get(path);
  return Buffer.isBuffer(there) && there.toString('latin1') === text;
};

/** What of ours no entry names: entries that another took the place of, and files that only they named. Pure. */
function unnamed(files: BootFiles, env: GrubEnv, confs: Partial<Record<SlotName, string>>): readonly string[] {
  const kept = new Set<string>([GRUBENV]);
  for (const slot of SLOT_NAMES) {
    const { grub, conf } = namedBy(files, env, slot);
    if (grub) kept.add(grubEntryFile(grub.id));
    const path = confs[slot] ?? (conf && `${CONF_FOLDER}/${confName(conf)}`);
    if (path !== undefined) kept.add(path);
    const text = path === undefined ? undefined : files.get(path);
    for (const entry of [grub?.entry, text === undefined ? undefined : confsIn(new Map([[path ?? '', text]]))[0]])
      if (entry) for (const name of [entry.kernel, entry.initramfs]) kept.add(`${LOADER_FOLDER}/${name}`);
  }
  return [...files.keys()].filter(
    (path) => !kept.has(path) && (path.startsWith(`${LOADER_FOLDER}/`) || confNameIn(path) !== undefined),
  );
}
