import { entryOf } from '../../entry-of.ts';
import { reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { type ConfigFault, faultAt } from '../check/fault.ts';
import { lostKeys, schemaFaults } from '../check/schema-faults.ts';
import { GroupFile, NodeFile } from '../schema/node.ts';
import { IN_WORDS } from '../settings/schema-words.ts';
import { readText } from '../tree/read-text.ts';
import {
  emptyMapping,
  type Mapping,
  type Origin,
  originOf,
  type Plain,
  plainOf,
  type Tree,
  treeAt,
  writtenOf,
} from '../tree/tree.ts';
import { readYaml } from '../tree/yaml-file.ts';
import { expandHostlist } from './hostlist.ts';
import type { Match } from './identity.ts';

/** What a node or a group says. */
interface Said {
  readonly name: string;
  /** `nodes/print.conf` */
  readonly file: string;
  readonly origin: Origin;
  readonly metadata: Mapping;
  readonly set: Mapping;
}

export interface NodeRecord extends Said {
  readonly match: Match;
  /** As the node lists them. */
  readonly groups: readonly string[];
}

export interface GroupRecord extends Said {
  readonly members: ReadonlySet<string>;
  /** `nodes: all`: every machine is a member, also one that no node file names. */
  readonly everyone: boolean;
  /** Where they are listed. */
  readonly membersAt: Origin;
  readonly match?: Match;
}

export interface Nodes {
  /** Hostlists are expanded: one record a machine. */
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  /** By file name, which is also the order in which groups that claim their members apply. */
  readonly groups: ReadonlyMap<string, GroupRecord>;
  /** Groups whose file is at fault, by what it or its file calls them: nobody knows what their members get. */
  readonly faultyGroups: ReadonlyMap<string, readonly ConfigFault[]>;
  readonly fileCount: number;
}

const FOLDER = 'nodes';
/** What is said of one machine, as often as it counts: each gets all of it. Ten thousand machines with 3 KB each. */
const MOST_LETTERS = 32 << 20;
/** As `node run` and `node move` call all machines. */
const EVERYONE = 'all';

/** Reads nodes/*.conf. A file with faults gives nothing and stops no other. */
export async function readNodes(host: Pick<Host, 'files'>, dir: string, faults: ConfigFault[]): Promise<Nodes> {
  const nodes = new Map<string, NodeRecord>();
  const groups = new Map<string, GroupRecord>();
  const faultyGroups = new Map<string, readonly ConfigFault[]>();
  const listed = await host.files.list(`${dir}/${FOLDER}`).catch(() => []);
  const names = listed.filter((candidate) => candidate.endsWith('.conf')).toSorted();
  for (const name of names) {
    const file = `${FOLDER}/${name}`;
    const before = faults.length;
    const text = await readText(host, dir, file, faults);
    const records = text === undefined ? [] : readFile(text, file, faults);
    if (records.length === 0 && faults.length > before)
      for (const called of [name.slice(0, -'.conf'.length), ...groupNameIn(text ?? '')])
        faultyGroups.set(called, faults.slice(before));
    for (const record of records) {
      const known: Map<string, Said> = 'members' in record ? groups : nodes;
      const other = known.get(record.name);
      if (other) faults.push(faultAt(record.origin, `${record.name} is in ${other.file} already`));
      else known.set(record.name, record);
    }
  }
  checkGroups(nodes, { groups, faultyGroups }, faults);
  return { nodes, groups, faultyGroups, fileCount: names.length };
}

/** The name that a group file gives, also where the rest of it cannot be read. */
const groupNameIn = (text: string): readonly string[] => {
  const name = /^[ \t]*(?:\{[ \t]*)?["']?group["']?[ \t]*:[ \t]*["']?([\w.-]+)/m.exec(text)?.[1];
  return name === undefined ? [] : [name];
};

function readFile(text: string, file: string, faults: ConfigFault[]): readonly (NodeRecord | GroupRecord)[] {
  const before = faults.length;
  const tree = readYaml(text, file, 'node', faults);
  if (faults.length > before) return [];
  lossyValues(mappingAt(tree, 'metadata'), faults);
  for (const key of ['match', 'macs']) faults.push(...lostKeys(mappingAt(tree, key)));
  return tree.entries.has('group') ? readGroup(text, file, faults) : readNode(tree, file, faults);
}

function readGroup(text: string, file: string, faults: ConfigFault[]): readonly GroupRecord[] {
  const [name = ''] = groupNameIn(text);
  const tree = readYaml(text, file, `group ${name}`, faults);
  const result = GroupFile.safeParse(namesOf(tree), IN_WORDS);
  if (!result.success) {
    faults.push(...schemaFaults(result.error, tree, GroupFile));
    return [];
  }
  const { group, nodes = '', match } = result.data;
  const everyone = nodes === EVERYONE;
  const members = everyone ? [] : hostlist(nodes, tree, 'nodes', faults);
  if (isTooMuch(tree, members, [])) return tooMuch(tree, members, faults);
  return [
    {
      ...said(group, file, tree),
      members: new Set(members),
      everyone,
      membersAt: originOf(tree, ['nodes']),
      ...(match && { match }),
    },
  ];
}

function readNode(tree: Mapping, file: string, faults: ConfigFault[]): readonly NodeRecord[] {
  const result = NodeFile.safeParse(namesOf(tree), IN_WORDS);
  if (!result.success) {
    faults.push(...schemaFaults(result.error, tree, NodeFile));
    return [];
  }
  const { node = file.slice(FOLDER.length + 1, -'.conf'.length), match, macs = {}, groups } = result.data;
  const names = hostlist(node, tree, 'node', faults);
  if (isTooMuch(tree, names, groups)) return tooMuch(tree, names, faults);
  const fail = (path: readonly string[], message: string) => faults.push(faultAt(originOf(tree, path), message));
  if (match && names.length > 1)
    fail(['match'], `one match cannot tell ${names.length} machines apart: give each its MAC address under "macs"`);
  if (names.includes(EVERYONE)) fail(['node'], `"${EVERYONE}" stands for all machines, and can be no name of one`);
  const known = new Set(names);
  for (const name of Object.keys(macs))
    if (!known.has(name)) fail(['macs', name], `${name} is not among the names of this file`);
  return names.map((name) => {
    const mac = entryOf(macs, name);
    return { ...said(name, file, tree), match: mac ? { mac: [mac] } : (match ?? { hostname: name }), groups };
  });
}

/** What names a machine counts as it was written: a MAC address of digits alone, a serial number 007, a label 07. */
const namesOf = (tree: Mapping): Plain =>
  Object.fromEntries(
    [...tree.entries].map(([key, value]) => [
      key,
      key === 'metadata' || key === 'set' ? plainOf(value) : writtenOf(value),
    ]),
  );

/** A template would print another text than the file has: 1.1 for 1.10, true for True, nothing for ~. */
function lossyValues(tree: Tree, faults: ConfigFault[]): void {
  if (tree.kind === 'mapping') for (const value of tree.entries.values()) lossyValues(value, faults);
  else if (tree.kind === 'list') for (const item of tree.items) lossyValues(item, faults);
  // Nothing at all is written as nothing, and prints so.
  else if (tree.value === null && tree.text !== '')
    faults.push(faultAt(tree.origin, `${tree.text ?? 'null'} would be nothing: ${IN_QUOTES}`));
  else if (tree.value !== null && tree.text !== undefined)
    faults.push(
      faultAt(
        tree.origin,
        typeof tree.value === 'number'
          ? `${tree.text} would be the number ${Object.is(tree.value, -0) ? '-0' : tree.value}: ${IN_QUOTES}`
          : `${tree.text} would be ${tree.value}: ${IN_QUOTES}`,
      ),
    );
}
const IN_QUOTES = 'put it in quotes';

function hostlist(text: string, tree: Mapping, key: string, faults: ConfigFault[]): readonly string[] {
  try {
    return text === '' ? [] : expandHostlist(text);
  } catch (error) {
    faults.push(faultAt(originOf(tree, [key]), reasonOf(error)));
    return [];
  }
}

const isTooMuch = (tree: Mapping, names: readonly string[], groups: readonly string[]): boolean =>
  names.length * JSON.stringify([groups, ...['metadata', 'set'].map((key) => plainOf(mappingAt(tree, key)))]).length >
  MOST_LETTERS;

function tooMuch(tree: Mapping, names: readonly string[], faults: ConfigFault[]): readonly [] {
  faults.push(
    faultAt(tree.origin, `says too much for ${names.length} machines together: say less of each, or name fewer`),
  );
  return [];
}

const said = (name: string, file: string, tree: Mapping): Said => ({
  name,
  file,
  origin: tree.origin,
  metadata: mappingAt(tree, 'metadata'),
  set: mappingAt(tree, 'set'),
});

const mappingAt = (tree: Mapping, key: string): Mapping => {
  const at = treeAt(tree, [key]);
  return at?.kind === 'mapping' ? at : emptyMapping(tree.origin);
};

function checkGroups(
  nodes: ReadonlyMap<string, NodeRecord>,
  { groups, faultyGroups }: Pick<Nodes, 'groups' | 'faultyGroups'>,
  faults: ConfigFault[],
): void {
  // A hostlist's machines share their file: one word for all of them.
  const files = new Map([...nodes.values()].map((node) => [node.file, node]));
  for (const { groups: wanted, origin } of files.values())
    for (const name of new Set(wanted)) {
      if (groups.has(name) || faultyGroups.has(name)) continue;
      faults.push(faultAt(origin, `there is no group ${name}; write nodes/${name}.conf with \`group: ${name}\``));
    }
}
