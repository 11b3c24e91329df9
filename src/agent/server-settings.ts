import { isDeepStrictEqual } from 'node:util';
import { bundleSettings, configInForce } from '../boot/bundle-config.ts';
import type { BundleFacts, Facts } from '../boot/facts.ts';
import { RAM_BUNDLES } from '../boot/paths.ts';
import { withCommandLine, withSettings } from '../boot/phases/config.ts';
import { userDataDevice } from '../boot/phases/devices.ts';
import { BUNDLES } from '../boot/take-bundle.ts';
import type { Config } from '../config/config.ts';
import { readKeptBundle } from '../fetch/kept-bundle.ts';
import type { Host } from '../host/host.ts';
import type { ServerSettings } from './server-choice.ts';

/** What the machine is told to be now: by the bundle that it keeps, which may be newer than that of its boot. */
export interface SettingsInForce extends ServerSettings {
  readonly configDigest: string;
  readonly configOrigin: string;
  readonly bundle?: Pick<BundleFacts, 'node' | 'epoch' | 'sequence'>;
}

/** Holds them: the same object until they change. */
export async function settingsHolder(host: Pick<Host, 'files' | 'console'>, facts: Facts) {
  let held = await settingsInForce(host, facts);
  return {
    settings: (): SettingsInForce => held,
    /** Whether they are others now. */
    async readAgain(): Promise<boolean> {
      const read = await settingsInForce(host, facts);
      const isSame = isDeepStrictEqual(read, held);
      if (!isSame) held = read;
      return !isSame;
    },
  };
}

/** Reads the bundle that is kept; where there is none, what this boot had is in force. */
async function settingsInForce(host: Pick<Host, 'files' | 'console'>, facts: Facts): Promise<SettingsInForce> {
  const atBoot = ofConfig(facts.config.server, facts.config.server, facts);
  for (const home of [...(userDataDevice(facts) ? [`/user-data${BUNDLES}`] : []), RAM_BUNDLES]) {
    const bundle = await readKeptBundle(host, home, facts.machine.trustedKeys).catch(() => undefined);
    if (!bundle) continue;
    const warn = (text: string) => host.console.line('warning', text);
    const config = await withSettings(await bundleSettings(bundle), facts.commandLine, { warn });
    const baked = facts.baked ?? facts.config;
    const { node, epoch, sequence, configDigest } = bundle.manifest;
    return {
      ...ofConfig(
        withCommandLine(config, facts.commandLine).server,
        configInForce(config, baked, facts.commandLine).server,
        facts,
      ),
      configDigest,
      configOrigin: bundle.digest === facts.bundle?.digest ? facts.bundle.origin : 'fetched',
      bundle: { epoch, sequence, ...(node !== undefined && { node }) },
    };
  }
  return atBoot;
}

/** A bundle that names no server leaves those of the initramfs. */
function ofConfig(named: Config['server'], inForce: Config['server'], facts: Facts): SettingsInForce {
  const usable = (urls: readonly string[]) => urls.filter((url) => URL.canParse('/', url));
  const all = usable(inForce.servers);
  const listed = usable(named.servers);
  const { bundle, machine } = facts;
  return {
    server: inForce,
    listed: listed.length > 0 ? listed : all,
    all,
    configDigest: machine.configDigest,
    configOrigin: machine.configOrigin,
    ...(bundle && {
      bundle: { epoch: bundle.epoch, sequence: bundle.sequence, ...(bundle.node && { node: bundle.node }) },
    }),
  };
}
