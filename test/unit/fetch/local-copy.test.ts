import { describe, expect, it } from 'vitest';
import { localCopies } from '../../../src/fetch/local-copy.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { createFacts } from '../../fixtures/facts.ts';
import { createImage, digestOf, FOREIGN_KEY, type TestImage } from '../../fixtures/image/image.ts';

const IMAGE = createImage();
const DIGEST = IMAGE.manifest.root.sha256;
const IMAGES = '/user-data/persistent/images';

const filesOf = (image: TestImage) => ({
  [`${IMAGES}/${image.manifest.root.sha256}/manifest.json`]: image.manifestText,
  [`${IMAGES}/${image.manifest.root.sha256}/manifest.json.sig`]: image.signature,
});

async function look(files: Record<string, string | Uint8Array>) {
  const warned: string[] = [];
  const found = await localCopies(memoryHost({ files }), createFacts(), {
    warn: (text) => void warned.push(text),
  });
  return { ...found, warned };
}

describe('the copy on the disk', () => {
  it('is the one that the pointer names, with its signed manifest', async () => {
    expect(await look({ ...filesOf(IMAGE), [`${IMAGES}/current`]: `${DIGEST}\n` })).toEqual({
      copy: { dir: `${IMAGES}/${DIGEST}`, manifest: IMAGE.manifest, manifestSha256: digestOf(IMAGE.manifestText) },
      otherCopies: [],
      staleCopies: [],
      warned: [],
    });
  });

  it('is none before the pointer is written: what is there may be half a download', async () => {
    expect(await look(filesOf(IMAGE))).toEqual({
      copy: undefined,
      otherCopies: [
        { dir: `${IMAGES}/${DIGEST}`, manifest: IMAGE.manifest, manifestSha256: digestOf(IMAGE.manifestText) },
      ],
      staleCopies: [DIGEST],
      warned: [],
    });
  });

  it('is none on an empty disk', async () => {
    expect(await look({})).toEqual({ copy: undefined, otherCopies: [], staleCopies: [], warned: [] });
  });

  it.each(['', 'current', '../../etc', DIGEST.toUpperCase(), `${DIGEST}0`])(
    'is none when the pointer says "%s"',
    async (pointer) => {
      expect(await look({ ...filesOf(IMAGE), [`${IMAGES}/current`]: pointer })).toMatchObject({
        copy: undefined,
        warned: [],
      });
    },
  );

  it('is not used when no trusted key signed it, and that is said', async () => {
    const foreign = createImage({ key: FOREIGN_KEY });
    expect(await look({ ...filesOf(foreign), [`${IMAGES}/current`]: DIGEST })).toMatchObject({
      copy: undefined,
      warned: [expect.stringContaining('not signed by a trusted key')],
    });
  });

  it('is not used when its manifest is gone or torn, and that is said', async () => {
    expect(await look({ [`${IMAGES}/current`]: DIGEST })).toMatchObject({
      copy: undefined,
      warned: [expect.stringContaining('cannot be read')],
    });
    expect(
      await look({
        ...filesOf(IMAGE),
        [`${IMAGES}/${DIGEST}/manifest.json`]: IMAGE.manifestText.slice(0, 50),
        [`${IMAGES}/current`]: DIGEST,
      }),
    ).toMatchObject({ copy: undefined, warned: [expect.any(String)] });
  });

  it('is not stale, everything else that looks like one is', async () => {
    const other = 'ab'.repeat(32);
    const files = {
      ...filesOf(IMAGE),
      [`${IMAGES}/current`]: DIGEST,
      [`${IMAGES}/${other}/root.squashfs.part`]: 'half',
      [`${IMAGES}/readme`]: 'mine',
    };
    expect(await look(files)).toMatchObject({ staleCopies: [other] });
  });
});
