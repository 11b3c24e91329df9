import { describe, expect, it } from 'vitest';
import type { Config } from '../../../../src/config/config.ts';
import type { Offer } from '../../../../src/fetch/offer.ts';
import type { DriveLook } from '../../../../src/machine/disks/disk-facts.ts';
import { finalType, tableOf } from '../../../../src/machine/disks/layout.ts';
import { loaderNotes, planLoaders } from '../../../../src/machine/loader/loader-steps.ts';
import { createFacts, createOffer } from '../../../fixtures/facts.ts';
import { createImage } from '../../../fixtures/image/image.ts';

type Drive = Config['drives'][string];
type Partitions = Drive['partitions'];

const MIB = 2 ** 20;
const GRUB = { sizeBytes: MIB, type: 'raw', role: 'bios' } as const;
const ESP = { sizeBytes: 200 * MIB, type: 'vfat', role: 'efi' } as const;
const BOOT = { sizeBytes: 200 * MIB, type: 'ext4', role: 'boot' } as const;
const DISK = { device: '/dev/vda', ids: ['virtio-D1'], serial: 'D1', sizeBytes: 1024 * MIB, sectorBytes: 512 };

const driveOf = (partitions: Partitions): Drive => ({
  match: { serial: 'D1', minSizeBytes: undefined, maxSizeBytes: undefined },
  make: 'empty',
  partitions,
});

/** A disk that was made as the drive says, whole. */
function lookAt(drive: Drive): DriveLook {
  const table = tableOf(drive, 'D1', DISK);
  if (typeof table === 'string') throw new Error(table);
  const partitions = table.partitions.map((one) => ({ ...one, type: finalType(drive.partitions[one.name] ?? BOOT) }));
  const copy = { state: 'good', table: { ...table, partitions } } as const;
  const content = { primary: copy, backup: copy, signatures: [], isBlank: false, held: {}, digest: '' };
  return { fitting: [DISK], content: { ...content } as unknown as NonNullable<DriveLook['content']> };
}

const IMAGE = createImage();
const digest = (letter: string) => ({ sha256: letter.repeat(64), sizeBytes: 1000 });
const WHOLE: Partial<Offer> = {
  blobs: ['http://boot.lab:8080/blobs/sha256/', 'http://b.lab/blobs/sha256/'],
  initramfs: { initramfs: 1, kernelRelease: IMAGE.manifest.kernelRelease, ...digest('d') },
};

function factsOf(partitions: Partitions, offer: Partial<Offer> = WHOLE, commandLine = '', configured: object = {}) {
  const drive = driveOf(partitions);
  const facts = createFacts({
    commandLine,
    root: { offer: createOffer(IMAGE, offer), drives: { main: lookAt(drive) } },
  });
  return { ...facts, config: { ...facts.config, drives: { main: drive }, ...configured } };
}

describe('which disks get a boot loader', () => {
  it.each<[string, Partitions, object]>([
    ['both, with an EFI system partition alone', { grub: GRUB, ESP }, { place: 'ESP', esp: 'ESP', bios: 'grub' }],
    ['of a BIOS, with a /boot', { grub: GRUB, boot: BOOT }, { place: 'boot', esp: undefined, bios: 'grub' }],
    [
      'both, where UEFI does not read /boot',
      { grub: GRUB, ESP, boot: BOOT },
      { place: 'ESP', esp: 'ESP', bios: 'grub' },
    ],
    [
      'both, where UEFI reads /boot too',
      { grub: GRUB, ESP, boot: { ...BOOT, type: 'vfat' } },
      { place: 'boot', esp: 'ESP', bios: 'grub' },
    ],
    ['of UEFI alone', { ESP }, { place: 'ESP', esp: 'ESP', bios: undefined }],
  ])('%s', (_, partitions, where) => {
    const [step] = planLoaders(factsOf(partitions));
    expect({
      place: step?.place.partition.name,
      esp: step?.esp?.partition.name,
      bios: step?.bios?.name,
    }).toEqual(where);
  });

  it('none without a role, and none where the machine has a root of its own', () => {
    expect(planLoaders(factsOf({ data: { sizeBytes: 'rest', type: 'ext4' } }))).toEqual([]);
    const facts = factsOf({ ESP });
    const local = { ...facts, config: { ...facts.config, boot: { ...facts.config.boot, root: '/dev/vdb' } } };
    expect(planLoaders(local)).toEqual([]);
  });

  it('none where GRUB has nothing to boot from, which is said', () => {
    const facts = factsOf({ grub: GRUB, data: { sizeBytes: 'rest', type: 'ext4' } });
    expect(planLoaders(facts)).toEqual([]);
    expect(loaderNotes(facts)).toEqual([
      'drive main: a kernel needs a partition with `role: boot` or `role: efi` beside that of GRUB',
    ]);
  });
});

it('a word that GRUB cannot hand to a kernel is told, where the disk has GRUB', () => {
  const line = 'console=ttyS0 one=\'x\' two=\\y three="a b"';
  expect(loaderNotes(factsOf({ grub: GRUB, ESP }, WHOLE, line))).toEqual([
    expect.stringMatching(/^drive main: GRUB hands no kernel a single quote .* without the word one='x'$/),
    expect.stringMatching(/without the word two=\\y$/),
  ]);
  expect(loaderNotes(factsOf({ ESP }, WHOLE, line))).toEqual([]);
});

describe('what is written to them', () => {
  it('is of the image that is booted, by digest, from each server that has it', () => {
    const [step] = planLoaders(factsOf({ ESP }));
    expect(step?.wanted.pair).toEqual({
      kernel: {
        sha256: IMAGE.manifest.kernel.sha256,
        sizeBytes: IMAGE.manifest.kernel.sizeBytes,
        urls: WHOLE.blobs?.map((folder) => folder + IMAGE.manifest.kernel.sha256),
      },
      initramfs: { ...digest('d'), urls: WHOLE.blobs?.map((folder) => folder + 'd'.repeat(64)) },
    });
    expect(step?.lacking).toBeUndefined();
  });

  it.each<[string, Partial<Offer>, RegExp]>([
    ['a server that knows an image alone', { blobs: [] }, /http:\/\/boot\.lab:8080 has an image alone/],
    [
      'an initramfs that nobody signed',
      { blobs: WHOLE.blobs ?? [] },
      /nobody whom this machine trusts signed the initramfs/,
    ],
    [
      'an initramfs of another kernel',
      { ...WHOLE, initramfs: { initramfs: 1, kernelRelease: '1.2.3', ...digest('d') } },
      /nobody whom this machine trusts signed/,
    ],
  ])('is unknown with %s, which is said', (_, offer, why) => {
    const [step] = planLoaders(factsOf({ ESP }, offer));
    expect(step?.wanted.pair).toBeUndefined();
    expect(step?.lacking).toMatch(why);
  });

  it('has the kernel command line of this boot, without what was of this boot alone', () => {
    const words = (text: string) => planLoaders(factsOf({ ESP }, WHOLE, text))[0]?.wanted;
    expect(
      words(
        'initrd=initramfs.img BOOT_IMAGE=vmlinuz statectl.server=http://b.lab statectl.image=lab@1 ip=dhcp x="a b"',
      ),
    ).toMatchObject({ words: ['statectl.server=http://b.lab', 'ip=dhcp', 'x="a b"', 'panic=+10'] });
    expect(words('statectl.slot=b panic=30')).toEqual(expect.objectContaining({ words: ['panic=30'], running: 'b' }));
    expect(words('statectl.slot=c')).not.toHaveProperty('running');
  });
});
