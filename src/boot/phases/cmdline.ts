import {
  allArguments,
  type CommandLine,
  type CommandLineLayer,
  parseCommandLine,
} from '../../config/command-line/command-line.ts';
import { checkStatectlArguments, STATECTL_ARGUMENTS } from '../../config/command-line/statectl-arguments.ts';
import type { Host } from '../../host/host.ts';
import { isLabel } from '../../protocol/labels.ts';
import type { Phase } from '../phase.ts';

const BAKED_DIR = '/etc/cmdline.d';

/** The kernel command line: baked-in layers first, what the boot loader or a person typed last. */
export const cmdline: Phase = {
  name: 'cmdline',
  rounds: [
    {
      async gather(host, _facts, boot) {
        const commandLine = await readCommandLine(host);
        for (const report of checkStatectlArguments(commandLine, Object.keys(STATECTL_ARGUMENTS)))
          boot.warn(report.message);
        for (const { raw, origin, value = '' } of allArguments(commandLine, 'statectl.label'))
          if (!value.split(',').every(isLabel))
            boot.warn(`${origin}: ${raw}: expected statectl.label=NAME=VALUE; what is no label is ignored`);
        return { commandLine };
      },
    },
  ],
};

/** The one place of a boot where it is parsed: everything else reads the fact. */
export const readCommandLine = async (host: Pick<Host, 'files'>): Promise<CommandLine> =>
  parseCommandLine(await commandLineLayers(host));

/** Lowest first: /etc/cmdline.d/*.conf, /etc/cmdline, /proc/cmdline. */
export async function commandLineLayers({ files }: Pick<Host, 'files'>): Promise<readonly CommandLineLayer[]> {
  const layers: CommandLineLayer[] = [];
  const baked = (await files.list(BAKED_DIR).catch(() => []))
    .filter((name) => name.endsWith('.conf'))
    .map((name) => `${BAKED_DIR}/${name}`);
  for (const path of [...baked, '/etc/cmdline', '/proc/cmdline']) {
    const text = await files.readText(path).catch(() => undefined);
    if (text !== undefined) layers.push({ origin: path, text: text.replace(/\n/g, ' ').trim() });
  }
  return layers;
}
