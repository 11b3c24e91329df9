import { createHash } from 'node:crypto';
import { reasonOf } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { Manifest } from '../signed/image-manifest.ts';
import { manifestIsSigned, parseManifest } from '../signed/image-manifest.ts';
import type { AskingMachine } from './asking-machine.ts';

/** The pointer to the copy that booted last, written after the copy is whole: its digest, hence its folder. */
export const CURRENT_COPY = 'current';

const DIGEST = /^[0-9a-f]{64}$/;

/** On persistent storage. */
export const COPIES = '/user-data/persistent/images';

interface LocalCopies {
  readonly copy: LocalCopy | undefined;
  /** Others that are signed: another system of this machine. */
  readonly otherCopies: readonly LocalCopy[];
  /** Digests of images that are not the copy: interrupted downloads, and what they replaced. */
  readonly staleCopies: readonly string[];
  /** Digests of folders that the disk does not give, or that nobody can list: what is in them is unknown, and not gone. */
  readonly unreadableCopies?: Unreadable;
}

type Unreadable = readonly string[] | 'all';

/** What is another thing than it should be is none; any other answer of the kernel says nothing of what is there. */
const NONE = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'EINVAL'];
/** It is there, for all that anybody knows, and the disk does not give it. */
export const isOfDisk = (error: unknown): boolean => {
  const { code, syscall } = error as Partial<NodeJS.ErrnoException>;
  return syscall !== undefined && !NONE.includes(String(code));
};

/** What persistent storage has of images: the copy that can be booted, and folders that no pointer names. */
export async function localCopies(
  { files }: Pick<Host, 'files'>,
  facts: Pick<AskingMachine, 'machine'>,
  boot: { warn: (text: string) => void },
): Promise<LocalCopies> {
  let unreadable: Unreadable = [];
  const current = (
    await files.readText(`${COPIES}/${CURRENT_COPY}`).catch((error: unknown) => {
      if (isOfDisk(error)) boot.warn(`which copy booted last cannot be read: ${reasonOf(error)}`);
      return '';
    })
  ).trim();
  const listed = await files.list(COPIES).catch((error: unknown) => {
    if (isOfDisk(error)) {
      unreadable = 'all';
      boot.warn(`the images in ${COPIES} cannot be read, and none is forgotten for it: ${reasonOf(error)}`);
    }
    return [];
  });
  const names = listed.filter((name) => DIGEST.test(name));
  const read = async (digest: string, warn: (text: string) => void): Promise<LocalCopy | undefined> => {
    try {
      return await localCopy(files, `${COPIES}/${digest}`, facts, { warn });
    } catch (error) {
      if (!isOfDisk(error)) {
        warn(`the copy in ${COPIES}/${digest} cannot be read: ${reasonOf(error)}`);
        return undefined;
      }
      boot.warn(`the image in ${COPIES}/${digest} is UNREADABLE; it is neither booted nor removed: ${reasonOf(error)}`);
      if (unreadable !== 'all') unreadable = [...unreadable, digest];
      return undefined;
    }
  };
  const copy = DIGEST.test(current) ? await read(current, boot.warn) : undefined;
  const staleCopies = names.filter((name) => name !== current);
  const others: LocalCopy[] = [];
  // What was fetched in part is nobody's fault.
  for (const name of staleCopies) {
    const other = await read(name, () => {});
    if (other) others.push(other);
  }
  return { copy, otherCopies: others, staleCopies, ...(unreadable.length > 0 && { unreadableCopies: unreadable }) };
}

/** The copy of an image whose manifest a trusted key signed; its bytes are hashed before use. Throws why it cannot be read. */
export async function localCopy(
  files: Host['files'],
  dir: string,
  { machine }: Pick<AskingMachine, 'machine'>,
  boot: { warn: (text: string) => void },
): Promise<LocalCopy | undefined> {
  const text = await files.readText(`${dir}/manifest.json`);
  if (!manifestIsSigned(text, await files.read(`${dir}/manifest.json.sig`), machine.trustedKeys)) {
    boot.warn(`the copy in ${dir} is not signed by a trusted key: it is not used`);
    return undefined;
  }
  return { dir, manifest: parseManifest(text), manifestSha256: createHash('sha256').update(text).digest('hex') };
}

/** Where the root of an image is, in the folder of its copy. */
export const rootFile = (dir: string, { root }: Pick<Manifest, 'root'>): string => `${dir}/root.${root.type}`;

/** A copy of an image on persistent storage whose manifest is signed; its bytes are hashed before it is mounted. */
export interface LocalCopy {
  readonly dir: string;
  readonly manifest: Manifest;
  readonly manifestSha256: string;
  /** The partition that its root lies on, from the beginning. Absent: it is a file in the folder. */
  readonly device?: string;
  /** The partition has its tree, unpacked. */
  readonly unpacked?: true;
}

/** Where the root of a copy is. */
export const rootOf = ({ dir, manifest, device }: Pick<LocalCopy, 'dir' | 'manifest' | 'device'>): string =>
  device ?? rootFile(dir, manifest);
