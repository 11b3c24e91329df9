import type { CommandLine } from '../../config/command-line/command-line.ts';
import { withCommandLine } from '../../config/command-line/named-arguments.ts';
import type { Config } from '../../config/config.ts';
import type { LoadedSettings } from '../../config/load.ts';
import type { Plain } from '../../config/tree/tree.ts';
import { parseRecord } from '../../host/record.ts';
import { settingsPart } from '../../on-demand.ts';
import type { Bundle } from '../../signed/bundle/verify.ts';
import { VERSION } from '../../version.ts';

/** Whoever signed them wrote them. */
const CONFIG = { fstab: 'mapping', server: 'mapping', users: 'mapping' } as const;

/** The settings of a bundle. Those of another version of statectl are read anew. Throws `settings-invalid`. */
export async function bundleSettings({ manifest, members }: Bundle): Promise<LoadedSettings> {
  const textOf = (name: string) => Buffer.from(members.get(name) ?? '').toString();
  const settings = parseRecord<Record<string, Plain>>(textOf('settings.json'), {});
  if (manifest.statectl === VERSION) return { config: parseRecord<Config>(textOf('config.json'), CONFIG), settings };
  const { parseSettings } = await settingsPart();
  return { config: parseSettings(settings), settings };
}

/**
 * The config in force: the bundle's in place of config.d in the initramfs, except for what finds the next bundle, the
 * servers to fall back on and the disk where bundles are kept; then the kernel command line over it. Pure.
 */
export function configInForce(bundle: Config, baked: Config, commandLine: CommandLine): Config {
  const { '/user-data': _, ...fstab } = bundle.fstab;
  const userData = baked.fstab['/user-data'];
  const config: Config = {
    ...bundle,
    fstab: { ...fstab, ...(userData && { '/user-data': userData }) },
    server: { ...bundle.server, servers: [...new Set([...bundle.server.servers, ...baked.server.servers])] },
  };
  return withCommandLine(config, commandLine);
}
