import { getArgument } from '../../config/command-line/command-line.ts';
import { isBeyondGrub } from '../../config/command-line/grub-word.ts';
import { entryOf } from '../../entry-of.ts';
import { bootsLocalRoot } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import { chooseSource } from '../places/source.ts';
import type { StepOf } from '../steps/step.ts';
import { type BootDisk, bootDisk } from './boot-disk.ts';
import { localWords } from './local-words.ts';
import type { Blob } from './plan-loader.ts';
import type { WriteLoader } from './write-loader.ts';

type Digest = Omit<Blob, 'urls'>;

/** Disks with room for a boot loader. Pure. */
export const bootDisks = ({ config, root }: Pick<Facts, 'config' | 'root'>): readonly BootDisk[] =>
  Object.entries(config.drives).flatMap(([name, drive]) => {
    const look = entryOf(root.drives ?? {}, name);
    const disk = look && bootDisk(name, drive, look);
    return disk === undefined || typeof disk === 'string' ? [] : [disk];
  });

/** Disks that shall boot this machine by themselves: one step each, which does nothing where all is there. Pure. */
export function planLoaders(facts: Facts): readonly StepOf<'write-loader'>[] {
  const { config, commandLine } = facts;
  const disks = bootDisks(facts);
  // Who boots a root of its own has a loader of its own: no image says which kernel goes with it.
  if (disks.length === 0 || bootsLocalRoot(facts)) return [];
  const running = getArgument(commandLine, 'statectl.slot')?.value;
  const { connectMs, stallMs, tries } = config.server;
  const { pair, loader, lacking } = filesFor(facts);
  return disks.map((disk) => ({
    kind: 'write-loader',
    ...disk,
    wanted: {
      words: localWords(commandLine),
      ...(pair && { pair }),
      ...(running === 'a' || running === 'b' ? { running } : {}),
    },
    ...(loader && { loader }),
    ...(lacking !== undefined && { lacking }),
    limits: { connectMs, stallMs, tries },
  }));
}

/** What the operator must know of disks that cannot have a boot loader. Pure. */
export const loaderNotes = ({ config, root, commandLine }: Facts): readonly string[] =>
  Object.entries(config.drives).flatMap(([name, drive]) => {
    const look = entryOf(root.drives ?? {}, name);
    const disk = look && bootDisk(name, drive, look);
    if (typeof disk === 'string') return [disk];
    if (!disk?.bios) return [];
    return localWords(commandLine)
      .filter(isBeyondGrub)
      .map(
        (word) =>
          `drive ${name}: GRUB hands no kernel a single quote or a backslash: without its network this machine boots without the word ${word}`,
      );
  });

/** Of the image that this boot boots: its kernel, the initramfs that goes with it, and its boot loaders. Pure. */
function filesFor(facts: Facts): Pick<WriteLoader, 'loader' | 'lacking'> & Pick<WriteLoader['wanted'], 'pair'> {
  const source = chooseSource(facts);
  if (source.kind === 'partition') return {};
  const { offer, offerFailure } = facts.root;
  const { manifest } = source;
  if (!offer || offer.manifest.kernel.sha256 !== manifest.kernel.sha256)
    return {
      lacking: `no server has the files of ${manifest.name} ${manifest.version} (${offerFailure ?? 'it offers another image'})`,
    };
  const blobs = offer.blobs ?? [];
  if (blobs.length === 0) return { lacking: `${offer.server} has an image alone, and no initramfs` };
  const blob = ({ sha256, sizeBytes }: Digest): Blob => ({
    sha256,
    sizeBytes,
    urls: blobs.map((folder) => new URL(sha256, folder).href),
  });
  const { bios, efi } = manifest.loader ?? {};
  const loader = {
    ...(bios && { bios: { boot: blob(bios.boot), core: blob(bios.core) } }),
    ...(efi && { efi: blob(efi) }),
  };
  const note = offer.initramfs;
  if (!note || note.kernelRelease !== manifest.kernelRelease)
    return {
      loader,
      lacking: `nobody whom this machine trusts signed the initramfs of ${manifest.name} ${manifest.version}: build it with the image key in --keys, and add the image again`,
    };
  return { loader, pair: { kernel: blob(manifest.kernel), initramfs: blob(note) } };
}
