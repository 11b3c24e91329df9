import type { CommandLine } from '../../config/command-line/command-line.ts';
import type { Config } from '../../config/config.ts';
import type { KnownServers } from '../../fetch/server-facts.ts';
import type { BundleChoice } from './bundle-facts.ts';
import type { MachineFacts } from './machine-facts.ts';
import type { NetworkFacts } from './network-facts.ts';
import type { RootFacts } from './root-facts.ts';
import type { SystemFacts } from './system-facts.ts';

/**
 * What a boot knows, as plain data. Each phase adds its own part and reads the parts before it, so the facts of one
 * boot, kept in /run/statectl/facts.json, give the same plan on any machine.
 */
export interface Facts {
  readonly commandLine: CommandLine;
  /** In force: of config.d in the initramfs or of a bundle, with the kernel command line over it. */
  readonly config: Config;
  /** Of config.d in the initramfs, whatever came later. */
  readonly baked?: Config;
  readonly machine: MachineFacts;
  readonly network: NetworkFacts;
  readonly servers: KnownServers;
  readonly bundle: BundleChoice;
  readonly root: RootFacts;
  readonly system: SystemFacts;
}
