import type { Config } from '../../config/config.ts';
import type { MachineIdentity } from '../../protocol/machine-identity.ts';

/** A template rendered for one machine. */
export interface RenderedFile {
  /** Absolute, in the machine's system. */
  readonly path: string;
  readonly content: string;
  /** Permission bits. */
  readonly mode: number;
  /** Names of the machine's own system, or numbers. */
  readonly owner: string;
  readonly group: string;
  /** Where it comes from, for messages. */
  readonly template: string;
}

/** What config.d says of one machine. */
export interface NodeContent {
  /** undefined: no node file names this machine. */
  readonly node: string | undefined;
  /** Merged, as an admin writes it: what the schemas take. */
  readonly settings: object;
  /** The same, parsed. */
  readonly config: Config;
  readonly configDigest: string;
  readonly files: readonly RenderedFile[];
}

/** By the last checked commit of config.d. Throws a StatectlError that names every fault of this machine's part. */
export type RenderNode = (machine: MachineIdentity) => Promise<NodeContent>;
