import { type KeyObject, sign } from 'node:crypto';
import { StatectlError } from '../../error.ts';
import type { Claims } from '../../protocol/claims.ts';
import { VERSION } from '../../version.ts';
import { type Members, packMembers } from './archive.ts';
import type { NodeContent } from './content.ts';
import { type BundleEntry, entryFaults } from './entry.ts';
import { type BundleContent, contentDigestOf, digestOf, writeBundleManifest } from './manifest.ts';

/** Who signs bundles, with what machines need to believe it. */
export interface BundleSigner {
  readonly privateKey: KeyObject;
  /** The text of `bundle.cert.json`, and the image key's signature over it. */
  readonly certificate: string;
  readonly certificateSignature: Uint8Array;
  /** SHA-256 of the certificate. */
  readonly keyId: string;
}

/** A bundle without its number. */
export interface BundleDraft {
  readonly content: BundleContent;
  readonly contentDigest: string;
  readonly members: Members;
}

/** What the bundle of a machine has in it. Throws `bundle-invalid` with every file that cannot be delivered. Pure. */
export function draftBundle(
  { node, settings, config, configDigest, files }: NodeContent,
  machine: Claims,
  { keyId, epoch }: { readonly keyId: string; readonly epoch: number },
): BundleDraft {
  const faults = entryFaults(files);
  if (faults.length > 0)
    throw new StatectlError('bundle-invalid', faults.join('\n'), { hint: 'correct the `path:` in these templates' });
  const settingsJson = Buffer.from(JSON.stringify(settings));
  const configJson = Buffer.from(JSON.stringify(config));
  const members = new Map<string, Uint8Array>([
    ['settings.json', settingsJson],
    ['config.json', configJson],
  ]);
  const entries = files.toSorted(byPath).map(({ path, mode, owner, group, content }): BundleEntry => {
    const data = Buffer.from(content);
    const entry = { path, mode, owner, group, ...digestOf(data) };
    members.set(`files/${entry.sha256}`, data);
    return entry;
  });
  const content: BundleContent = {
    format: 1,
    statectl: VERSION,
    ...(node === undefined ? {} : { node }),
    machine,
    keyId,
    epoch,
    configDigest,
    settings: digestOf(settingsJson),
    config: digestOf(configJson),
    entries,
  };
  return { content, contentDigest: contentDigestOf(content), members };
}

const byPath = (a: { readonly path: string }, b: { readonly path: string }): number => (a.path < b.path ? -1 : 1);

/** The bytes that machines get. Throws `bundle-too-large`. */
export function sealBundle(
  { content, contentDigest, members }: BundleDraft,
  number: { readonly sequence: number; readonly madeMs: number },
  signer: BundleSigner,
): Buffer {
  const { sequence, madeMs } = number;
  const made = new Date(madeMs).toISOString();
  const manifest = Buffer.from(writeBundleManifest({ ...content, contentDigest, sequence, made }));
  return packMembers(
    new Map<string, Uint8Array>([
      ...members,
      ['manifest.json', manifest],
      ['manifest.json.sig', sign(null, manifest, signer.privateKey)],
      ['bundle.cert.json', Buffer.from(signer.certificate)],
      ['bundle.cert.json.sig', signer.certificateSignature],
    ]),
  );
}
