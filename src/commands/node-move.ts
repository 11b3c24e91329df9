import type { Command } from 'commander';
import { expandHostlist, foldHostlist } from '../config/hostlist.ts';
import { StatectlError } from '../error.ts';
import { linuxHost } from '../host/linux/host.ts';
import { openEnrolments } from '../server/enrolments.ts';
import { openMoveOrders } from '../server/move-orders.ts';
import { parsePublicUrl } from '../server/public-url.ts';
import { enrolmentsPath } from '../server/secure.ts';
import { openStore } from '../server/store.ts';
import { print, printJson } from './config-source.ts';
import { enrolVerb } from './node-enrol.ts';
import { usage } from './state-option.ts';

interface MoveOptions {
  readonly state: string;
  readonly to?: string;
  readonly share: number;
  readonly reason: string;
  readonly json?: true;
}

/** 50% as 0.5. Throws `share-invalid`. */
function parseShare(text: string): number {
  const percent = /^(\d{1,3})%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) >= 1 && Number(percent) <= 100) return Number(percent) / 100;
  throw new StatectlError('share-invalid', `"${text}" is no share of the machines`, { hint: 'write it as 50%' });
}

/** The known machines that the words name; `all` names every one. Throws `node-unknown`. */
function chosenNodes(selector: string, known: readonly string[]): readonly string[] {
  if (selector === 'all') return known;
  const names = expandHostlist(selector);
  const strangers = names.filter((name) => !known.includes(name));
  if (strangers.length > 0)
    throw new StatectlError('node-unknown', `no machine is approved as ${foldHostlist(strangers)}`, {
      hint: '`statectl node pending --all` shows those that ever asked',
    });
  return names;
}

/** So many of them, by chance. */
function shareOf(nodes: readonly string[], share: number, random: () => number): readonly string[] {
  const left = [...nodes];
  const count = Math.ceil(nodes.length * share);
  const drawn: string[] = [];
  while (drawn.length < count) drawn.push(...left.splice(Math.floor(random() * left.length), 1));
  return drawn.toSorted();
}

/** `statectl node move`: running machines go to another server, which each of them verifies first. */
export const nodeMoveVerb = (): Command =>
  enrolVerb(
    'move',
    'ask running machines to go to another server, without a restart; each verifies it before it leaves this one',
    'statectl node move print[01-12] --to http://192.168.7.2:8080',
    'statectl node move all --share 50%',
  )
    .argument('<machines>', 'names of nodes, as print[01-24], or all')
    .option('--to <url>', 'that server (default: whichever each machine finds best)', usage(parsePublicUrl))
    .option('--share <percent>', 'so many of them, by chance', usage(parseShare), 1)
    .option('--reason <text>', 'what the machines and their status say', 'an admin asked for it')
    .action(async (selector: string, { state, to, share, reason, json }: MoveOptions) => {
      const { clock } = linuxHost();
      const { root } = await openStore(state, linuxHost(), 'existing');
      using enrolments = openEnrolments(enrolmentsPath(root), clock.now);
      const known = enrolments.list('approved').flatMap(({ node }) => node ?? []);
      const nodes = shareOf(chosenNodes(selector, known), share, clock.random);
      using orders = openMoveOrders(enrolmentsPath(root), clock.now);
      orders.order(nodes, { reason, ...(to && { to }) });
      if (json) printJson({ nodes, ...(to && { to }), reason });
      else
        print(
          nodes.length === 0
            ? 'no machine is approved: nobody moves\n'
            : `${nodes.length} of ${known.length} are asked to go to ${to ?? 'another server'}: ${foldHostlist(nodes)}\n→ who is off or away from this server hears of it within the hour, or not at all\n`,
        );
    });
