import { withCommandLine } from '../../config/command-line/named-arguments.ts';
import { configDigest } from '../../config/digest.ts';
import type { LoadedSettings } from '../../config/load.ts';
import type { Host } from '../../host/host.ts';
import { parseRecord } from '../../host/record.ts';
import { withSettings } from '../../machine/delivery/with-settings.ts';
import { machineFacts } from '../../machine/facts/machine.ts';
import { settingsPart } from '../../on-demand.ts';
import type { Phase } from '../phase.ts';

const CONFIG_DIR = '/config.d';
/** config.d as the builder merged and checked it, with the digest of the files it was made of. */
export const COMPILED_CONFIG = '/config.json';

export interface CompiledConfig extends LoadedSettings {
  readonly digest: string;
}

/** What is: config.d in the initramfs, with the kernel command line over it. A bundle may take its place later. */
export const config: Phase = {
  name: 'config',
  rounds: [
    {
      async gather(host, facts, boot) {
        const { digest, files, notRendered, ...loaded } = await readConfig(host, boot.say);
        for (const fault of notRendered ?? [])
          boot.say(`no template of config.d in the initramfs is in force: ${fault}`);
        const merged = await withSettings(loaded, facts.commandLine, boot);
        const inForce = withCommandLine(merged, facts.commandLine);
        return {
          config: inForce,
          baked: merged,
          ...(files && files.length > 0 && { bundle: { bakedFiles: files } }),
          machine: await machineFacts(host, digest),
        };
      },
    },
  ],
};

/** The compiled form where it is current: parsing YAML costs a slow machine a second. Else the files themselves. */
async function readConfig(host: Host, say: (text: string) => void): Promise<CompiledConfig> {
  const digest = await configDigest(host, CONFIG_DIR);
  const compiled = await host.files
    .readText(COMPILED_CONFIG)
    .then((text) => parseRecord<CompiledConfig>(text, { digest: 'text', config: 'mapping' }))
    .catch(() => undefined);
  if (compiled?.digest === digest) return compiled;
  say('config.d is not what the builder compiled: reading the files');
  const { loadSettings } = await settingsPart();
  return { digest, ...(await loadSettings(host, CONFIG_DIR)) };
}
