import { type CheckedFault, checkConfigDir } from './check/check.ts';
import { foldFaults } from './check/fold-faults.ts';
import { type ConfigDir, readConfigDir } from './config-dir.ts';
import { type Snapshot, snapshotHost } from './history/snapshot.ts';
import { readTemplates, type TemplateSet } from './templates/template-set.ts';

/** A config.d of one moment, ready to be asked for any machine. */
export interface LoadedConfig {
  readonly dir: ConfigDir;
  readonly templates: TemplateSet;
}

export async function loadSnapshot(snapshot: Snapshot): Promise<LoadedConfig> {
  const { host, dir } = snapshotHost(snapshot);
  return { dir: await readConfigDir(host, dir), templates: await readTemplates(host, dir) };
}

/** Checks all of it, for every machine. */
export async function checkSnapshot(snapshot: Snapshot): Promise<readonly CheckedFault[]> {
  const { dir, templates } = await loadSnapshot(snapshot);
  return foldFaults(checkConfigDir(dir, templates).faults);
}
