import { createPublicKey, verify } from 'node:crypto';
import { StatectlError } from '../../error.ts';
import { readKeyCertificate } from '../key-certificate.ts';
import { damaged, type Members } from './archive.ts';
import type { ContentDigest } from './entry.ts';
import { type BundleManifest, digestOf, parseBundleManifest, sha256Of } from './manifest.ts';

/** A bundle of which every byte is what a trusted key vouches for. */
export interface Bundle {
  readonly manifest: BundleManifest;
  /** Of the key's certificate: bundles of a key that was certified later are newer. */
  readonly notBeforeMs: number;
  /** SHA-256 of the manifest's bytes, and so of everything. */
  readonly digest: string;
  readonly members: Members;
}

const FIXED = ['bundle.cert.json', 'bundle.cert.json.sig', 'manifest.json', 'manifest.json.sig'];

const untrusted = (why: string): StatectlError =>
  new StatectlError('bundle-untrusted', why, {
    hint: 'certify the bundle key by the image key that this initramfs trusts: `statectl build keys`',
  });

/**
 * Certificate by a trusted image key → manifest by the certified key → every member by the manifest, and no other member.
 * Throws `bundle-untrusted`, `bundle-damaged`.
 */
export function verifyBundle(members: Members, trustedPems: readonly string[]): Bundle {
  const get = (name: string): Buffer => {
    const data = members.get(name);
    if (data === undefined) throw damaged(`${name} is missing`);
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  };
  const certificateText = get('bundle.cert.json').toString();
  const certificate = readKeyCertificate(certificateText, get('bundle.cert.json.sig'), trustedPems);
  if (certificate === undefined)
    throw untrusted(`its key is certified by none of the ${trustedPems.length} trusted keys`);
  const text = get('manifest.json');
  if (!verify(null, text, createPublicKey(certificate.key), get('manifest.json.sig')))
    throw untrusted('its manifest is not signed by the key that is certified');
  const manifest = parseBundleManifest(text.toString());
  if (manifest.keyId !== sha256Of(certificateText)) throw untrusted('its manifest was made for another certificate');
  const notBeforeMs = Date.parse(certificate.notBefore);
  if (!Number.isFinite(notBeforeMs)) throw untrusted('the certificate of its key says not since when it counts');
  const expected = new Map<string, ContentDigest>([
    ['settings.json', manifest.settings],
    ['config.json', manifest.config],
    ...manifest.entries.map((entry) => [`files/${entry.sha256}`, entry] as const),
  ]);
  for (const [name, { sha256, sizeBytes }] of expected) {
    const actual = digestOf(get(name));
    if (actual.sha256 !== sha256 || actual.sizeBytes !== sizeBytes)
      throw damaged(`${name} has other bytes than signed`);
  }
  for (const name of members.keys())
    if (!expected.has(name) && !FIXED.includes(name)) throw damaged(`nothing says what ${name} is for`);
  return { manifest, notBeforeMs, digest: sha256Of(text), members };
}
