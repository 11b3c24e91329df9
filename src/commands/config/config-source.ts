import { Command, Option } from 'commander';
import { configInvalid } from '../../config/check/fault.ts';
import { nearest } from '../../config/check/suggest.ts';
import {
  allArguments,
  type CommandLine,
  getArgument,
  parseCommandLine,
} from '../../config/command-line/command-line.ts';
import { commandLineSettings } from '../../config/command-line/command-line-settings.ts';
import { checkStatectlArguments, STATECTL_ARGUMENTS } from '../../config/command-line/statectl-arguments.ts';
import { type ConfigDir, needsConfigDir } from '../../config/config-dir.ts';
import { type Effective, effectiveFor, effectiveOf } from '../../config/effective.ts';
import { takeSnapshot } from '../../config/history/snapshot.ts';
import { type LoadedConfig, loadSnapshot } from '../../config/load-revision.ts';
import type { NodeRecord } from '../../config/nodes/nodes.ts';
import { StatectlError } from '../../error.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { isLabel, labelsByName } from '../../protocol/labels.ts';
import { parseMac } from '../../protocol/mac-address.ts';
import type { MachineIdentity } from '../../protocol/machine-identity.ts';
import { path } from '../build/build-options.ts';

/** What every verb over a config.d is told. */
export interface ConfigOptions {
  readonly config: string;
  readonly node?: string;
  /** Kernel command lines, lowest first. */
  readonly cmdline?: readonly string[];
  readonly json?: true;
}

const configOption = (): Option =>
  new Option('--config <dir>', 'the settings')
    .env('STATECTL_CONFIG')
    .default(path('./config.d'), './config.d')
    .argParser(path);

export const nodeOption = (): Option =>
  new Option('--node <name>', 'for one machine (default: one that no node file names)');
export const cmdlineOption = (): Option =>
  new Option(
    '--cmdline <text>',
    'with a kernel command line over it, quoted as the kernel wants it; given again for several',
  ).argParser((text: string, before: readonly string[] = []) => [...before, text]);
export const jsonOption = (): Option => new Option('--json', 'print JSON');

/** A verb of `config` or `node`, with the options that all have. */
export const configVerb = (name: string, summary: string, ...examples: readonly string[]): Command =>
  new Command(name)
    .description(summary)
    .addOption(configOption())
    .addHelpText(
      'after',
      `\nExample${examples.length > 1 ? 's' : ''}:\n${examples.map((one) => `  ${one}\n`).join('')}`,
    );

/** Throws `config-missing`. */
export const needsFolder = (dir: string): Promise<void> => needsConfigDir(linuxHost(), dir);

/**
 * Reads a config.d as the history and the server do: what they refuse is refused here too. Throws `config-missing`; faults
 * of single files are in what it gives.
 */
export async function readSettings(dir: string): Promise<ConfigDir> {
  return (await readLoaded(dir)).dir;
}

/** The same with its templates. */
export async function readLoaded(dir: string): Promise<LoadedConfig> {
  await needsFolder(dir);
  const { snapshot, faults } = await takeSnapshot(linuxHost(), dir);
  const loaded = await loadSnapshot(snapshot);
  return { ...loaded, dir: { ...loaded.dir, faults: [...faults, ...loaded.dir.faults] } };
}

/** Throws `node-unknown`, with the name that was probably meant. */
export function nodeNamed({ nodes }: ConfigDir, name: string): NodeRecord {
  const node = nodes.nodes.get(name);
  if (node) return node;
  const meant = nearest(name, nodes.nodes.keys());
  throw new StatectlError('node-unknown', `there is no node ${name}`, {
    hint: meant ? `did you mean ${meant}?` : '`statectl node list` names those that there are',
  });
}

/** Settings, and what the kernel command line that was given says besides. */
export interface AskedSettings extends Effective {
  readonly notes: readonly string[];
  /** Of the command line: a boot tells them, and goes on without. */
  readonly ignored: readonly string[];
}

/** The settings that the options ask for. Throws `config-invalid`: nobody shows settings that are none. */
export async function effectiveSettings({ config, node, cmdline = [] }: ConfigOptions): Promise<AskedSettings> {
  const dir = await readSettings(config);
  const commandLine = parseCommandLine(cmdline.map((text, index) => ({ origin: 'cmdline', text, line: index + 1 })));
  const effective =
    node === undefined ? effectiveFor(dir, machineOnCommandLine(commandLine)) : effectiveOf(dir, nodeNamed(dir, node));
  const own = dir.faults.filter(({ file }) => !/^(?:nodes|templates)\//.test(file) || file === effective.node?.file);
  if (own.length > 0) throw configInvalid(own);
  if (cmdline.length === 0) return { ...effective, notes: [], ignored: [] };
  if (effective.config === undefined) throw configInvalid(effective.faults);
  const { settings, notes, faults } = commandLineSettings(effective.settings, commandLine);
  const unknown = checkStatectlArguments(commandLine, Object.keys(STATECTL_ARGUMENTS));
  return { ...effective, settings, notes, ignored: [...faults, ...unknown.map(({ message }) => message)] };
}

/** What a command line says of the machine: its labels, and the card that it boots from. */
function machineOnCommandLine(commandLine: CommandLine): MachineIdentity {
  const mac = parseMac(getArgument(commandLine, 'BOOTIF')?.value ?? '');
  const labels = allArguments(commandLine, 'statectl.label').flatMap(({ value = '' }) =>
    value.split(',').filter(isLabel),
  );
  return {
    macs: mac === undefined ? [] : [mac],
    labels: labelsByName(labels),
  };
}
