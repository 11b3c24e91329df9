import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../config/config.ts';
import type { BundleFacts } from '../../fetch/kept-bundle.ts';
import { readKeptBundle } from '../../fetch/kept-bundle.ts';
import type { Host } from '../../host/host.ts';
import { bundleSettings, configInForce } from '../../machine/delivery/bundle-config.ts';
import { BUNDLES } from '../../machine/delivery/take-bundle.ts';
import { withSettings } from '../../machine/delivery/with-settings.ts';
import { userDataDevice } from '../../machine/facts/disks.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { RAM_BUNDLES } from '../../machine/paths.ts';
import type { ServerSettings } from './server-choice.ts';

/** What the machine is told to be now: by the bundle that it keeps, which may be newer than that of its boot. */
export interface SettingsInForce extends ServerSettings {
  readonly configDigest: string;
  readonly configOrigin: string;
  readonly bundle?: Pick<BundleFacts, 'node' | 'epoch' | 'sequence'>;
}

export interface SettingsHolder {
  settings(): SettingsInForce;
  /** Whether they are others now. */
  readAgain(): Promise<boolean>;
}

/** Holds them: the same object until they change. */
export async function settingsHolder(host: Pick<Host, 'files' | 'console'>, facts: Facts): Promise<SettingsHolder> {
  let held = await settingsInForce(host, facts);
  return {
    settings: () => held,
    async readAgain() {
      const read = await settingsInForce(host, facts);
      const isSame = isDeepStrictEqual(read, held);
      if (!isSame) held = read;
      return !isSame;
    },
  };
}

/** Reads the bundle that is kept; where there is none, what this boot had is in force. */
async function settingsInForce(host: Pick<Host, 'files' | 'console'>, facts: Facts): Promise<SettingsInForce> {
  for (const home of [...(userDataDevice(facts) ? [BUNDLES] : []), RAM_BUNDLES]) {
    const bundle = await readKeptBundle(host, home, facts.machine.trustedKeys).catch(() => undefined);
    if (!bundle) continue;
    const warn = (text: string) => host.console.line('warning', text);
    const config = await withSettings(await bundleSettings(bundle), facts.commandLine, { warn });
    const { server } = configInForce(config, facts.baked ?? facts.config, facts.commandLine);
    const { node, epoch, sequence, configDigest } = bundle.manifest;
    return {
      ...serversOf(server, config.server.servers),
      configDigest,
      configOrigin: bundle.digest === facts.bundle.inForce?.digest ? facts.bundle.inForce.origin : 'fetched',
      bundle: { epoch, sequence, ...(node !== undefined && { node }) },
    };
  }
  const { configDigest, configOrigin } = facts.machine;
  return { ...serversOf(facts.config.server, facts.config.server.servers), configDigest, configOrigin };
}

/**
 * What config.d says now is newer than the kernel command line, which iPXE had of the same config.d when the machine booted:
 * so one edit moves a machine that runs. A bundle that names no server leaves those of the boot.
 */
function serversOf(server: Config['server'], named: readonly string[]): ServerSettings {
  const usable = (urls: readonly string[]) => [...new Set(urls)].filter((url) => URL.canParse('/', url));
  const listed = usable(named.length > 0 ? named : server.servers);
  return { server, listed, all: usable([...listed, ...server.servers]) };
}
