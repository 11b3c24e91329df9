import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { CLAIMS, Claims } from '../../protocol/claims.ts';
import { readSaid } from '../../protocol/read-answer.ts';
import { damaged } from './archive.ts';
import { BundleEntry, ContentDigest, entryFaults } from './entry.ts';

export const MACHINE_CLAIMS = CLAIMS;

const count = () => z.int().check(z.minimum(0));

/** `manifest.json`: what the bundle key signs (Ed25519, in `manifest.json.sig`). */
export const BundleManifest = z.object({
  format: z.literal(1),
  /** The statectl whose `config.json` it is; another version reads `settings.json` by its own schemas. */
  statectl: z.string(),
  /** Absent where no node file names the machine. */
  node: z.optional(z.string()),
  /** That asked, as it named itself: a bundle is no other machine's, though anybody may read it. */
  machine: z._default(Claims, {}),
  /** SHA-256 of the key's certificate: another one, also for the same key, begins a new line. */
  keyId: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  epoch: count(),
  configDigest: z.string(),
  settings: ContentDigest,
  config: ContentDigest,
  /** By path. */
  entries: z.readonly(z.array(BundleEntry)),
  /** Over everything but `sequence` and `made`. */
  contentDigest: z.string(),
  sequence: count(),
  /** ISO 8601, UTC; for people. */
  made: z.string(),
});
export type BundleManifest = Readonly<z.infer<typeof BundleManifest>>;

/** What a bundle is, besides its number: with the same content it keeps that. */
export type BundleContent = Omit<BundleManifest, 'contentDigest' | 'sequence' | 'made'>;

export const sha256Of = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
export const digestOf = (data: Uint8Array): ContentDigest => ({ sha256: sha256Of(data), sizeBytes: data.length });

/** In this order, whatever the order in which the fields were said. */
export const contentDigestOf = (content: BundleContent): string => {
  const { format, statectl, node, machine, keyId, epoch, configDigest, settings, config, entries } = content;
  const { macs, ...claims } = machine;
  const known = MACHINE_CLAIMS.filter((claim) => claim !== 'macs').map((claim) => claims[claim]);
  return sha256Of(
    JSON.stringify([
      // A machine with one card has the digest that it always had.
      [format, statectl, node, ...known, keyId, epoch, configDigest, ...(macs === undefined ? [] : [macs])],
      [settings, config].map(({ sha256, sizeBytes }) => [sha256, sizeBytes]),
      entries.map((entry) => [entry.path, entry.mode, entry.owner, entry.group, entry.sha256, entry.sizeBytes]),
    ]),
  );
};

export const writeBundleManifest = (manifest: BundleManifest): string => `${JSON.stringify(manifest, null, 1)}\n`;

/** Reads a manifest that is signed: then its own consistency is all that is left to check. Throws `bundle-damaged`. */
export function parseBundleManifest(text: string): BundleManifest {
  const { value, fault } = readSaid(text, AnyManifest);
  if (fault !== undefined) throw damaged('its manifest is no JSON');
  if (value.format !== 1) throw damaged(`its format is ${String(value.format)}, this statectl reads 1`);
  const manifest = BundleManifest.safeParse(value).data;
  if (!manifest) throw damaged('its manifest lacks something');
  const [wrong] = entryFaults(manifest.entries);
  if (wrong !== undefined) throw damaged(wrong);
  if (contentDigestOf(manifest) !== manifest.contentDigest)
    throw damaged('its manifest has another digest than it says');
  return manifest;
}

/** Of whatever version. */
const AnyManifest = z.looseObject({ format: z.optional(z.unknown()) });
