import { createHash } from 'node:crypto';
import { isBeyondGrub } from '../../config/command-line/grub-word.ts';
import { LOADER_FOLDER } from '../../signed/loader-layout.ts';

export type SlotName = 'a' | 'b';
export const SLOT_NAMES = ['a', 'b'] as const;
export const otherSlot = (slot: SlotName): SlotName => (slot === 'a' ? 'b' : 'a');

/** What an entry boots: names of files in our folder, and the words of the kernel's command line. */
export interface Entry {
  readonly slot: SlotName;
  readonly kernel: string;
  readonly initramfs: string;
  readonly words: readonly string[];
}

/** Files lie by their content: a new one never takes the place of one that an entry names. */
export const kernelFile = (sha256: string): string => `vmlinuz-${sha256.slice(0, 16)}`;
export const initramfsFile = (sha256: string): string => `initramfs-${sha256.slice(0, 16)}.img`;

/** The folder of systemd-boot's entries. */
export const CONF_FOLDER = '/loader/entries';

/** GRUB's lexer: within single quotes nothing has a meaning but the next one. */
const quoted = (word: string): string => `'${word}'`;

/**
 * GRUB writes quotes around a word with a blank, as the kernel reads them, and a backslash before every quote and backslash of its
 * own, which the kernel does not read.
 */
const forGrub = (word: string): string => quoted(word.replaceAll('"', ''));

/** `console=ttyS1,9600` is `--unit=1 --speed=9600`. */
const SERIAL = /^console=ttyS(\d)(?:,(\d+))?/;

/** GRUB's entry, which core.img's script reads. It speaks where the kernel will. Pure. */
export function grubEntry({ slot, kernel, initramfs, words }: Entry): string {
  const serial = words.map((word) => SERIAL.exec(word)).find((found) => found !== null);
  return [
    ...(serial ? [`serial --unit=${serial[1]} --speed=${serial[2] ?? 9600}`, 'terminal_output console serial'] : []),
    `echo "statectl: slot ${slot}"`,
    `if linux "$dir/${kernel}" ${words
      .filter((word) => !isBeyondGrub(word))
      .map(forGrub)
      .join(' ')}; then`,
    `  if initrd "$dir/${initramfs}"; then boot; fi`,
    'fi',
    '',
  ].join('\n');
}

/** By its content: an entry that changes is another one. */
export const grubEntryName = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** What GRUB would load; undefined of a file that is none of ours, or not whole. Pure. */
export function parseGrubEntry(text: string): Pick<Entry, 'kernel' | 'initramfs' | 'slot'> | undefined {
  const found =
    /^echo "statectl: slot ([ab])"\nif linux "\$dir\/([\w.-]+)" .*; then\n {2}if initrd "\$dir\/([\w.-]+)"; then boot; fi\nfi\n$/m.exec(
      text,
    );
  const [, slot, kernel, initramfs] = found ?? [];
  return kernel && initramfs ? { slot: slot === 'b' ? 'b' : 'a', kernel, initramfs } : undefined;
}

/**
 * systemd-boot's entry: The Boot Loader Specification, type #1. Of two the one with the higher version is first; it is a number that
 * each new entry raises. Pure.
 */
export const confEntry = ({ slot, kernel, initramfs, words }: Entry, version: number): string =>
  [
    `title statectl ${slot}`,
    'sort-key statectl',
    `version ${version}`,
    `linux ${LOADER_FOLDER}/${kernel}`,
    `initrd ${LOADER_FOLDER}/${initramfs}`,
    `options ${words.join(' ')}`,
    '',
  ].join('\n');

/** A name of systemd-boot's entry: whose, its number, and how many tries are left and were done. */
export interface ConfName {
  readonly slot: SlotName;
  readonly version: number;
  readonly left?: number;
  readonly done?: number;
}

const CONF = /^statectl-([ab])-(\d+)(?:\+(\d+)(?:-(\d+))?)?\.conf$/;

/** Pure. */
export function parseConfName(name: string): ConfName | undefined {
  const [, slot, version, left, done] = CONF.exec(name) ?? [];
  if (slot === undefined) return undefined;
  return {
    slot: slot === 'b' ? 'b' : 'a',
    version: Number(version),
    ...(left !== undefined && { left: Number(left) }),
    ...(done !== undefined && { done: Number(done) }),
  };
}

export const confName = ({ slot, version, left, done }: ConfName): string =>
  `statectl-${slot}-${version}${left === undefined ? '' : `+${left}`}${done ? `-${done}` : ''}.conf`;

export interface Conf extends ConfName, Entry {}

/** An entry of ours; undefined of one of another's, or one that is not whole. Pure. */
export function parseConf(name: string, text: string): Conf | undefined {
  const named = parseConfName(name);
  const [, kernel, initramfs, options] =
    /^linux \/statectl\/(\S+)\ninitrd \/statectl\/(\S+)\noptions (.*)\n/m.exec(text) ?? [];
  if (!named || kernel === undefined || initramfs === undefined || options === undefined) return undefined;
  return { ...named, kernel, initramfs, words: options.split(' ') };
}
