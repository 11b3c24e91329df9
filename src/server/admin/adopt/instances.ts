import { posix } from 'node:path';
import { StatectlError } from '../../../error.ts';
import type { HostFacts } from './host-facts.ts';
import { optionOf, readUnit, type UnitService } from './systemd-unit.ts';

/** One printer of a host: its folders, and the services that work on them. */
export interface Instance {
  readonly name: string;
  /** What Moonraker calls its data path. */
  readonly data: string;
  /** Where its parts are today: of an old layout elsewhere than below `data`. */
  readonly from: { readonly config: string; readonly gcodes: string; readonly database: string };
  readonly isOld: boolean;
  readonly user: string;
  readonly services: { readonly klipper?: string; readonly moonraker?: string };
  readonly programs: { readonly klipper?: string; readonly moonraker?: string };
  /** Klipper's API socket, where it is not `comms/klippy.sock`. */
  readonly socket?: string;
  /** The config that Klipper is started with. */
  readonly main: string;
  /** More services of Klipper that work on the same folder. */
  readonly others: readonly string[];
}

/** Which folder is called how, as the person says: `voron=~/printer_1_data`. */
export interface NamedFolder {
  readonly name: string;
  readonly folder: string;
}

interface Found {
  readonly data: string;
  klipper?: UnitService;
  moonraker?: UnitService;
  /** More services of Klipper that work on the same folder. */
  readonly others: UnitService[];
}

/**
 * The printers of a host: by what its services are started with, and by folders as MainsailOS and KIAUH call them. With `named`
 * those alone. Pure. Throws `adopt-nothing`, `adopt-name`.
 */
export function findInstances(facts: HostFacts, named: readonly NamedFolder[] = []): readonly Instance[] {
  const found = foundIn(facts);
  const all = [...found.values()].toSorted((a, b) => (a.data < b.data ? -1 : 1));
  if (named.length === 0 && all.length === 0) throw nothing(facts);
  const chosen =
    named.length > 0
      ? named.map(({ name, folder }) => ({ name, of: folderNamed(facts, all, folder) }))
      : all.map((of) => ({ name: usualName(facts, of, all.length), of }));
  const twice = chosen.find(({ name }, at) => chosen.findIndex((one) => one.name === name) !== at);
  if (twice)
    throw new StatectlError('adopt-name', `two printers of this host would be called ${twice.name}`, {
      hint: 'name them: --printer NAME=DIR for each',
    });
  return chosen.map(({ name, of }) => instanceOf(facts, name, of));
}

function servicesOf(facts: HostFacts): readonly UnitService[] {
  const environments = new Map(facts.environments.map(({ path, text }) => [path, text]));
  return (
    facts.units
      .filter(({ path }) => path.endsWith('.service'))
      .map(({ path, text }) => readUnit(path, `${text}\n${dropInsOf(facts, path)}`, environments))
      // A template names no folder.
      .filter(({ name }) => !name.endsWith('@'))
  );
}

function foundIn(facts: HostFacts): ReadonlyMap<string, Found> {
  const services = servicesOf(facts);
  const found = new Map<string, Found>();
  const at = (data: string): Found => {
    const known = found.get(realOf(facts, data)) ?? { data, others: [] };
    found.set(realOf(facts, data), known);
    return known;
  };
  // Units of /etc stand first, and count before those of the system.
  for (const unit of services) {
    if (unit.words.some((word) => /(?:^|\/)moonraker(?:\.py)?$/.test(word))) {
      const data = optionOf(unit.words, '-d', '--datapath') ?? dataOf(optionOf(unit.words, '-c', '--configfile'));
      if (data !== undefined) at(atHome(facts, data)).moonraker ??= unit;
    }
    const main = mainOf(unit);
    const data = dataOf(main);
    if (data === undefined) continue;
    const of = at(atHome(facts, data));
    if (of.klipper === undefined) of.klipper = unit;
    else if (of.klipper.name !== unit.name) of.others.push(unit);
  }
  for (const folder of facts.folders) {
    const name = posix.basename(folder);
    if (/^printer(?:_.+)?_data$/.test(name)) at(folder);
    // Where both are, the old one was left behind by an update.
    if (name === 'klipper_config' && found.size === 0 && !facts.folders.includes(`${facts.home}/printer_data`))
      at(`${facts.home}/printer_data`);
  }
  return found;
}

/** What somebody put over a unit, in the order in which systemd reads it. */
const dropInsOf = ({ units }: HostFacts, path: string): string =>
  units
    .filter((unit) => unit.path.startsWith(`${path}.d/`))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ text }) => text)
    .join('\n');

/** One folder may have several names. */
const realOf = ({ realPaths }: HostFacts, path: string): string => realPaths.get(path) ?? path;

/** `DATA/config/printer.cfg`; of the old layout, `~/klipper_config/printer.cfg`. */
function dataOf(config: string | undefined): string | undefined {
  if (config === undefined) return undefined;
  const folder = posix.dirname(config);
  if (posix.basename(folder) === 'config') return posix.dirname(folder);
  if (posix.basename(folder) === 'klipper_config') return posix.join(folder, '../printer_data');
  // Of several, as KIAUH had them: `~/klipper_config/printer_1/printer.cfg`.
  const [above, name] = [posix.dirname(folder), posix.basename(folder)];
  return posix.basename(above) === 'klipper_config' ? posix.join(above, `../${name}_data`) : undefined;
}

