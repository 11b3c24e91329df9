import type { Config } from '../../config/config.ts';
import type { Files } from '../../host/host.ts';
import { recordOrNone } from '../../host/record.ts';
import { RUN } from '../../machine/paths.ts';
import type { Entry } from '../entry.ts';

/** For everybody to read: digests of what is public, and no secret. */
export const APPLIED = `${RUN}/applied.json`;

/** A setting that the running system cannot take on, and why. */
export interface NeedsReboot {
  readonly path: string;
  readonly why?: string;
  /** No reboot is needed: it waits for who must not be disturbed. */
  readonly waits?: true;
}

/** What the agent made of the running system since its boot. */
export interface AppliedRecord {
  /** The bundle that the system is as, but for what needs a reboot. */
  readonly bundle?: {
    readonly node?: string;
    readonly epoch: number;
    readonly sequence: number;
    readonly contentDigest: string;
  };
  /** Unix milliseconds. */
  readonly atMs: number;
  /** By path, what was put there last: whatever else is there now is a person's. */
  readonly files: Readonly<Record<string, Entry>>;
  /** What was being put there when this was written: an agent that is killed leaves the one or the other. */
  readonly applying?: Readonly<Record<string, Entry>>;
  readonly users: Config['users'];
  readonly fstab: Config['fstab'];
  /** What else may be there since somebody who was killed was about to make it. */
  readonly meanwhile?: Pick<Config, 'users' | 'fstab'>;
  readonly needsReboot: readonly NeedsReboot[];
  /** Paths that a person edited, and that were left. */
  readonly keptLocal: readonly string[];
  /** What was told: nobody hears the same at each look. */
  readonly warnings: readonly string[];
}

/** undefined: nothing was applied since the boot. One that cannot be read counts as none. */
export async function readApplied(files: Pick<Files, 'readText'>): Promise<AppliedRecord | undefined> {
  const text = await files.readText(APPLIED).catch(() => undefined);
  return recordOrNone<AppliedRecord>(text, { files: 'mapping' });
}

export const writeApplied = (files: Pick<Files, 'write'>, record: AppliedRecord): Promise<void> =>
  files.write(APPLIED, `${JSON.stringify(record, null, 1)}\n`);
