import { allArguments, flagArgument } from '../../config/command-line/command-line.ts';
import { parseIpArgument } from '../../config/command-line/ip-argument.ts';
import { parseDeviceReference } from '../facts/device-reference.ts';
import type { Facts } from '../facts/facts.ts';

/** Asked for on the command line, or needed for the image; not where it has to do without. */
export function needsNetwork({ config, commandLine, network: { missing } }: Facts): boolean {
  if (missing !== undefined) return false;
  const wants = allArguments(commandLine, 'ip').some(({ value }) => parseIpArgument(value ?? '').method !== 'off');
  if (wants || flagArgument(commandLine, 'rd.neednet', false)) return true;
  return !config.boot.root || parseDeviceReference(config.boot.root).kind === 'url';
}
