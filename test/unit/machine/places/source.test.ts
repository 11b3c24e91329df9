import { describe, expect, it } from 'vitest';
import { planImage } from '../../../../src/boot/phases/mount.ts';
import { slot } from '../../../../src/boot/phases/slot.ts';
import { planUpdate, update } from '../../../../src/boot/phases/update.ts';
import { getArgument } from '../../../../src/config/command-line/command-line.ts';
import { StatectlError } from '../../../../src/error.ts';
import type { Facts } from '../../../../src/machine/facts/facts.ts';
import { withFound } from '../../../../src/machine/facts/found-facts.ts';
import { chooseSource } from '../../../../src/machine/places/source.ts';
import { shellOf } from '../../../../src/machine/steps/step.ts';
import { createCopy, createFacts, createOffer, USER_DATA_DISK } from '../../../fixtures/facts.ts';
import { createImage } from '../../../fixtures/image/image.ts';

const SYSTEM = { device: '/dev/vda1', type: 'ext4', label: 'system', uuid: 'abcdef01-2345' };
const NEWER = createImage({ version: '20261121.1' });
const local = (commandLine = '', root = 'LABEL=system') =>
  createFacts({
    commandLine,
    root: { blocks: [SYSTEM, USER_DATA_DISK], offer: undefined },
    config: { boot: { root } },
  });

describe('the root is', () => {
  it('the partition that the config names', () => {
    expect(chooseSource(local())).toEqual({ kind: 'partition', device: '/dev/vda1', type: 'ext4', flags: [] });
  });

  it('mounted with the type and flags of the command line, but never writable', () => {
    expect(chooseSource(local('rootfstype=ext3 rootflags=rw,data=journal,ro'))).toMatchObject({
      type: 'ext3',
      flags: ['data=journal'],
    });
  });

  it('what the server offers, kept on the disk where there is one', () => {
    expect(chooseSource(createFacts({ root: { blocks: [USER_DATA_DISK] } }))).toMatchObject({
      kind: 'fetched',
      kept: true,
      dir: expect.stringMatching(/^\/user-data\/persistent\/images\/[0-9a-f]{64}$/),
    });
  });

  it('what the server offers, in RAM without a disk or where no copy is wanted', () => {
    const inRam = { kind: 'fetched', kept: false, dir: '/run/initramfs/image' };
    expect(chooseSource(createFacts())).toMatchObject(inRam);
    expect(
      chooseSource(createFacts({ root: { blocks: [USER_DATA_DISK] }, config: { boot: { keepCopy: false } } })),
    ).toMatchObject(inRam);
  });

  it('the copy on the disk, when the server offers the same bytes', () => {
    const copy = createCopy();
    expect(chooseSource(createFacts({ root: { blocks: [USER_DATA_DISK], copy } }))).toMatchObject({
      kind: 'copy',
      dir: copy.dir,
    });
    expect(
      chooseSource(createFacts({ root: { blocks: [USER_DATA_DISK], copy, offer: createOffer(NEWER) } })),
    ).toMatchObject({
      kind: 'fetched',
    });
  });

  it('the copy on the disk, when no server answered', () => {
    expect(chooseSource(createFacts({ root: { copy: createCopy(NEWER), offer: undefined } }))).toMatchObject({
      kind: 'copy',
      manifest: { version: '20261121.1' },
    });
  });
});

describe('no root is', () => {
  const refusal = (facts: Facts) => {
    try {
      chooseSource(facts);
    } catch (error) {
      return error as StatectlError;
    }
    throw new Error('a root was found');
  };

  it('where neither a server nor a copy has one', () => {
    expect(refusal(createFacts({ root: { offer: undefined } }))).toMatchObject({
      code: 'root-missing',
      hint: expect.any(String),
    });
  });

  it('where the named disk is missing: what is there is said', () => {
    const error = refusal(local('', 'LABEL=sytem'));
    expect(error).toMatchObject({ code: 'root-missing', hint: expect.stringContaining('driver') });
    expect(error.message).toBe(
      'the root LABEL=sytem is not there; there are /dev/vda1 (ext4, LABEL=system, UUID=abcdef01-2345), /dev/vdb (ext4, LABEL=user-data, UUID=0b3e27c1-8f4f-4f6c-9d0c-2f1d5d3a8e11)',
    );
    expect(refusal(createFacts({ config: { boot: { root: 'LABEL=system' } } })).message).toContain(
      'there is no disk at all',
    );
  });

  it('on a disk that holds no file system of a root', () => {
    const swap = createFacts({
      root: { blocks: [{ device: '/dev/vda1', type: 'swap', label: 'system' }] },
      config: { boot: { root: 'LABEL=system' } },
    });
    expect(refusal(swap)).toMatchObject({ code: 'root-unknown', message: expect.stringContaining('holds swap') });
  });

  it('named by an empty or unknown root=', () => {
    expect(refusal(local('', ''))).toMatchObject({ code: 'root-missing' });
    expect(refusal(local('', 'LABL=system'))).toMatchObject({
      code: 'root-unknown',
      hint: 'did you mean root=LABEL=system?',
    });
  });
});

