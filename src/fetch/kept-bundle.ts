import type { Host } from '../host/host.ts';
import { damaged, LARGEST_BUNDLE_BYTES, type Members, unpackMembers } from '../signed/bundle/archive.ts';
import { sha256Of } from '../signed/bundle/manifest.ts';
import { type Bundle, verifyBundle } from '../signed/bundle/verify.ts';

type Files = Host['files'];

/** The pointer to the bundle that counts, written when it is whole: its digest, hence its folder. */
const CURRENT = 'current';
const DIGEST = /^[0-9a-f]{64}$/;

export const bundleFolder = (home: string, digest: string): string => `${home}/${digest}`;

/** The bundle that an earlier boot kept, verified anew; undefined when there is none. Throws what `verifyBundle` throws. */
export async function readKeptBundle(
  { files }: Pick<Host, 'files'>,
  home: string,
  trustedPems: readonly string[],
): Promise<Bundle | undefined> {
  if (!(await files.stat(`${home}/${CURRENT}`))) return undefined;
  const current = (await files.readText(`${home}/${CURRENT}`)).trim();
  if (!DIGEST.test(current)) throw damaged(`${home}/${CURRENT} names none`);
  const bundle = verifyBundle(await readMembers(files, bundleFolder(home, current)), trustedPems);
  if (bundle.digest !== current) throw damaged(`${home}/${CURRENT} names another`);
  return bundle;
}

async function readMembers(files: Files, folder: string): Promise<Members> {
  const members = new Map<string, Buffer>();
  let leftBytes = LARGEST_BUNDLE_BYTES;
  const read = async (below: string): Promise<void> => {
    for (const name of await files.list(`${folder}/${below}`).catch(() => [])) {
      const stat = await files.stat(`${folder}/${below}${name}`);
      if (stat?.type !== 'file') continue;
      leftBytes -= stat.sizeBytes;
      if (leftBytes < 0) throw damaged(`${folder} has more than a bundle can have`);
      members.set(below + name, await files.read(`${folder}/${below}${name}`));
    }
  };
  await read('');
  await read('files/');
  return members;
}

/**
 * Keeps a verified bundle as the one that counts. Until the pointer is written, the one before is whole; from then on this
 * one is. Throws `bundle-damaged` when the archive is not the one that was verified.
 */
export async function keepBundle(
  { files }: Pick<Host, 'files'>,
  home: string,
  { archive, sha256, digest }: { readonly archive: string; readonly sha256: string; readonly digest: string },
): Promise<void> {
  const bytes = await files.read(archive);
  if (sha256Of(bytes) !== sha256) throw damaged(`${archive} changed after it was verified`);
  const fresh = `${home}/new`;
  await files.mkdir(home, 0o700);
  await files.remove(fresh);
  await files.mkdir(`${fresh}/files`, 0o700);
  for (const [name, data] of unpackMembers(bytes)) await files.write(`${fresh}/${name}`, data, { mode: 0o600 });
  // Only one that was found damaged can have this name.
  await files.remove(bundleFolder(home, digest));
  await files.rename(fresh, bundleFolder(home, digest));
  await files.write(`${home}/${CURRENT}`, `${digest}\n`);
  for (const name of await files.list(home))
    if (DIGEST.test(name) && name !== digest) await files.remove(bundleFolder(home, name));
}

/** A bundle that is verified and kept on this machine. */
export interface BundleFacts {
  /** `cached`: kept at an earlier boot. */
  readonly origin: 'cached' | 'fetched';
  /** The folder with its members, as the running system sees it. */
  readonly dir: string;
  /** SHA-256 of its manifest. */
  readonly digest: string;
  readonly contentDigest: string;
  /** Absent where no node file on the server names this machine. */
  readonly node?: string;
  readonly notBeforeMs: number;
  readonly epoch: number;
  readonly sequence: number;
  /** The server that sent it, or said that it is current. */
  readonly server?: string;
}

/** A verified bundle as it came. */
export interface NewBundle {
  readonly server: string;
  readonly archive: string;
  /** Of the archive. */
  readonly sha256: string;
  /** Of the manifest. */
  readonly digest: string;
}
