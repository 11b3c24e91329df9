import { kernelCommandLine } from '../config/kernel-cmdline.ts';
import { parseDeviceReference } from './device-reference.ts';
import type { Facts } from './facts.ts';
import { parseIpArgument } from './ip-argument.ts';

/** Asked for on the command line, or needed for the image. */
export function needsNetwork({ config, commandLine }: Facts): boolean {
  const parsed = kernelCommandLine(commandLine);
  const wants = parsed.all('ip').some(({ value }) => parseIpArgument(value ?? '').method !== 'off');
  if (wants || parsed.flag('rd.neednet', false)) return true;
  return !config.boot.root || parseDeviceReference(config.boot.root).kind === 'url';
}
