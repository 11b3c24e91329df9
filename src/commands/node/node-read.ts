import type { Command } from 'commander';
import { stringify } from 'yaml';
import { configInvalid } from '../../config/check/fault.ts';
import type { Config } from '../../config/config.ts';
import type { ConfigDir } from '../../config/config-dir.ts';
import { effectiveOf } from '../../config/effective.ts';
import { groupsOf, identityOf, matchesOf, rivalsOf } from '../../config/nodes/find-node.ts';
import { writeMatch } from '../../config/nodes/identity.ts';
import { type NodeContent, nodeContent } from '../../config/nodes/node-content.ts';
import type { NodeRecord } from '../../config/nodes/nodes.ts';
import { plainOf } from '../../config/tree/tree.ts';
import { StatectlError } from '../../error.ts';
import type { Claim } from '../../protocol/claims.ts';
import { labelsByName } from '../../protocol/labels.ts';
import type { MachineIdentity } from '../../protocol/machine-identity.ts';
import { normalMachineValue } from '../../server/machine.ts';
import { asciiTable } from '../ascii-table.ts';
import {
  type ConfigOptions,
  configVerb,
  jsonOption,
  nodeNamed,
  readLoaded,
  readSettings,
} from '../config/config-source.ts';
import { print, printContent, printJson, printLine, remark } from '../print.ts';

