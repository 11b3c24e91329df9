import { checkStatectlArguments, type CommandLineLayer, kernelCommandLine } from '../../config/kernel-cmdline.ts';
import type { Host } from '../../host/host.ts';
import type { Phase } from '../phase.ts';

const BAKED_DIR = '/etc/cmdline.d';

/** Every `statectl.` argument there is; others get a warning with a suggestion. */
export const STATECTL_ARGUMENTS = [
  'statectl.break',
  'statectl.crash',
  'statectl.events',
  'statectl.image',
  'statectl.rescue',
  'statectl.server',
  'statectl.shell',
] as const;

/** The kernel command line: baked-in layers first, what the boot loader or a person typed last. */
export const cmdline: Phase = {
  name: 'cmdline',
  rounds: [
    {
      async gather(host, _facts, boot) {
        const commandLine = await commandLineLayers(host);
        const parsed = kernelCommandLine(commandLine);
        for (const report of checkStatectlArguments(parsed, STATECTL_ARGUMENTS)) boot.warn(report.message);
        return { commandLine };
      },
    },
  ],
};

/** Lowest first: /etc/cmdline.d/*.conf, /etc/cmdline, /proc/cmdline. */
export async function commandLineLayers({ files }: Pick<Host, 'files'>): Promise<readonly CommandLineLayer[]> {
  const layers: CommandLineLayer[] = [];
  const baked = (await files.list(BAKED_DIR).catch(() => [])).filter((name) => name.endsWith('.conf')).map((name) => `${BAKED_DIR}/${name}`);
  for (const path of [...baked, '/etc/cmdline', '/proc/cmdline']) {
    const text = await files.readText(path).catch(() => undefined);
    if (text !== undefined) layers.push({ origin: path, text: text.replace(/\n/g, ' ').trim() });
  }
  return layers;
}
