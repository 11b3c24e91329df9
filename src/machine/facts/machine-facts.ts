import type { BundleFacts } from '../../fetch/kept-bundle.ts';
import type { EndFacts } from '../pstore/end-facts.ts';
import type { WatchdogFacts } from '../watchdog/watchdog-facts.ts';

export interface MachineFacts {
  /** As `uname -m` prints it. */
  readonly arch: string;
  readonly kernelRelease: string;
  readonly ramBytes: number;
  readonly uuid?: string;
  readonly serial?: string;
  readonly product?: string;
  /** PEM public keys whose signatures count, baked into the initramfs. */
  readonly trustedKeys: readonly string[];
  /** SHA-256 of the config in force, and where it came from. */
  readonly configDigest: string;
  readonly configOrigin: 'baked' | BundleFacts['origin'];
  readonly clock?: ClockFacts;
  /** Absent without one. */
  readonly watchdog?: WatchdogFacts;
  /** Absent where nothing tells how the boot before this one ended. */
  readonly lastEnd?: EndFacts;
}

export interface ClockFacts {
  /** What it said, and the least that it must say; 0: nothing tells. Unix milliseconds. */
  readonly nowMs: number;
  readonly floorMs: number;
}