/** What one machine gets. Throws `config-invalid` with its faults; those of other machines do not matter. */
async function contentOf(config: string, name: string): Promise<NodeContent> {
  const { dir, templates } = await readLoaded(config);
  const node = nodeNamed(dir, name);
  const result = nodeContent(dir, templates, node);
  const own = dir.faults.filter(({ file }) => !/^(?:nodes|templates)\//.test(file) || file === node.file);
  const faults = [...own, ...('faults' in result ? result.faults : [])];
  if (faults.length > 0 || 'faults' in result) throw configInvalid(faults);
  return result.content;
}

export const nodeShowVerb = (): Command =>
  configVerb('show', 'a node: how it is known, its groups, metadata and files', 'statectl node show print01')
    .argument('<name>', 'the node')
    .addOption(jsonOption())
    .action(async (name: string, { config, json }: ConfigOptions) => {
      const dir = await readSettings(config);
      const node = nodeNamed(dir, name);
      const { metadata, groups } = effectiveOf(dir, node);
      const { files, configDigest, config: said } = await contentOf(config, name);
      const about = { name, file: node.file, match: node.match, groups, metadata: plainOf(metadata), configDigest };
      if (json)
        return printJson({
          ...about,
          files: files.map(({ content, ...file }) => ({ ...file, bytes: Buffer.byteLength(content) })),
        });
      print(
        asciiTable([
          ['node', name],
          ['file', node.file],
          ['known by', writeMatch(node.match)],
          ['groups', groups.join(', ') || '-'],
          ['boots', bootsWhat(said.boot)],
          ['config', configDigest],
        ]),
      );
      if (Object.keys(about.metadata as object).length > 0) print(`\nmetadata:\n${stringify(about.metadata)}`);
      if (files.length > 0) print(`\n${filesTable(files)}`);
    });

/** What the server gives it by iPXE, as config.d says it. */
const bootsWhat = ({ kernel, initrd = [], image, channel }: Config['boot']): string => {
  if (kernel !== undefined) return [kernel, ...initrd].join(' + ');
  return image ?? (channel === undefined ? 'what the server chooses' : `channel ${channel}`);
};

export const nodeRenderVerb = (): Command =>
  configVerb(
    'render',
    'what a node gets: its files, or one of them as it will be',
    'statectl node render print01',
    'statectl node render print01 /etc/motd',
  )
    .argument('<name>', 'the node')
    .argument('[file]', 'a file on the machine, such as /etc/motd, or `settings`')
    .addOption(jsonOption())
    .action(async (name: string, file: string | undefined, { config, json }: ConfigOptions) => {
      const content = await contentOf(config, name);
      if (file === undefined) {
        if (json) return printJson(content);
        if (content.files.length === 0)
          return remark(`${name} gets no files: name templates or files in system/etc.conf`);
        return print(filesTable(content.files));
      }
      if (file === 'settings') return json ? printJson(content.settings) : printContent(stringify(content.settings));
      const wanted = content.files.find(({ path }) => path === file);
      if (!wanted)
        throw new StatectlError('file-unknown', `${name} gets no ${file}`, {
          hint: `it gets ${content.files.map(({ path }) => path).join(', ') || 'no files: name templates or files in system/etc.conf'}`,
        });
      if (json) printJson(wanted);
      else printContent(wanted.content);
    });

const filesTable = (files: NodeContent['files']): string =>
  asciiTable([
    ['PATH', 'MODE', 'OWNER', 'BYTES', 'FROM'],
    ...files.map(({ path, mode, owner, group, content, template }) => [
      path,
      mode.toString(8).padStart(4, '0'),
      `${owner}:${group}`,
      String(Buffer.byteLength(content)),
      template,
    ]),
  ]);

interface WhyOptions extends ConfigOptions {
  readonly mac?: readonly string[];
  readonly uuid?: string;
  readonly serial?: string;
  readonly arch?: string;
  readonly hostname?: string;
  readonly label?: readonly string[];
}

export const nodeWhyVerb = (): Command =>
  configVerb(
    'why',
    'which node a machine is and which groups it is in, and why',
    'statectl node why print01',
    'statectl node why --mac 52:54:00:12:34:56 --arch x86_64',
  )
    .argument('[name]', 'a node; or say what the machine says of itself:')
    .option(
      '--mac <address>',
      'in any notation; given again for each of its cards, the one it boots from first',
      all('mac'),
    )
    .option('--uuid <uuid>', 'of SMBIOS', one('uuid'))
    .option('--serial <text>', 'of the board or the system', one('serial'))
    .option('--arch <name>', 'as uname -m prints it', one('arch'))
    .option('--hostname <name>', 'that DHCP or the kernel command line gives it', one('hostname'))
    .option(
      '--label <name=value>',
      'as statectl.label= on the kernel command line; given again for several',
      all('labels'),
    )
    .addOption(jsonOption())
    .action(async (name: string | undefined, options: WhyOptions) => {
      const claims = Object.keys(options).some((key) => key !== 'config' && key !== 'json');
      if (claims === (name !== undefined))
        throw new StatectlError('machine-unsaid', 'which machine?', {
          hint: 'give the name of a node, or what the machine says of itself: --mac, --uuid, --serial, --arch, --hostname, --label',
        });
      const dir = await readSettings(options.config);
      const machine = name === undefined ? machineOf(options) : identityOf(nodeNamed(dir, name));
      const answer = whyOf(dir, machine);
      if (options.json) return printJson(answer);
      for (const { node, file, match, selectors } of answer.nodes)
        printLine(`node ${node} (${file}): ${match} matches, ${selectors} selector${selectors > 1 ? 's' : ''}`);
      const [first] = answer.nodes;
      const rivals = rivalsOf(dir.nodes, machine);
      if (first === undefined) printLine('no node file names this machine');
      else if (rivals) printLine(`→ ${rivals[0].name} and ${rivals[1].name} match equally well: add a selector to one`);
      else printLine(`→ it is ${first.node}`);
      for (const { group, why } of answer.groups) printLine(`group ${group}: ${why}`);
      for (const { group, file, node, match } of answer.unseen)
        printLine(
          `not in group ${group}: ${file} asks for ${match}, and ${node} does not say that of the machine; write it under its match, or list the group`,
        );
      if (rivals) process.exitCode = 1;
    });

/** A wrong word is told before anything else is read. */
const one = (key: Claim) => (text: string) => normalMachineValue(key, text);
const all =
  (key: Claim) =>
  (text: string, before: readonly string[] = []): readonly string[] => [...before, normalMachineValue(key, text)];

const machineOf = ({ mac = [], uuid, serial, arch, hostname, label = [] }: WhyOptions): MachineIdentity => ({
  macs: mac,
  ...(uuid && { uuid }),
  ...(serial && { serial }),
  ...(arch && { arch }),
  ...(hostname && { hostname }),
  labels: labelsByName(label),
});

function whyOf(dir: ConfigDir, machine: MachineIdentity) {
  const matches = matchesOf(dir.nodes, machine);
  const node = matches[0]?.node;
  return {
    nodes: matches.map(({ node: { name, file, match }, count }) => ({
      node: name,
      file,
      match: writeMatch(match),
      selectors: count,
    })),
    // As the server has it: of a machine that a node file names, only what that says counts.
    unseen: node === undefined ? [] : unseenGroups(dir, node, machine),
    groups: groupsOf(dir.nodes, node, node ? undefined : machine).map(({ name, file, members, everyone, match }) => ({
      group: name,
      file,
      why: node?.groups.includes(name)
        ? `${node.file} lists it`
        : node && members.has(node.name)
          ? `${file} has ${node.name} among its nodes`
          : everyone
            ? `${file} is for all machines`
            : `${file}: ${match ? writeMatch(match) : ''} matches`,
    })),
  };
}

/** Groups that match what the machine says of itself, and not what its node file says of it. */
const unseenGroups = ({ nodes }: ConfigDir, node: NodeRecord, machine: MachineIdentity) => {
  const own = new Set(groupsOf(nodes, node, undefined).map(({ name }) => name));
  return groupsOf(nodes, undefined, machine).flatMap(({ name, file, match }) =>
    own.has(name) || !match ? [] : [{ group: name, file, node: node.file, match: writeMatch(match) }],
  );
};
