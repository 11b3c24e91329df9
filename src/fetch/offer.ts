import { createHash } from 'node:crypto';
import { StatectlError } from '../error.ts';
import { type Manifest, manifestIsSigned, parseManifest } from '../signed/image-manifest.ts';
import { type InitramfsNote, type SignedNote, signedInitramfs } from '../signed/initramfs-note.ts';

/** What a server offers to boot; the signature was checked against a baked-in key. */
export interface Offer {
  readonly server: string;
  readonly manifest: Manifest;
  /** The very bytes that were signed, and the signature in base64, to keep beside a copy. */
  readonly manifestText: string;
  readonly signature: string;
  readonly manifestSha256: string;
  /** The root image's URLs, best first. */
  readonly rootUrls: readonly string[];
  /** Folders where its other files lie by their digests, best first. */
  readonly blobs?: readonly string[];
  /** The initramfs that goes with it, where a trusted key signed which one that is. */
  readonly initramfs?: InitramfsNote;
}

/** An image as a server offered it: not verified yet. */
export interface OfferedImage {
  readonly server: string;
  readonly manifestText: string;
  /** In base64. */
  readonly signature: string;
  /** Of the root image; absent where it lies beside its manifest, in the folder that is named as server. */
  readonly rootUrl?: string;
  readonly blobs?: string;
  readonly initramfs?: SignedNote;
}

/** The offer where a trusted key signed it. Throws `manifest-unsigned`, or what is wrong with the manifest. Pure. */
export function verifyOffer(
  { server, manifestText, signature, rootUrl, blobs, initramfs }: OfferedImage,
  trustedKeys: readonly string[],
): Offer {
  if (!manifestIsSigned(manifestText, Buffer.from(signature, 'base64'), trustedKeys))
    throw new StatectlError(
      'manifest-unsigned',
      `${server} offers an image that none of the ${trustedKeys.length} trusted keys signed`,
      {
        hint: 'build the initramfs with the public key that signs the images (--keys), or sign the image with the key it trusts',
      },
    );
  const manifest = parseManifest(manifestText);
  const note = initramfs && signedInitramfs(initramfs, trustedKeys);
  return {
    server,
    manifest,
    manifestText,
    signature,
    manifestSha256: createHash('sha256').update(manifestText).digest('hex'),
    rootUrls: [rootUrl ?? new URL(manifest.root.file, server).href],
    blobs: blobs === undefined ? [] : [blobs],
    ...(note && { initramfs: note }),
  };
}

/**
 * The first of the images that were offered; who offers the same is a further source of its bytes, and so are servers that
 * were not asked. Throws what `verifyOffer` throws. Pure.
 */
export function chooseOffer(
  [first, ...others]: readonly [OfferedImage, ...OfferedImage[]],
  unasked: readonly string[],
  trustedKeys: readonly string[],
): Offer {
  const offer = verifyOffer(first, trustedKeys);
  const same = others.filter(({ manifestText }) => manifestText === first.manifestText);
  const equals = same.map((each) => verifyOffer(each, trustedKeys));
  const rootUrls = [
    ...offer.rootUrls,
    ...equals.flatMap((each) => each.rootUrls),
    ...unasked.flatMap((server) => thereToo(offer, offer.rootUrls, server)),
  ];
  const blobs = [
    ...(offer.blobs ?? []),
    ...equals.flatMap((each) => each.blobs ?? []),
    ...unasked.flatMap((server) => thereToo(offer, offer.blobs ?? [], server)),
  ];
  return { ...offer, rootUrls: [...new Set(rootUrls)], blobs: [...new Set(blobs)] };
}

/** Where another server has the same bytes, if it has them: blobs are named by their content. */
function thereToo({ server }: Offer, [url]: readonly string[], other: string): readonly string[] {
  if (url === undefined || !URL.canParse('/', other) || new URL(url).origin !== new URL(server).origin) return [];
  return [new URL(new URL(url).pathname, other).href];
}
