import { type Command, Option } from 'commander';
import { foldHostlist } from '../../config/nodes/hostlist.ts';
import { StatectlError } from '../../error.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { moveNodes } from '../../server/admin/nodes/move-nodes.ts';
import { serverState } from '../../server/admin/server-state.ts';
import { parsePublicUrl } from '../../server/public-url.ts';
import { type ConfigOptions, configVerb, jsonOption } from '../config/config-source.ts';
import { printJson, printLine } from '../print.ts';
import { stateOption, usage } from '../state-option.ts';
import { groupOption, NODE_WORDS } from './node-choice.ts';

interface MoveOptions extends ConfigOptions {
  readonly state: string;
  readonly group?: string;
  readonly to?: string;
  readonly share: number;
  readonly reason: string;
}

/** 50% as 0.5. Throws `share-invalid`. */
function parseShare(text: string): number {
  const percent = /^(\d{1,3})%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) >= 1 && Number(percent) <= 100) return Number(percent) / 100;
  throw new StatectlError('share-invalid', `"${text}" is no share of the machines`, { hint: 'write it as 50%' });
}

/** `statectl node move`: running machines go to another server, which each of them verifies first. */
export const nodeMoveVerb = (): Command =>
  configVerb(
    'move',
    'ask running machines to go to another server, without a restart; each verifies it before it leaves this one',
    'statectl node move print[01-12] --to http://192.168.7.2:8080',
    'statectl node move all --share 50%',
    'statectl node move --group klipper',
  )
    .argument('[machines]', NODE_WORDS)
    .addOption(stateOption())
    .addOption(groupOption())
    .option('--to <url>', 'that server (default: whichever each machine finds best)', usage(parsePublicUrl))
    .addOption(
      new Option('--share <percent>', 'so many of them, by chance').argParser(usage(parseShare)).default(1, '100%'),
    )
    .option('--reason <text>', 'what the machines and their status say', 'an admin asked for it')
    .addOption(jsonOption())
    .action(async (selector: string | undefined, options: MoveOptions) => {
      const { state, config, group, to, share, reason, json } = options;
      if ((selector === undefined) === (group === undefined))
        throw new StatectlError('usage', 'which machines?', {
          hint: 'statectl node move print[01-12], statectl node move all, or statectl node move --group NAME',
        });
      const { nodes, leftOut, approvedCount } = await moveNodes(serverState(state, linuxHost()), {
        ...{ config, share, reason },
        ...(selector !== undefined && { selector }),
        ...(group !== undefined && { group }),
        ...(to !== undefined && { to }),
      });
      if (json) printJson({ nodes, ...(leftOut.length > 0 && { leftOut }), ...(to && { to }), reason });
      else if (nodes.length === 0) printLine('no machine is approved: nobody moves');
      else {
        printLine(
          `${nodes.length} of ${approvedCount} are asked to go to ${to ?? 'another server'}: ${foldHostlist(nodes)}`,
        );
        if (leftOut.length > 0) printLine(`not approved, and so not asked: ${foldHostlist(leftOut)}`);
        printLine('→ who is off or away from this server hears of it within the hour, or not at all');
      }
    });
