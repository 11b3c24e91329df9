import type { BundleFacts } from '../fetch/kept-bundle.ts';
import type { ServerFacts } from '../fetch/server-facts.ts';
import type { Slot, Verdict } from '../slots/cycle-state.ts';
import type { Lease } from './facts/network-facts.ts';
import type { IdentityFacts, InstallFacts } from './facts/system-facts.ts';
import type { Place } from './places/places.ts';

/** One phase of a boot, by its name in the story; milliseconds since the kernel started. */
export interface PhaseRecord {
  readonly name: string;
  readonly startedMs: number;
  readonly tookMs: number;
  readonly steps: number;
}

/** What earlier tries of this boot say; of a phase that ran several times, its last run to the end. */
export interface History {
  readonly phases: readonly PhaseRecord[];
  readonly warnings: readonly string[];
  readonly failures: readonly { readonly phase: string; readonly code: string; readonly text: string }[];
}

/** /run/statectl/boot.json: what was booted and how, for `statectl status` and the report to the server. */
export interface BootRecord {
  readonly statectl: string;
  readonly source: 'partition' | 'fetched' | 'copy';
  readonly root: { readonly type: string; readonly from: string; readonly verified: boolean };
  readonly image?: { readonly name: string; readonly version: string; readonly sha256: string };
  /** The attempt that this boot is, and how the one before ended. Absent: this machine keeps no cycle. */
  readonly cycle?: CycleRecord;
  readonly server?: string;
  /** All that are known, in the order in which they were to be asked, and why. */
  readonly servers?: readonly ServerFacts[];
  readonly kernelRelease: string;
  readonly configDigest: string;
  readonly configOrigin: string;
  /** The bundle in force. */
  readonly bundle?: Pick<BundleFacts, 'node' | 'epoch' | 'sequence' | 'contentDigest' | 'server'>;
  /** Who the machine proved to be; what its secrets are is nowhere. */
  readonly identity?: Omit<IdentityFacts, 'secrets'> & { readonly secrets: readonly string[] };
  readonly persistent?: { readonly device: string; readonly type?: string };
  readonly places: readonly Place[];
  /** The files that the install phase wrote or took away; no change of theirs is a person's. */
  readonly wrote: readonly string[];
  /** The folders that it made; what is in them may be a person's. Absent in records of earlier versions. */
  readonly folders?: readonly string[];
  readonly leases: readonly Lease[];
  readonly machineId?: Pick<InstallFacts, 'machineId' | 'machineIdOrigin'>;
  readonly init: string;
  readonly warnings: readonly string[];
  /** What failed before a person or a retry brought the boot to its end. */
  readonly failures: History['failures'];
  /** Phases that a person left out. */
  readonly skipped: readonly string[];
  readonly phases: readonly PhaseRecord[];
  /** From the start of the kernel to the hand-over. */
  readonly bootMs: number;
}

export interface CycleRecord {
  readonly cycle: number;
  readonly slot: Slot;
  /** Absent: there was none to judge. */
  readonly before?: { readonly cycle: number; readonly slot: Slot; readonly verdict: Verdict; readonly why: string };
  readonly healthyCycles: Readonly<Partial<Record<Slot, number>>>;
}
