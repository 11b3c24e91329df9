import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { configInvalid, formatFault } from './check/fault.ts';
import type { Config } from './config.ts';
import { readConfigDir } from './config-dir.ts';
import { effectiveOf, plainSettings } from './effective.ts';
import { type DeliveredFile, nodeContent, writtenFiles } from './nodes/node-content.ts';
import { readTemplates } from './templates/template-set.ts';
import type { Plain } from './tree/tree.ts';

/** The settings of one machine without a server. */
export interface LoadedSettings {
  readonly config: Config;
  /** The same as an admin writes them, without what nobody said. */
  readonly settings: Plain;
  /** Of etc.files and of templates. */
  readonly files?: readonly DeliveredFile[];
  /** Why no template is among them: some need what only a node's file says. */
  readonly notRendered?: readonly string[];
}

/**
 * Reads, merges and checks a config.d for a node, or for a machine that no node file names. Throws `node-unknown`, and one
 * `config-invalid` with every fault.
 */
export async function loadSettings(host: Pick<Host, 'files'>, dir: string, nodeName?: string): Promise<LoadedSettings> {
  const read = await readConfigDir(host, dir);
  const node = nodeName === undefined ? undefined : read.nodes.nodes.get(nodeName);
  if (nodeName !== undefined && !node)
    throw new StatectlError('node-unknown', `${dir} has no node ${nodeName}`, {
      hint: `\`statectl node list --config ${dir}\` names them`,
    });
  const effective = effectiveOf(read, node);
  // What is wrong with one node or group stops no other machine.
  const faults = [...read.faults.filter(({ file }) => !file.startsWith('nodes/')), ...effective.faults];
  const { config } = effective;
  if (config === undefined || faults.length > 0) throw configInvalid(faults);
  const settings = plainSettings(effective);
  const content = nodeContent(read, await readTemplates(host, dir), node);
  if ('content' in content) return { config, settings, files: content.content.files };
  if (node) throw configInvalid(content.faults);
  return { config, settings, files: writtenFiles(config), notRendered: content.faults.map(formatFault) };
}
