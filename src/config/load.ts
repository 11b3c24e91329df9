import type { Host } from '../host/host.ts';
import type { Config } from './config.ts';
import { readConfigDir } from './config-dir.ts';
import { effectiveOf, plainSettings } from './effective.ts';
import { configInvalid } from './fault.ts';
import type { Plain } from './tree.ts';

/** The settings of a machine that no node file names. */
export interface LoadedSettings {
  readonly config: Config;
  /** The same as an admin writes them, without what nobody said. */
  readonly settings: Plain;
}

/** Reads, merges and checks a config.d. Throws one `config-invalid` with every fault. */
export async function loadSettings(host: Pick<Host, 'files'>, dir: string): Promise<LoadedSettings> {
  const read = await readConfigDir(host, dir);
  const effective = effectiveOf(read, undefined);
  // Of nodes and groups nothing is in force here: what is wrong with one stops no other machine.
  const faults = [...read.faults.filter(({ file }) => !file.startsWith('nodes/')), ...effective.faults];
  if (effective.config === undefined || faults.length > 0) throw configInvalid(faults);
  return { config: effective.config, settings: plainSettings(effective) };
}
