import { join } from 'node:path';
import { StatectlError } from '../../error.ts';
import { startsAsInitramfs } from '../../image/initramfs/initramfs-magic.ts';
import { filesOf, type Manifest, manifestIsSigned, parseManifest } from '../../signed/image-manifest.ts';
import { parseInitramfsNote, type SignedNote } from '../../signed/initramfs-note.ts';
import { lockStore } from '../lock.ts';
import { blobPath, type Store, temporaryPath } from '../store/store.ts';
import {
  copyHashed,
  type Digest,
  digestFile,
  type Links,
  type Opening,
  readSmallFile,
  sameDigest,
} from './blob-file.ts';
import { type ImageName, writeImageName } from './image-name.ts';
import { blobsOf, type ImageRecord, readImage, removeUnusedBlobs, writeImage } from './image-record.ts';

const LARGEST_MANIFEST_BYTES = 1024 * 1024;
const SIGNATURE_BYTES = 64;
/** What a kernel could unpack into the RAM of a machine. */
const LARGEST_INITRAMFS_BYTES = 4 * 1024 ** 3;

export interface AddOptions {
  /** Default: `initramfs.img` beside the manifest. It is not in the manifest: it was trusted before that could be read. */
  readonly initramfs?: string;
  /** Public keys (PEM), one of which must have signed the image; default: none is known here. */
  readonly trusted?: readonly string[];
  /** Told which file is being copied, since that can take a while. */
  readonly onFile?: (path: string, sizeBytes: number) => void;
}

export interface AddedImage extends ImageName {
  readonly outcome: 'added' | 'already-there';
  readonly record: ImageRecord;
}

/** Copies a file into the store unless it is there, reading every byte of it either way. Throws `image-mismatch`. */
async function keepBlob(store: Store, from: string, expected: Digest, links: Links): Promise<void> {
  const check = (found: Digest) => {
    if (sameDigest(found, expected)) return;
    const what =
      found.sizeBytes === expected.sizeBytes
        ? `has sha256 ${found.sha256}, the manifest says ${expected.sha256}`
        : `has ${found.sizeBytes} bytes, the manifest says ${expected.sizeBytes}`;
    throw new StatectlError('image-mismatch', `${from} is not the file of this image: it ${what}`, {
      hint: 'it was changed or cut off after the image was signed: copy or build the image again',
    });
  };
  // Before the first byte is read: a file of holes costs nothing to make, and hours to read.
  const opening: Opening = { links, look: (_, sizeBytes) => check({ sha256: expected.sha256, sizeBytes }) };
  const path = blobPath(store, expected.sha256);
  // A blob that rotted on the disk is replaced by the good copy; its readers keep the file they opened.
  const there = (await store.host.files.stat(path)) !== undefined && sameDigest(await digestFile(path), expected);
  if (there) return check(await digestFile(from, opening));
  const nameOf = (found: Digest) => {
    check(found);
    return path;
  };
  await copyHashed(store.host.files, from, temporaryPath(store), nameOf, opening);
}

/** Refuses another content under a version that machines may be booting right now: `image-differs`. */
function refuseDifference(image: ImageName, old: ImageRecord, now: ImageRecord): void {
  const differing = [
    ...(old.manifest === now.manifest ? [] : ['manifest']),
    ...(old.signature === now.signature ? [] : ['signature']),
    ...(['kernel', 'root', 'initramfs'] as const).filter((part) => !sameDigest(old.files[part], now.files[part])),
  ];
  if (differing.length === 0) return;
  throw new StatectlError(
    'image-differs',
    `${writeImageName(image)} is there already with another ${differing.join(', ')}: versions are never replaced in place`,
    { hint: 'build it with a new version, or remove the old one first with `statectl image remove`' },
  );
}

/** What tells an initramfs from any other file; what is in it, the machines' firmware does not check either. */
function mustBeInitramfs(path: string, start: Buffer, sizeBytes: number): void {
  if (sizeBytes <= LARGEST_INITRAMFS_BYTES && startsAsInitramfs(start)) return;
  const why =
    sizeBytes > LARGEST_INITRAMFS_BYTES
      ? `it has ${sizeBytes} bytes`
      : 'it begins neither as a cpio archive nor as one that is compressed';
  throw new StatectlError('initramfs-damaged', `${path} is no initramfs: ${why}`, {
    hint: 'make it with `statectl initramfs build`, or name another with --initramfs',
  });
}

function mustBeSigned(path: string, text: string, signature: Buffer, trusted: readonly string[] | undefined): void {
  if (signature.length !== SIGNATURE_BYTES)
    throw new StatectlError('image-unsigned', `${path} is no Ed25519 signature`, {
      hint: 'it has 64 bytes; sign the image with `statectl build image --keys DIR`',
    });
  if (trusted !== undefined && !manifestIsSigned(text, signature, trusted))
    throw new StatectlError('image-unsigned', `${path} was not made by the image key that is known here`, {
      hint: 'no machine that trusts that key would boot it: build the image again, or name the keys of its builder with --keys',
    });
}

