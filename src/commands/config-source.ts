import { Command, Option } from 'commander';
import { type ConfigDir, readConfigDir } from '../config/config-dir.ts';
import { type Effective, effectiveOf } from '../config/effective.ts';
import { configInvalid } from '../config/fault.ts';
import type { NodeRecord } from '../config/nodes.ts';
import { nearest } from '../config/suggest.ts';
import { StatectlError } from '../error.ts';
import { linuxHost } from '../host/linux/host.ts';
import { path } from './build-options.ts';

/** What every verb over a config.d is told. */
export interface ConfigOptions {
  readonly config: string;
  readonly node?: string;
  readonly json?: true;
}

export const print = (text: string): void => void process.stdout.write(text);
export const printJson = (value: unknown): void => print(`${JSON.stringify(value, null, 2)}\n`);

const configOption = (): Option =>
  new Option('--config <dir>', 'the settings')
    .env('STATECTL_CONFIG')
    .default(path('./config.d'), './config.d')
    .argParser(path);

export const nodeOption = (): Option =>
  new Option('--node <name>', 'for one machine (default: one that no node file names)');
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
export async function needsFolder(dir: string): Promise<void> {
  if ((await linuxHost().files.stat(dir))?.type !== 'dir')
    throw new StatectlError('config-missing', `there is no config.d in ${dir}`, {
      hint: 'name it with --config DIR or STATECTL_CONFIG',
    });
}

/** Reads a config.d. Throws `config-missing`; faults of single files are in what it gives. */
export async function readSettings(dir: string): Promise<ConfigDir> {
  await needsFolder(dir);
  return readConfigDir(linuxHost(), dir);
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

/** The settings that the options ask for. Throws `config-invalid`: nobody shows settings that are none. */
export async function effectiveSettings({ config, node }: ConfigOptions): Promise<Effective> {
  const dir = await readSettings(config);
  const effective = effectiveOf(dir, node === undefined ? undefined : nodeNamed(dir, node));
  const own = dir.faults.filter(({ file }) => !file.startsWith('nodes/') || file === effective.node?.file);
  if (own.length > 0) throw configInvalid(own);
  return effective;
}
