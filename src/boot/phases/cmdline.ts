import {
  type CommandLineLayer,
  checkStatectlArguments,
  kernelCommandLine,
} from '../../config/command-line/kernel-cmdline.ts';
import type { Host } from '../../host/host.ts';
import { isLabel } from '../../protocol/machine-identity.ts';
import type { Phase } from '../phase.ts';

const BAKED_DIR = '/etc/cmdline.d';

/** Every `statectl.` argument there is, as docs/reference has it; others get a warning with a suggestion. */
export const STATECTL_ARGUMENTS = {
  'statectl.server':
    'base URL of a server, `http://HOST:PORT`; several, separated by commas or given again, in order. Replaces those of config.d',
  'statectl.image': 'image to boot, `NAME` or `NAME@VERSION`; default: what the server chooses',
  'statectl.set':
    'one setting over all others, `PATH=VALUE` with VALUE as in a file: `statectl.set=tmpfs./tmp.size=10%`; given again for several',
  'statectl.label': 'what a node file can match: `NAME=VALUE`; several, separated by commas or given again',
  'statectl.break': 'phases before which a shell opens, separated by commas; leaving it goes on',
  'statectl.rescue': 'the rescue prompt at once, instead of a boot',
  'statectl.shell':
    '`0`: no prompt when the boot fails, but the unattended answer of controller/rescue.conf after ten seconds',
  'statectl.crash': 'when the controller itself crashes: `plan` (that of the last good boot), `rescue` or `reboot`',
  'statectl.events': 'a port that gets the journal as JSON lines, such as `/dev/ttyS1`',
} as const;

/** The kernel command line: baked-in layers first, what the boot loader or a person typed last. */
export const cmdline: Phase = {
  name: 'cmdline',
  rounds: [
    {
      async gather(host, _facts, boot) {
        const commandLine = await commandLineLayers(host);
        const parsed = kernelCommandLine(commandLine);
        for (const report of checkStatectlArguments(parsed, Object.keys(STATECTL_ARGUMENTS))) boot.warn(report.message);
        for (const { raw, origin, value = '' } of parsed.all('statectl.label'))
          if (!value.split(',').every(isLabel))
            boot.warn(`${origin}: ${raw}: expected statectl.label=NAME=VALUE; what is no label is ignored`);
        return { commandLine };
      },
    },
  ],
};

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
