import type { Command } from 'commander';
import type { CheckedFault } from '../../config/check/check.ts';
import { foldFaults, formatChecked } from '../../config/check/fold-faults.ts';
import { type ConfigDiff, configDiff, type DiffSide } from '../../config/config-diff.ts';
import { History } from '../../config/history/history.ts';
import { takeSnapshot } from '../../config/history/snapshot.ts';
import { loadSnapshot } from '../../config/load-revision.ts';
import type { Change } from '../../config/nodes/machine-changes.ts';
import { namesOf } from '../../config/nodes/node-names.ts';
import type { Plain } from '../../config/tree/tree.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { printableLine } from '../../printable.ts';
import { print, printJson } from '../print.ts';
import { type ConfigOptions, configVerb, jsonOption, needsFolder } from './config-source.ts';

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
    .addHelpText(
      'after',
      `
A change of a template is the same for two machines when the lines that went and came are the same but for each
machine's own name, addresses and metadata: those are shown as {{ node.name }} or {{ metadata.room }} then.
How machines are known, their groups and metadata are compared, too. What has a fault on one side is not compared; exit
status 1 says that there was one.`,
    )
    .action(async (from: string, to: string | undefined, { config, json }: ConfigOptions) => {
      await needsFolder(config);
      const host = linuxHost();
      const history = new History(host, config);
      const side = async (name: string | undefined): Promise<DiffSide> => {
        // The files as they are: looked at, never committed by a look.
        const { snapshot, faults } =
          name === undefined
            ? await takeSnapshot(host, config)
            : { snapshot: await history.read(await history.resolve(name)), faults: [] };
        return { ...(await loadSnapshot(snapshot)), faults };
      };
      const diff = configDiff(await side(from), await side(to));
      if (json) printJson({ ...diff, from: { revision: from, ...diff.from }, to: { revision: to, ...diff.to } });
      else print(diffText(diff, [from, to ?? 'the files as they are']));
      if (diff.from.faults.length > 0 || diff.to.faults.length > 0) process.exitCode = 1;
    });

function diffText({ from, to, notCompared, groups }: ConfigDiff, names: readonly [string, string]): string {
  const left = notCompared.length > 0 ? `not compared, because of these faults: ${namesOf(notCompared)}\n` : '';
  const changes = groups.map((group) => `${namesOf(group.nodes)}:\n${group.changes.map(lineOf).join('')}`).join('');
  const nothing = left === '' ? 'nothing differs for any machine\n' : 'nothing differs for any other machine\n';
  return faultText(names[0], from.faults) + faultText(names[1], to.faults) + left + (changes || nothing);
}

const faultText = (name: string, faults: readonly CheckedFault[]): string =>
  faults.length === 0
    ? ''
    : `faults in ${name}:\n${foldFaults(faults)
        .map((fault) => `  ${formatChecked(fault)}\n`)
        .join('')}`;

const lineOf = ({ path, from, to, lines, template }: Change): string => {
  const [old, now] = [from, to].map((value) => (value === undefined ? undefined : shown(value)));
  const name = path || 'the machine';
  if (lines) {
    const sign = old !== undefined ? '-' : now !== undefined ? '+' : '~';
    return `  ${printableLine(`${sign} ${name} (templates/${template})`)}\n${linesText(lines)}`;
  }
  if (old === undefined) return `  ${printableLine(`+ ${name} ${now}`)}\n`;
  if (now === undefined) return `  ${printableLine(`- ${name} ${old}`)}\n`;
  return `  ${printableLine(`~ ${name} ${old} → ${now}`)}\n`;
};

/** Of one file; `--json` has all of them. */
const MOST_LINES = 40;

const linesText = (lines: readonly string[]): string => {
  const told = lines.slice(0, MOST_LINES).map((line) => `${line.slice(0, 1)} ${line.slice(1)}`.trimEnd());
  const rest = lines.length > MOST_LINES ? [`and ${lines.length - MOST_LINES} lines more`] : [];
  return [...told, ...rest].map((line) => `      ${printableLine(line)}\n`).join('');
};

const shown = (value: Plain): string => {
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
};
