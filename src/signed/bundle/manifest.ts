import { createHash } from 'node:crypto';
import { CLAIMS, type Claims } from '../../protocol/claims.ts';
import { damaged } from './archive.ts';
import { type BundleEntry, entryFaults } from './entry.ts';

export interface ContentDigest {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export const MACHINE_CLAIMS = CLAIMS;

/** What a bundle is, besides its number: with the same content it keeps that. */
export interface BundleContent {
  readonly format: 1;
  /** The statectl whose `config.json` it is; another version reads `settings.json` by its own schemas. */
  readonly statectl: string;
  /** Absent where no node file names the machine. */
  readonly node?: string;
  /** That asked, as it named itself: a bundle is no other machine's, though anybody may read it. */
  readonly machine: Claims;
  /** SHA-256 of the key's certificate: another one, also for the same key, begins a new line. */
  readonly keyId: string;
  readonly epoch: number;
  readonly configDigest: string;
  readonly settings: ContentDigest;
  readonly config: ContentDigest;
  /** By path. */
  readonly entries: readonly BundleEntry[];
}

/** `manifest.json`: what the bundle key signs (Ed25519, in `manifest.json.sig`). */
export interface BundleManifest extends BundleContent {
  /** Over everything but `sequence` and `made`. */
  readonly contentDigest: string;
  readonly sequence: number;
  /** ISO 8601, UTC; for people. */
  readonly made: string;
}

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

const HEX64 = /^[0-9a-f]{64}$/;
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown): boolean => typeof value === 'string';
const isTextOrAbsent = (value: unknown): boolean => value === undefined || isText(value);
const isDigest = (value: unknown): boolean =>
  HEX64.test((value as ContentDigest | null)?.sha256 ?? '') && isCount((value as ContentDigest).sizeBytes);

/** Reads a manifest that is signed: then its own consistency is all that is left to check. Throws `bundle-damaged`. */
export function parseBundleManifest(text: string): BundleManifest {
  let value: BundleManifest;
  try {
    value = JSON.parse(text) as BundleManifest;
  } catch (cause) {
    throw damaged('its manifest is no JSON', cause);
  }
  if (value?.format !== 1) throw damaged(`its format is ${String(value?.format)}, this statectl reads 1`);
  const isWhole =
    [value.statectl, value.made, value.configDigest, value.contentDigest].every(isText) &&
    isTextOrAbsent(value.node) &&
    MACHINE_CLAIMS.every((claim) => isTextOrAbsent(value.machine?.[claim])) &&
    HEX64.test(value.keyId) &&
    [value.epoch, value.sequence].every(isCount) &&
    [value.settings, value.config].every(isDigest) &&
    Array.isArray(value.entries) &&
    value.entries.every((entry) => isDigest(entry) && [entry.path, entry.owner, entry.group].every(isText));
  if (!isWhole) throw damaged('its manifest lacks something');
  const [fault] = entryFaults(value.entries);
  if (fault !== undefined) throw damaged(fault);
  if (contentDigestOf({ ...value, machine: value.machine ?? {} }) !== value.contentDigest)
    throw damaged('its manifest has another digest than it says');
  return value;
}