describe('what is mounted as the root is never written to', () => {
  it.each([
    ['ext4', 'ro,noload'],
    ['ext3', 'ro,noload'],
    ['btrfs', 'ro,rescue=nologreplay'],
    ['squashfs', 'ro'],
    ['erofs', 'ro'],
  ])('%s: %s', (type, options) => {
    expect(planImage({ kind: 'partition', device: '/dev/vda1', type, flags: [] }).map(shellOf)).toEqual([
      'mkdir -p /run/statectl/image',
      `mount -t ${type} -o ${options} /dev/vda1 /run/statectl/image`,
      `grep -qF ' /run/statectl/image ${type} ro' /proc/mounts`,
    ]);
  });

  it('a journal is checked before, since it is not replayed', () => {
    const plan = slot.rounds.flatMap(({ plan: of }) => of?.(local()) ?? []);
    expect(plan).toEqual([{ kind: 'check-filesystem', device: '/dev/vda1', type: 'ext4' }]);
  });
});

describe('the image is brought here', () => {
  it('into RAM of its size', () => {
    const { manifest } = createImage();
    expect(planUpdate(createFacts()).map(({ kind }) => kind)).toEqual(['mkdir', 'mount', 'fetch']);
    expect(planUpdate(createFacts())[1]).toMatchObject({
      type: 'tmpfs',
      options: expect.arrayContaining([`size=${manifest.root.sizeBytes + 2 ** 20}`]),
    });
  });

  it('onto the disk beside the copy that booted before: its pointer is written last, and only then the old copy goes', () => {
    const copy = createCopy();
    const plan = planUpdate(createFacts({ root: { blocks: [USER_DATA_DISK], copy, offer: createOffer(NEWER) } }));
    expect(plan.map(({ kind }) => kind)).toEqual(['mkdir', 'write', 'write', 'fetch', 'write', 'remove']);
    expect(plan[4]).toMatchObject({
      path: '/user-data/persistent/images/current',
      content: `${NEWER.manifest.root.sha256}\n`,
    });
    expect(plan[5]).toEqual({ kind: 'remove', path: copy.dir });
  });

  it('after what nobody names made room; a download that was interrupted goes on', () => {
    const gone = 'de'.repeat(32);
    const plan = planUpdate(
      createFacts({
        root: { blocks: [USER_DATA_DISK], staleCopies: [gone, NEWER.manifest.root.sha256], offer: createOffer(NEWER) },
      }),
    );
    expect(plan.filter(({ kind }) => kind === 'remove')).toEqual([
      { kind: 'remove', path: `/user-data/persistent/images/${gone}` },
    ]);
    expect(plan[0]?.kind).toBe('remove');
  });

  it('not at all when it is there: then it is hashed', () => {
    const { manifest } = createImage();
    expect(planUpdate(createFacts({ root: { copy: createCopy(), offer: undefined } }))).toEqual([
      {
        kind: 'verify',
        path: `${createCopy().dir}/root.squashfs`,
        sha256: manifest.root.sha256,
        sizeBytes: manifest.root.sizeBytes,
      },
    ]);
    expect(planUpdate(local())).toEqual([]);
  });
});

describe('when the image cannot be brought here', () => {
  const instead = (code: string, facts: Facts) => update.instead?.(new StatectlError(code, 'no'), facts);
  const both = createFacts({ root: { blocks: [USER_DATA_DISK], copy: createCopy(), offer: createOffer(NEWER) } });

  it('the copy on the machine boots', () => {
    expect(instead('download-failed', both)).toEqual({ root: { offer: undefined, offerFailure: 'no' } });
    expect(instead('disk-full', both)).toEqual({ root: { offer: undefined, offerFailure: 'no' } });
  });

  it('a damaged copy is fetched anew', () => {
    expect(instead('image-altered', both)).toEqual({ root: { copy: undefined } });
    expect(instead('image-altered', createFacts({ root: { copy: createCopy(), offer: undefined } }))).toBeUndefined();
  });

  it('a disk that is full or broken does not keep it out of RAM', () => {
    const facts = createFacts({ root: { blocks: [USER_DATA_DISK] } });
    const other = instead('disk-full', facts);
    expect(other).toEqual({ root: { copyFailed: true } });
    expect(chooseSource(withFound(facts, other ?? {}))).toMatchObject({ kept: false });
  });

  it('there is no other way when the network or RAM is at fault', () => {
    expect(instead('download-failed', createFacts({ root: { blocks: [USER_DATA_DISK] } }))).toBeUndefined();
    expect(instead('disk-full', createFacts())).toBeUndefined();
  });
});

it('reads rootflags of the last word on the command line', () => {
  const facts = local('rootflags=a rootflags=b');
  expect(getArgument(facts.commandLine, 'rootflags')?.value).toBe('b');
  expect(chooseSource(facts)).toMatchObject({ flags: ['b'] });
});
