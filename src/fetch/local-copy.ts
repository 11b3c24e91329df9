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
}

/** What persistent storage has of images: the copy that can be booted, and folders that no pointer names. */
export async function localCopies(
  { files }: Pick<Host, 'files'>,
  facts: Pick<AskingMachine, 'machine'>,
  boot: { warn: (text: string) => void },
): Promise<LocalCopies> {
  const current = (await files.readText(`${COPIES}/${CURRENT_COPY}`).catch(() => '')).trim();
  const names = (await files.list(COPIES).catch(() => [])).filter((name) => DIGEST.test(name));
  const copy = DIGEST.test(current) ? await localCopy(files, current, facts, boot) : undefined;
  const staleCopies = names.filter((name) => name !== current);
  const others: LocalCopy[] = [];
  // What was fetched in part is nobody's fault.
  for (const name of staleCopies) {
    const other = await localCopy(files, name, facts, { warn: () => {} });
    if (other) others.push(other);
  }
  return { copy, otherCopies: others, staleCopies };
}

/** The copy of an image whose manifest a trusted key signed; its bytes are hashed before use. */
async function localCopy(
  files: Host['files'],
  current: string,
  { machine }: Pick<AskingMachine, 'machine'>,
  boot: { warn: (text: string) => void },
): Promise<LocalCopy | undefined> {
  const dir = `${COPIES}/${current}`;
  try {
    const text = await files.readText(`${dir}/manifest.json`);
    if (!manifestIsSigned(text, await files.read(`${dir}/manifest.json.sig`), machine.trustedKeys)) {
      boot.warn(`the copy in ${dir} is not signed by a trusted key: it is not used`);
      return undefined;
    }
    return { dir, manifest: parseManifest(text), manifestSha256: createHash('sha256').update(text).digest('hex') };
  } catch (error) {
    boot.warn(`the copy in ${dir} cannot be read: ${reasonOf(error)}`);
    return undefined;
  }
}

/** Where the root of an image is, in the folder of its copy. */
export const rootFile = (dir: string, { root }: Pick<Manifest, 'root'>): string => `${dir}/root.${root.type}`;

/** A copy of an image on persistent storage whose manifest is signed; its bytes are hashed before it is mounted. */
export interface LocalCopy {
  readonly dir: string;
  readonly manifest: Manifest;
  readonly manifestSha256: string;
}