async function recordOf(
  store: Store,
  dir: string,
  { path: initramfs, links }: { readonly path: string; readonly links: Links },
  trusted: AddOptions['trusted'],
): Promise<{ manifest: Manifest; record: ImageRecord }> {
  const text = (await readSmallFile(join(dir, 'manifest.json'), LARGEST_MANIFEST_BYTES)).toString('utf8');
  const manifest = parseManifest(text);
  const signature = await readSmallFile(join(dir, 'manifest.json.sig'), LARGEST_MANIFEST_BYTES);
  mustBeSigned(join(dir, 'manifest.json.sig'), text, signature, trusted);
  const look = (start: Buffer, sizeBytes: number) => mustBeInitramfs(initramfs, start, sizeBytes);
  const only = ({ sha256, sizeBytes }: Digest): Digest => ({ sha256, sizeBytes });
  const digest = await digestFile(initramfs, { links, look });
  const note = await noteOf(store, { path: initramfs, digest, kernelRelease: manifest.kernelRelease }, trusted);
  const record: ImageRecord = {
    format: 1,
    manifest: text,
    signature: signature.toString('base64'),
    files: { kernel: only(manifest.kernel), root: only(manifest.root), initramfs: digest },
    ...(note && { initramfsNote: note }),
    addedAt: new Date(store.host.clock.now()).toISOString(),
  };
  return { manifest, record };
}

/**
 * What the builder signed of this very initramfs. Absent where nothing was signed: machines boot it from the network, and write none
 * of it to their disks. Throws `image-mismatch`, `image-unsigned`, `initramfs-note-invalid`.
 */
async function noteOf(
  { host }: Store,
  { path, digest, kernelRelease }: { readonly path: string; readonly digest: Digest; readonly kernelRelease: string },
  trusted: AddOptions['trusted'],
): Promise<SignedNote | undefined> {
  const file = `${path}.json`;
  if ((await host.files.stat(file)) === undefined) return undefined;
  const text = (await readSmallFile(file, LARGEST_MANIFEST_BYTES)).toString('utf8');
  const signature = await readSmallFile(`${file}.sig`, LARGEST_MANIFEST_BYTES);
  mustBeSigned(`${file}.sig`, text, signature, trusted);
  const said = parseInitramfsNote(text);
  if (sameDigest(said, digest) && said.kernelRelease === kernelRelease)
    return { text, signature: signature.toString('base64') };
  throw new StatectlError('image-mismatch', `${file} is not of ${path}: it is signed for other bytes`, {
    hint: `build the initramfs again; without ${file} and its .sig it is taken, and no machine keeps it on its disk`,
  });
}

/** Who may replace a link decides what is published: the operator names the folder itself. */
async function refuseLink({ host }: Store, dir: string): Promise<void> {
  if ((await host.files.stat(dir))?.type !== 'symlink') return;
  throw new StatectlError('image-incomplete', `${dir} is a symbolic link to ${await host.files.readlink(dir)}`, {
    hint: 'name the folder of the image itself',
  });
}

/**
 * Takes the image in `dir` into the store. Every file is read and checked against the manifest; the record is written
 * last, so an interrupted call leaves no image. The signature is kept, and judged where a key is known: machines judge it
 * with the keys they trust. The folder may be another person's: no link in it is followed, nor is the folder one.
 */
export async function addImage(store: Store, dir: string, options: AddOptions = {}): Promise<AddedImage> {
  await refuseLink(store, dir);
  const initramfs =
    options.initramfs === undefined
      ? ({ path: join(dir, 'initramfs.img'), links: 'refused' } as const)
      : ({ path: options.initramfs, links: 'followed' } as const);
  const { manifest, record } = await recordOf(store, dir, initramfs, options.trusted);
  const image = { name: manifest.name, version: manifest.version };
  await using _lock = await lockStore(store);
  // Under the lock nobody else has a temporary file: what is here was left by a power cut.
  for (const left of await store.host.files.list(temporaryPath(store)))
    await store.host.files.remove(join(temporaryPath(store), left));
  const old = (await readImage(store, image))?.record;
  if (old !== undefined) refuseDifference(image, old, record);
  const sources = [
    ...filesOf(manifest).map((file) => ({ from: join(dir, file.file), blob: file, links: 'refused' as const })),
    { from: initramfs.path, blob: record.files.initramfs, links: initramfs.links },
  ];
  const isNews = old === undefined || (old.initramfsNote === undefined && record.initramfsNote !== undefined);
  try {
    for (const { from, blob, links } of sources) {
      options.onFile?.(from, blob.sizeBytes);
      await keepBlob(store, from, blob, links);
    }
    if (isNews) await writeImage(store, image, { ...record, ...old, ...noteIn(record) });
  } catch (error) {
    // What went wrong first is what the operator must read.
    await removeUnusedBlobs(store, blobsOf(record)).catch(() => []);
    throw error;
  }
  return {
    ...image,
    outcome: old === undefined ? 'added' : 'already-there',
    record: { ...record, ...old, ...noteIn(record) },
  };
}

const noteIn = ({ initramfsNote }: ImageRecord): Partial<ImageRecord> => (initramfsNote ? { initramfsNote } : {});
