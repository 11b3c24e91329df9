import type { BundleFacts } from '../../fetch/kept-bundle.ts';

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
}

export interface ClockFacts {
  /** What it said, and the least that it must say; 0: nothing tells. Unix milliseconds. */
  readonly nowMs: number;
  readonly floorMs: number;
}
