import type { Command } from 'commander';
import { configInvalid } from '../../config/check/fault.ts';
import { History, type Settled } from '../../config/history/history.ts';
import { checkSnapshot, loadSnapshot } from '../../config/load-revision.ts';
import { isStatectlError } from '../../error.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { listNodes, type NodeStatus } from '../../server/admin/nodes/node-status.ts';
import { serverState } from '../../server/admin/server-state.ts';
import { asciiTable } from '../ascii-table.ts';
import { type ConfigOptions, configVerb, jsonOption, needsFolder } from '../config/config-source.ts';
import { print, printJson, remark } from '../print.ts';
import { stateOption } from '../state-option.ts';

interface ListOptions extends ConfigOptions {
  readonly state: string;
}

export const nodeListVerb = (): Command =>
  configVerb(
    'list',
    'the nodes: groups, what each runs, and whether a reboot would change it',
    'statectl node list --config /srv/config.d --state /srv/statectl',
  )
    .addOption(stateOption())
    .addOption(jsonOption())
    .action(async ({ config, state, json }: ListOptions) => {
      const nodes = await listNodes(serverState(state, linuxHost()), await configsOf(config));
      if (json) return printJson(nodes);
      print(
        asciiTable([
          ['NODE', 'GROUPS', 'KNOWN BY', 'RUNS', 'SEEN', 'STATE'],
          ...nodes.map(({ node, groups, knownBy, report, ...now }) => [
            node ?? '-',
            groups.join(', ') || '-',
            knownBy,
            report?.image ?? '-',
            report?.receivedAt.slice(0, 16).replace('T', ' ') ?? '-',
            stateText(now),
          ]),
        ]),
      );
      for (const { node = '-', boards = [], health = [], slots = [] } of nodes)
        for (const text of [...boards, ...health, ...slots]) remark(`${node}: ${text}`);
      for (const alarm of new Set(nodes.flatMap((node) => node.alarm ?? []))) remark(alarm);
    });

function stateText({ state, changes, nextImage, why }: Pick<NodeStatus, 'state' | 'changes' | 'nextImage' | 'why'>) {
  const more = changes?.map((what) => (what === 'image' ? `image ${nextImage}` : what)).join(', ') ?? why;
  return more === undefined ? state : `${state}: ${more}`;
}

/** What machines get, which is what a reboot would give them; the files as they are where some are at fault. */
async function configsOf(config: string) {
  await needsFolder(config);
  const history = new History(linuxHost(), config);
  const { revision, faults, heldBack } = await settledOrDeployed(history);
  if (faults.length > 0) remark('→ machines do not get all of config.d: `statectl config check` tells the faults');
  const edited = heldBack && (await loadSnapshot(heldBack.snapshot));
  if (revision === undefined) throw configInvalid(faults);
  return { deployed: await loadSnapshot(await history.read(revision)), ...(edited && { edited }) };
}

/** Where git stands in the way of edits, what machines get is still there to be told, and why it is not newer. */
async function settledOrDeployed(history: History): Promise<Pick<Settled, 'revision' | 'faults' | 'heldBack'>> {
  try {
    return await history.settle(checkSnapshot);
  } catch (error) {
    const revision = await history.resolve('deployed').catch(() => undefined);
    if (revision === undefined || !isStatectlError(error)) throw error;
    remark(`edits of config.d are not taken up: ${error.message}`);
    if (error.hint) remark(`→ ${error.hint}`);
    return { revision, faults: [] };
  }
}
