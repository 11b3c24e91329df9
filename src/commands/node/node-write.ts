import type { Command } from 'commander';
import { stringify } from 'yaml';
import { editValue } from '../../config/history/edit-value.ts';
import { History } from '../../config/history/history.ts';
import { checkSnapshot } from '../../config/load-revision.ts';
import { expandHostlist } from '../../config/nodes/hostlist.ts';
import { StatectlError } from '../../error.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { normalMachineValue } from '../../server/machine.ts';
import { list } from '../build/build-options.ts';
import { author, placeIn, readConfigFile, readValue } from '../config/config-change.ts';
import { type ConfigOptions, configVerb, jsonOption, nodeNamed, readSettings } from '../config/config-source.ts';
import { printJson, printLine } from '../print.ts';

interface AddOptions extends ConfigOptions {
  readonly mac?: string;
  readonly uuid?: string;
  readonly serial?: string;
  readonly groups?: readonly string[];
}

/** Checks, writes and commits one file, and says so. */
async function change(
  { config, json }: ConfigOptions,
  file: string,
  texts: { readonly before: string | undefined; readonly after: string | undefined },
  message: string,
): Promise<void> {
  const history = new History(linuxHost(), config);
  const revision = await history.write(file, texts, { author: author(), message, check: checkSnapshot });
  if (json) printJson({ file, revision, changed: texts.before !== texts.after });
  else printLine(texts.before === texts.after ? `${file} says that already` : `${message}: ${revision.slice(0, 12)}`);
}

export const nodeAddVerb = (): Command =>
  configVerb(
    'add',
    'name a machine, or several alike by a hostlist, in a new file',
    'statectl node add print25 --mac 52:54:00:12:34:25 --groups klipper',
    'statectl node add "lab[01-40]" --groups lab',
  )
    .argument('<name>', 'name or hostlist')
    .option('--mac <address>', 'how it is known; default: by its host name')
    .option('--uuid <uuid>')
    .option('--serial <text>')
    .option('--groups <list>', 'in order, comma-separated', list)
    .addOption(jsonOption())
    .action(async (name: string, options: AddOptions) => {
      const names = expandHostlist(name);
      if (names.length === 0)
        throw new StatectlError('node-invalid', 'a node needs a name', { hint: 'such as print25' });
      const file = `nodes/${name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/-+$/, '')}.conf`;
      if ((await readConfigFile(options.config, file)) !== undefined)
        throw new StatectlError('node-known', `${file} is there already`, {
          hint: `change it with \`statectl node set\``,
        });
      const { mac, uuid, serial, groups } = options;
      const match = {
        ...(mac && { mac: normalMachineValue('mac', mac) }),
        ...(uuid && { uuid: normalMachineValue('uuid', uuid) }),
        ...(serial && { serial }),
      };
      const after = stringify({
        ...(names.length > 1 || `nodes/${name}.conf` !== file ? { node: name } : {}),
        ...(Object.keys(match).length > 0 && { match }),
        ...(groups && { groups }),
      });
      await change(
        options,
        file,
        { before: undefined, after: after === '{}\n' ? '# known by its host name\n' : after },
        `Add ${name}`,
      );
    });

export const nodeSetVerb = (): Command =>
  configVerb(
    'set',
    'set a value in the file of a node, which is that of all in it',
    'statectl node set print01 boot.image klipper@3',
    'statectl node set print01 metadata.room B13',
  )
    .argument('<name>', 'the node')
    .argument('<path>', 'FILE.SETTING, or metadata, groups, match of the node itself')
    .argument('<value>', 'YAML, as in the file')
    .option('--all', 'also where its file names several nodes alike: then all of them get it')
    .addOption(jsonOption())
    .action(async (name: string, path: string, value: string, options: ConfigOptions & { readonly all?: true }) => {
      const dir = await readSettings(options.config);
      const { file } = nodeNamed(dir, name);
      const alike = [...dir.nodes.nodes.values()].filter((node) => node.file === file).length;
      if (alike > 1 && !options.all)
        throw new StatectlError('node-shared', `${file} names ${alike} nodes alike: all would get it`, {
          hint: `that is what you want: --all; only ${name}: a group file with \`nodes: ${name}\``,
        });
      const before = await readConfigFile(options.config, file);
      const after = editValue(before ?? '', placeIn(path, file).inFile, readValue(value), file);
      await change(
        options,
        file,
        { before, after },
        `Set ${path} of ${alike > 1 ? `all in ${file}` : name} to ${value}`,
      );
    });

export const nodeRemoveVerb = (): Command =>
  configVerb('remove', 'take a node out of config.d', 'statectl node remove print25')
    .argument('<name>', 'the node')
    .addOption(jsonOption())
    .action(async (name: string, options: ConfigOptions) => {
      const dir = await readSettings(options.config);
      const { file } = nodeNamed(dir, name);
      const alike = [...dir.nodes.nodes.values()].filter((node) => node.file === file).length;
      if (alike > 1)
        throw new StatectlError('node-shared', `${file} names ${alike} nodes alike`, {
          hint: `take ${name} out of its hostlist: statectl config edit ${file}`,
        });
      const before = await readConfigFile(options.config, file);
      await change(options, file, { before, after: undefined }, `Remove ${name}`);
    });
