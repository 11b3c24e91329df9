import { parseIpArgument } from '../../config/command-line/ip-argument.ts';
import { kernelCommandLine } from '../../config/command-line/kernel-cmdline.ts';
import { parseDeviceReference } from '../facts/device-reference.ts';
import type { Facts } from '../facts/facts.ts';

/** Asked for on the command line, or needed for the image. */
export function needsNetwork({ config, commandLine }: Facts): boolean {
  const parsed = kernelCommandLine(commandLine);
  const wants = parsed.all('ip').some(({ value }) => parseIpArgument(value ?? '').method !== 'off');
  if (wants || parsed.flag('rd.neednet', false)) return true;
  return !config.boot.root || parseDeviceReference(config.boot.root).kind === 'url';
}
