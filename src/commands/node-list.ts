import type { Command } from 'commander';
import type { ConfigDir } from '../config/config-dir.ts';
import { groupsOf } from '../config/find-node.ts';
import { writeMatch } from '../config/identity.ts';
import { nodeContent } from '../config/node-content.ts';
import type { NodeRecord } from '../config/nodes.ts';
import { readTemplates, type TemplateSet } from '../config/templates/template-set.ts';
import { linuxHost } from '../host/linux/host.ts';
import { type LastReport, lastReports } from '../server/reports.ts';
import { openStore } from '../server/store.ts';
import { asciiTable } from './ascii-table.ts';
import { type ConfigOptions, configVerb, jsonOption, print, printJson, readSettings } from './config-source.ts';
import { stateOption } from './state-option.ts';

interface ListOptions extends ConfigOptions {
  readonly state: string;
}

/** What `node list` says of a machine. */
interface NodeStatus {
  readonly node: string;
  readonly file: string;
  readonly groups: readonly string[];
  readonly knownBy: string;
  readonly report?: LastReport;
  /** `no change` and `a reboot changes it` compare by content; `faulty`: it would get nothing new. */
  readonly state: 'never seen' | 'no change' | 'a reboot changes it' | 'runs baked settings' | 'faulty';
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
      const dir = await readSettings(config);
      const templates = await readTemplates(linuxHost(), config);
      const reports = await reportsOf(state);
      const nodes = [...dir.nodes.nodes.values()].map((node) => statusOf(dir, templates, node, reports));
      if (json) return printJson(nodes);
      print(
        asciiTable([
          ['NODE', 'GROUPS', 'KNOWN BY', 'RUNS', 'SEEN', 'STATE'],
          ...nodes.map(({ node, groups, knownBy, report, state: now }) => [
            node,
            groups.join(', ') || '-',
            knownBy,
            report?.image ?? '-',
            report?.receivedAt.slice(0, 16).replace('T', ' ') ?? '-',
            now,
          ]),
        ]),
      );
    });

/** A config.d may be looked at where no server is. */
const reportsOf = async (state: string): Promise<ReadonlyMap<string, LastReport>> => {
  try {
    return await lastReports(await openStore(state, linuxHost(), 'existing'));
  } catch {
    return new Map();
  }
};

function statusOf(
  dir: ConfigDir,
  templates: TemplateSet,
  node: NodeRecord,
  reports: ReadonlyMap<string, LastReport>,
): NodeStatus {
  const { name, file, match } = node;
  const groups = groupsOf(dir.nodes, node, undefined).map((group) => group.name);
  const keys = [...(match.mac ?? []), match.uuid ?? ''];
  // Known by its host name, it says which node it was told to be.
  const byName = [...reports.values()].findLast((one) => one.node === name);
  const report = keys.map((key) => reports.get(key)).find(Boolean) ?? byName;
  const result = nodeContent(dir, templates, node);
  const now = 'faults' in result ? undefined : result.content.configDigest;
  const status = { node: name, file, groups, knownBy: writeMatch(match), ...(report && { report }) };
  if (now === undefined) return { ...status, state: 'faulty' };
  if (report === undefined) return { ...status, state: 'never seen' };
  if (report.configOrigin === 'baked') return { ...status, state: 'runs baked settings' };
  return { ...status, state: report.configDigest === now ? 'no change' : 'a reboot changes it' };
}
