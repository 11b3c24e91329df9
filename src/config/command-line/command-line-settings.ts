import { entryOf } from '../../entry-of.ts';
import { isStatectlError, reasonOf } from '../../error.ts';
import { checkSettings } from '../effective.ts';
import { treeOfPlain } from '../tree/plain-tree.ts';
import { emptyMapping, type Mapping, overlay, type Plain, type SettingPath, treeOf } from '../tree/tree.ts';
import { allArguments, type CommandLine, type PlacedArgument } from './command-line.ts';
import { parseIpArgument } from './ip-argument.ts';
import { parseBond, parseBridge, parseVlan } from './link-arguments.ts';
import { namedSettings } from './named-arguments.ts';
import { type Changes, changesOf, networkWishes, together } from './network-arguments.ts';
import { laySetArguments, originOfWord } from './set-argument.ts';

/** What a kernel command line makes of settings, for people who look before they boot. */
export interface CommandLineSettings {
  /** With what it says over them, each at its place on the command line. */
  readonly settings: Mapping;
  /** What it says besides: no setting by name. */
  readonly notes: readonly string[];
  /** What a boot would tell and leave out, or stop at. */
  readonly faults: readonly string[];
}

/** Lays the arguments that are settings over them: those of statectl.set= first, as a boot does. Pure. */
export function commandLineSettings(below: Mapping, commandLine: CommandLine): CommandLineSettings {
  const { settings: set, faults } = laySetArguments(below, allArguments(commandLine, 'statectl.set'));
  const named = namedSettings(commandLine).map(({ path, value, word, instead }) => sayAt(path, value, word, instead));
  const { config } = checkSettings(set);
  const wishes = tried(() => config && networkWishes(config.network, commandLine));
  const links = 'value' in wishes && wishes.value ? linkLayers(commandLine.words, wishes.value.network.interfaces) : [];
  const addresses = tried(() => addressLayers(allArguments(commandLine, 'ip')));
  const { layers: said, notes } = 'value' in addresses ? addresses.value : { layers: [], notes: [] };
  return {
    settings: [...named, ...links, ...said].reduce((tree, layer) => overlay(tree, layer) as Mapping, set),
    notes: [...notes, ...commandLine.words.filter(({ name }) => BOOT_INTERFACE.has(name)).map(noteOf)],
    faults: [...faults, ...('fault' in wishes ? [wishes.fault] : 'fault' in addresses ? [addresses.fault] : [])],
  };
}

/** What chooses or changes the interface that is booted from, whichever that turns out to be. */
const BOOT_INTERFACE = new Set(['BOOTIF', 'bootdev', 'nameserver', 'rd.route', 'rd.peerdns', 'rd.neednet']);

const placed = ({ origin, line, column, raw }: PlacedArgument): string => `${origin}:${line}:${column} ${raw}`;
const noteOf = (word: PlacedArgument): string => `${placed(word)}: of the interface that is booted from`;

function tried<Value>(task: () => Value): { readonly value: Value } | { readonly fault: string } {
  try {
    return { value: task() };
  } catch (error) {
    if (!isStatectlError(error)) throw error;
    return { fault: reasonOf(error) };
  }
}

/** One value as a layer. `gone` is taken out of the mapping that it is, or else of the one that it stands in. */
function sayAt(path: SettingPath, value: Plain, word: PlacedArgument, gone?: string): Mapping {
  const origin = originOfWord(word);
  const said = treeOf(path, treeOfPlain(value, origin)) as Mapping;
  if (gone === undefined) return said;
  const around = typeof value === 'object' ? path : path.slice(0, -1);
  const without = treeOf(around, { ...emptyMapping(origin), removes: new Map([[gone, origin]]) });
  return overlay(without, said) as Mapping;
}

/** Interfaces as vlan=, bond=, bridge= and ifname= make them, whole. */
function linkLayers(
  words: readonly PlacedArgument[],
  interfaces: Readonly<Record<string, object>>,
): readonly Mapping[] {
  return words.flatMap((word) => {
    const name = entryOf(LINKS, word.name)?.(word.value ?? '');
    const entry = name === undefined ? undefined : entryOf(interfaces, name);
    return name === undefined || entry === undefined
      ? []
      : [sayAt(['network', 'interfaces', name], briefly(entry), word)];
  });
}

const LINKS: Readonly<Record<string, (value: string) => string | undefined>> = {
  vlan: (value) => parseVlan(value).name,
  bond: (value) => parseBond(value).name,
  bridge: (value) => parseBridge(value).name,
  ifname: (value) => value.split(':')[0],
};

/** ip= that name an interface; what one without says is for the interface that is booted from. */
function addressLayers(words: readonly PlacedArgument[]): Pick<CommandLineSettings, 'notes'> & {
  readonly layers: readonly Mapping[];
} {
  const changes = new Map<string, { readonly changes: Changes; readonly word: PlacedArgument }>();
  const notes: string[] = [];
  for (const word of words) {
    const ip = parseIpArgument(word.value ?? '');
    const { hostname, ...wish } = changesOf(ip);
    if (ip.method === 'off') notes.push(`${placed(word)}: no address for ${ip.device ?? 'any interface'}`);
    else if (ip.device === undefined)
      notes.push(`${placed(word)}: for the interface that is booted from, ${JSON.stringify(briefly(wish))}`);
    else {
      const before = changes.get(ip.device)?.changes;
      changes.set(ip.device, { changes: before ? together(before, wish) : wish, word });
    }
    if (hostname !== undefined) notes.push(`${placed(word)}: the machine is called ${hostname}`);
  }
  const layers = [...changes].map(([device, { changes: wish, word }]) =>
    // How else config.d wanted an address no longer counts.
    sayAt(
      ['network', 'interfaces', device],
      asWritten(wish),
      word,
      wish.acceptRa === undefined ? 'acceptRa' : undefined,
    ),
  );
  return { layers, notes };
}

/** Without what nobody needs to say. */
const briefly = (entry: object): Plain =>
  Object.fromEntries(
    Object.entries(asWritten(entry) as object).filter(
      ([key, value]) =>
        (key === 'dhcp4' || !['[]', '{}', 'false'].includes(JSON.stringify(value))) &&
        !(key === 'handover' && value === 'keep'),
    ),
  );

/** As a file of config.d has it: durations as text, nothing that is not said. */
const asWritten = (entry: object): Plain =>
  Object.fromEntries(
    Object.entries(entry).flatMap(([key, value]): readonly (readonly [string, Plain])[] => {
      if (value === undefined) return [];
      return key.endsWith('Ms') ? [[key.slice(0, -2), `${value}ms`]] : [[key, value as Plain]];
    }),
  );
