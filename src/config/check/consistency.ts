import type { Config } from '../config.ts';
import { accountFaults } from './consistency/accounts.ts';
import { diskFaults } from './consistency/disks.ts';
import { fileFaults } from './consistency/files.ts';
import { healthFaults } from './consistency/health.ts';
import type { Inconsistency } from './consistency/inconsistency.ts';
import { kernelFaults } from './consistency/kernel.ts';
import { placeFaults } from './consistency/places.ts';
import { serverFaults } from './consistency/servers.ts';
import { stateFaults } from './consistency/state.ts';

const RULES: readonly ((config: Config) => readonly Inconsistency[])[] = [
  placeFaults,
  stateFaults,
  diskFaults,
  fileFaults,
  accountFaults,
  serverFaults,
  kernelFaults,
  healthFaults,
];

/** What cannot work, with the reason. What may work on some machines is left to the boot, which can look. Pure. */
export const inconsistencies = (config: Config): readonly Inconsistency[] => RULES.flatMap((rule) => rule(config));
