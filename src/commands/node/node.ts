import { Command } from 'commander';
import { nodeDrbdVerb } from './node-drbd.ts';
import {
  nodeApproveVerb,
  nodeDenyVerb,
  nodeForgetVerb,
  nodeKnownHostsVerb,
  nodePendingVerb,
  nodeRevokeVerb,
} from './node-enrol.ts';
import { nodeListVerb } from './node-list.ts';
import { nodeMoveVerb } from './node-move.ts';
import { nodeRenderVerb, nodeShowVerb, nodeWhyVerb } from './node-read.ts';
import { nodeRunVerb } from './node-run.ts';
import { nodeAddVerb, nodeRemoveVerb, nodeSetVerb } from './node-write.ts';

/** `statectl node`: single machines. */
export const nodeCommand = (): Command =>
  new Command('node')
    .description('the machines that config.d names: what each is, gets and runs')
    .addCommand(nodeListVerb())
    .addCommand(nodeShowVerb())
    .addCommand(nodeRenderVerb())
    .addCommand(nodeWhyVerb())
    .addCommand(nodeAddVerb())
    .addCommand(nodeSetVerb())
    .addCommand(nodeRemoveVerb())
    .addCommand(nodePendingVerb())
    .addCommand(nodeApproveVerb())
    .addCommand(nodeDenyVerb())
    .addCommand(nodeRevokeVerb())
    .addCommand(nodeForgetVerb())
    .addCommand(nodeMoveVerb())
    .addCommand(nodeDrbdVerb())
    .addCommand(nodeRunVerb())
    .addCommand(nodeKnownHostsVerb())
    .addHelpText(
      'after',
      `
Examples:
  statectl node list                                   what each runs
  statectl node add "print[01-24]" --groups klipper    24 alike, in one file
  statectl node render print13 /etc/motd               the very bytes that it gets
  statectl node pending                                who waits for a person
  statectl node run "print[01-24]" -- uptime           on all of them`,
    );
