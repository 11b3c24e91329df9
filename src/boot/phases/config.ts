import type { Config } from '../../config/config.ts';
import { configDigest } from '../../config/digest.ts';
import { type CommandLineLayer, kernelCommandLine } from '../../config/kernel-cmdline.ts';
import type { Host } from '../../host/host.ts';
import { onDemand } from '../../on-demand.ts';
import { machineFacts } from '../machine.ts';
import type { Phase } from '../phase.ts';

const CONFIG_DIR = '/config.d';
/** config.d as the builder merged and checked it, with the digest of the files it was made of. */
export const COMPILED_CONFIG = '/config.json';

export interface CompiledConfig {
  readonly digest: string;
  readonly config: Config;
}

/** What is: config.d, with the kernel command line over it. */
export const config: Phase = {
  name: 'config',
  rounds: [
    {
      async gather(host, facts, boot) {
        const { digest, config: merged } = await readConfig(host, boot.say);
        return { config: withCommandLine(merged, facts.commandLine), machine: await machineFacts(host, digest) };
      },
    },
  ],
};

/** The compiled form where it is current: parsing YAML costs a slow machine a second. Else the files themselves. */
async function readConfig(host: Host, say: (text: string) => void): Promise<CompiledConfig> {
  const digest = await configDigest(host, CONFIG_DIR);
  const compiled = await host.files
    .readText(COMPILED_CONFIG)
    .then((text) => JSON.parse(text) as CompiledConfig | null)
    .catch(() => undefined);
  if (compiled?.digest === digest) return compiled;
  say('config.d is not what the builder compiled: reading the files');
  const { loadConfig } = await onDemand();
  return { digest, config: await loadConfig(host, CONFIG_DIR) };
}

const withScheme = (server: string): string => (/^[a-z]+:\/\//i.test(server) ? server : `http://${server}`);

/** The named arguments of the kernel command line win over config.d. Pure. */
export function withCommandLine(config: Config, layers: readonly CommandLineLayer[]): Config {
  const commandLine = kernelCommandLine(layers);
  const root = commandLine.get('root')?.value;
  const image = commandLine.get('statectl.image')?.value;
  const servers = commandLine
    .all('statectl.server')
    .flatMap(({ value }) => (value ?? '').split(',').filter(Boolean))
    .map(withScheme);
  return {
    ...config,
    boot: {
      ...config.boot,
      ...(image ? { image, root: undefined } : {}),
      // root=/dev/ram0 and the like are boot loaders' habits that mean "the initramfs decides".
      ...(root !== undefined && !/^\/dev\/(ram\d*|nfs)$/.test(root) ? { root } : {}),
    },
    server: servers.length > 0 ? { ...config.server, servers } : config.server,
  };
}