/** The one file that Klipper is given; its options all have a value but -v. */
function mainOf({ words }: UnitService): string | undefined {
  const start = words.findIndex((word) => /(?:^|\/)klippy\.py$/.test(word));
  if (start < 0) return undefined;
  for (let at = start + 1; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (!word.startsWith('-')) return word;
    if (!/^-v$|^--verbose$|=/.test(word)) at += 1;
  }
  return undefined;
}

const atHome = ({ home }: HostFacts, path: string): string =>
  posix.resolve(home, path.replace(/^(?:~|\$HOME|%h)(?=\/|$)/, home)).replace(/\/$/, '') || '/';

function folderNamed(facts: HostFacts, all: readonly Found[], folder: string): Found {
  const path = atHome(facts, folder);
  const known = all.find(({ data }) => realOf(facts, data) === realOf(facts, path));
  if (known) return known;
  if (facts.folders.includes(path)) return { data: path, others: [] };
  throw new StatectlError('adopt-nothing', `there is no folder ${path} with config and gcodes in it`, {
    hint: all.length > 0 ? `there are ${all.map(({ data }) => data).join(', ')}` : 'name the data path of Moonraker',
  });
}

/** Of its account, as Klipper has `~`: who logged in may be another one, such as root. */
export const homeOf = (
  { user, home }: Pick<HostFacts, 'user' | 'home'>,
  { user: owner, data }: Pick<Instance, 'user' | 'data'>,
): string => (owner === user ? home : posix.dirname(data));

/** A printer alone is called as its host; of several, each as its folder or its service. */
function usualName(facts: HostFacts, { data, klipper }: Found, count: number): string {
  const host = plain(facts.hostname.split('.')[0] ?? '') || 'printer';
  if (count === 1) return host;
  const [, part] = /^printer_(.+)_data$/.exec(posix.basename(data)) ?? [];
  const own = part ?? /^klipper-(.+)$/.exec(klipper?.name ?? '')?.[1];
  const name = plain(own ?? '');
  // A number alone says little, and is no name.
  return /^[a-z]/.test(name) ? name : plain(`${host}${own === undefined ? '' : `-${own}`}`) || host;
}

const plain = (text: string): string =>
  text
    .slice(0, 256)
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 63);

function instanceOf(facts: HostFacts, name: string, { data, klipper, moonraker, others }: Found): Instance {
  const isThere = facts.folders.some((folder) => realOf(facts, folder) === realOf(facts, data));
  const old = (folder: string) => `${facts.home}/${folder}`;
  const isOld = !isThere && facts.folders.includes(old('klipper_config'));
  const socket = klipper && optionOf(klipper.words, '-a', '--api-server');
  const klippy = klipper?.words.find((word) => /(?:^|\/)klippy\.py$/.test(word));
  const started = moonraker?.words.find((word) => /(?:^|\/)moonraker(?:\.py)?$/.test(word));
  const programs = {
    ...(klippy !== undefined && { klipper: posix.join(posix.dirname(atHome(facts, klippy)), '..') }),
    // `…/moonraker/moonraker/moonraker.py`
    ...(started?.endsWith('.py') && { moonraker: posix.join(posix.dirname(atHome(facts, started)), '..') }),
  };
  const main = klipper && mainOf(klipper);
  const said = main && posix.dirname(atHome(facts, main));
  const oldConfig = said?.startsWith(`${old('klipper_config')}/`) ? said : old('klipper_config');
  return {
    name,
    data,
    isOld,
    from: isOld
      ? { config: oldConfig, gcodes: old('gcode_files'), database: old('.moonraker_database') }
      : { config: `${data}/config`, gcodes: `${data}/gcodes`, database: `${data}/database` },
    user: klipper?.user ?? moonraker?.user ?? facts.user,
    services: { ...(klipper && { klipper: klipper.name }), ...(moonraker && { moonraker: moonraker.name }) },
    programs,
    others: others.map((unit) => unit.name),
    ...(socket !== undefined && !isOld && { socket: atHome(facts, socket) }),
    main: main === undefined ? `${data}/config/printer.cfg` : atHome(facts, main),
  };
}

function nothing(facts: HostFacts): StatectlError {
  const { home, user } = facts;
  const hint = 'log in as the account of Klipper, or name its folder: --printer NAME=DIR';
  const mains = servicesOf(facts).flatMap((unit) => mainOf(unit) ?? []);
  if (mains.length > 0)
    return new StatectlError('adopt-nothing', `Klipper has its config there at ${mains.join(', ')}, alone`, {
      hint: 'a printer has a folder with config and gcodes in it, as Moonraker has them: put it into ~/printer_data/config, and name the folder: --printer NAME=DIR',
    });
  return new StatectlError(
    'adopt-nothing',
    `${user} has no printer there: neither a service of Klipper, nor ${home}/printer_data`,
    { hint },
  );
}
