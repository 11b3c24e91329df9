import type { Config } from './config.ts';
import { accountFaults } from './consistency/accounts.ts';
import { diskFaults } from './consistency/disks.ts';
import { fileFaults } from './consistency/files.ts';
import { kernelFaults } from './consistency/kernel.ts';
import { placeFaults } from './consistency/places.ts';
import { serverFaults } from './consistency/servers.ts';
import type { SettingPath } from './tree.ts';

/** Settings that each may be, but not together. */
export interface Inconsistency {
  /** The setting to change. */
  readonly path: SettingPath;
  readonly message: string;
}

const RULES: readonly ((config: Config) => readonly Inconsistency[])[] = [
  placeFaults,
  diskFaults,
  fileFaults,
  accountFaults,
  serverFaults,
  kernelFaults,
];

/** What cannot work, with the reason. What may work on some machines is left to the boot, which can look. Pure. */
export const inconsistencies = (config: Config): readonly Inconsistency[] => RULES.flatMap((rule) => rule(config));
