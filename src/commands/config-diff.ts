import type { Command } from 'commander';
import { type Change, changesBetween, groupChanges } from '../config/config-diff.ts';
import { History } from '../config/history/history.ts';
import { takeSnapshot } from '../config/history/snapshot.ts';
import { foldHostlist } from '../config/hostlist.ts';
import { type LoadedConfig, loadSnapshot } from '../config/load-revision.ts';
import { nodeContent } from '../config/node-content.ts';
import { type Plain, writePath } from '../config/tree.ts';
import { linuxHost } from '../host/linux/host.ts';
import { type ConfigOptions, configVerb, jsonOption, print, printJson } from './config-source.ts';

export const configDiffVerb = (): Command =>
  configVerb(
    'diff',
    'what differs for machines between two revisions; the same change of many is told once',
    'statectl config diff                    # what machines get now, against the files as they are',
    'statectl config diff HEAD~3 HEAD',
  )
    .argument('[from]', 'a revision; `deployed` is what machines get', 'deployed')
    .argument('[to]', 'a revision; default: the files as they are')
    .addOption(jsonOption())
    .action(async (from: string, to: string | undefined, { config, json }: ConfigOptions) => {
      const host = linuxHost();
      const history = new History(host, config);
      // The files as they are: looked at, never committed by a look.
      const now = async () => loadSnapshot((await takeSnapshot(host, config)).snapshot);
      const of = async (name: string) => loadSnapshot(await history.read(await history.resolve(name)));
      const [before, after] = [await of(from), to === undefined ? await now() : await of(to)];
      const groups = groupChanges(changesByNode(before, after));
      if (json) return printJson(groups);
      if (groups.length === 0) return print('nothing differs for any machine\n');
      for (const { nodes, changes } of groups) print(`${namesOf(nodes)}:\n${changes.map(lineOf).join('')}`);
    });

/** `print[01-24]`, and in words who is not named. */
const namesOf = (nodes: readonly string[]): string =>
  [foldHostlist(nodes.filter((node) => node !== EVERY_OTHER)), ...nodes.filter((node) => node === EVERY_OTHER)]
    .filter(Boolean)
    .join(' and ');

const EVERY_OTHER = '(machines that no node file names)';

function changesByNode(before: LoadedConfig, after: LoadedConfig): ReadonlyMap<string, readonly Change[]> {
  const names = new Set([...before.dir.nodes.nodes.keys(), ...after.dir.nodes.nodes.keys()]);
  const byNode = new Map<string, readonly Change[]>([[EVERY_OTHER, changesOf(stateOf(before), stateOf(after))]]);
  for (const name of names) byNode.set(name, changesOf(stateOf(before, name), stateOf(after, name)));
  return byNode;
}

const changesOf = (from: Plain | undefined, to: Plain | undefined) => changesBetween(from, to, [], writePath);

/** Settings and files of a machine as one plain value; its faults where it has some. */
function stateOf({ dir, templates }: LoadedConfig, name?: string): Plain | undefined {
  const node = name === undefined ? undefined : dir.nodes.nodes.get(name);
  if (name !== undefined && node === undefined) return undefined;
  const result = nodeContent(dir, templates, node);
  if ('faults' in result)
    return { faults: result.faults.map(({ file, line, message }) => `${file}:${line} ${message}`) };
  const files = result.content.files.map(({ path, ...file }) => [path, { ...file }] as const);
  return { ...(result.content.settings as { [key: string]: Plain }), files: Object.fromEntries(files) };
}

const lineOf = ({ path, from, to }: Change): string => {
  const [old, now] = [from, to].map((value) => (value === undefined ? undefined : shown(value)));
  if (old === undefined) return `  + ${path || 'the node'} ${now}\n`;
  if (now === undefined) return `  - ${path || 'the node'} ${old}\n`;
  return `  ~ ${path} ${old} → ${now}\n`;
};

const shown = (value: Plain): string => {
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
};
