import type { Host } from '../host/host.ts';
import type { Config } from './config.ts';
import { readConfigDir } from './config-dir.ts';
import { effectiveOf } from './effective.ts';
import { configInvalid } from './fault.ts';

/** Reads, merges and checks the settings of a machine that no node file names. Throws one `config-invalid` with every fault. */
export async function loadConfig(host: Pick<Host, 'files'>, dir: string): Promise<Config> {
  const read = await readConfigDir(host, dir);
  const { config, faults } = effectiveOf(read, undefined);
  const all = [...read.faults, ...faults];
  if (config === undefined || all.length > 0) throw configInvalid(all);
  return config;
}
