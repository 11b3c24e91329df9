import { basename } from 'node:path/posix';
import { entryOf } from '../../entry-of.ts';
import type { ServiceFacts, WantedService } from '../facts/service-facts.ts';
import type { SystemTree } from '../facts/system-tree.ts';
import { ADMIN_UNITS, findUnit, templateOf, type UnitFile, unitName, VENDOR_UNITS } from './unit-file.ts';

const DEPENDENCIES = { WantedBy: 'wants', RequiredBy: 'requires', UpheldBy: 'upholds' } as const;
/** Where a unit is wanted that does not say where. */
const USUAL = { timer: 'timers.target', socket: 'sockets.target', path: 'paths.target' } as const;
/** What systemd's generators start at each boot, whatever is linked. */
const GENERATED = /^(serial|container|console)-getty@|\.(mount|swap|automount|device|slice|scope)$/;

/**
 * What systemctl(1) would do to enable, disable or mask a unit, as links below /etc/systemd/system. Undefined where the system has no
 * such unit. What that leaves running is told.
 */
export async function unitLinks(
  tree: SystemTree,
  { name, state, others }: WantedService,
  warn: (text: string) => void,
): Promise<ServiceFacts | undefined> {
  const wanted = unitName(name);
  const found = await findUnit(tree, wanted);
  const mask = [...new Set([wanted, found?.unit ?? wanted])].map((unit) => `${ADMIN_UNITS}/${unit}`);
  // Whatever brings it later, a mask keeps it off.
  if (!found && (state === 'masked' || GENERATED.test(wanted))) {
    if (!GENERATED.test(wanted)) warn(`${name} is masked, but the system has no unit ${wanted}`);
    return { ...NOTHING, mask };
  }
  if (!found) return undefined;
  const units = [found];
  const named = new Set(others.map(unitName));
  // systemctl takes what belongs to it along; what config.d names has a state of its own.
  for (const also of found.install.Also) {
    const unit = named.has(also) ? undefined : await findUnit(tree, also);
    if (unit && !units.some((each) => each.unit === unit.unit)) units.push(unit);
  }
  const links = (await Promise.all(units.map((unit) => linksOf(tree, unit)))).flat();
  const started = links
    .filter(({ folder, isMask }) => folder === ADMIN_UNITS && !isMask)
    .map(({ folder, at }) => `${folder}/${at}`);
  // The image is read-only: a link to /dev/null of the same name in /etc takes such a one away (systemd.unit(5)).
  const vendors = links.filter(({ folder, at }) => folder !== ADMIN_UNITS && at.includes('/'));
  const hide = [...new Set(vendors.map(({ at }) => `${ADMIN_UNITS}/${at}`))];
  const isWanted = started.length + hide.length > 0;
  const enable: Record<string, string> = Object.assign({}, ...units.map((unit) => linksToMake(unit, isWanted)));
  const masked: string[] = [];
  for (const path of [...mask, ...hide]) if ((await tree.target(path)) === '/dev/null') masked.push(path);
  if (state === 'enabled' && found.unit.includes('@.') && Object.keys(enable).length === 0)
    warn(`${found.unit} is a template: name an instance of it, such as ${found.unit.replace('@.', '@tty1.')}`);
  if (state === 'disabled') {
    if (GENERATED.test(found.unit))
      warn(`${found.unit} is started by a generator of systemd, whatever is linked: \`masked\` keeps it off`);
    else if (!isWanted && isSilent(found))
      warn(`${found.unit} is static: other units start it when they need it; \`masked\` keeps it off`);
    for (const other of await othersThatStart(tree, found.unit))
      if (!named.has(other) && !units.some(({ unit }) => unit === other))
        warn(`${found.unit} is disabled, but ${other} is not, and starts it: disable that too, or mask the service`);
  }
  return { enable, started, hide, mask, masked };
}

const NOTHING: ServiceFacts = { enable: {}, started: [], hide: [], mask: [], masked: [] };

const isSilent = ({ install }: UnitFile): boolean => Object.values(install).every((values) => values.length === 0);

/** By path: what the link says. What is started anyway, or says where it belongs, is not wanted elsewhere too. */
function linksToMake(found: UnitFile, isWanted: boolean): Readonly<Record<string, string>> {
  const { unit, file, install } = found;
  const [instance] = unit.includes('@.') ? install.DefaultInstance : [];
  const name = instance === undefined ? unit : unit.replace('@.', `@${instance}.`);
  if (name.includes('@.')) return {};
  const dependencies = Object.entries(DEPENDENCIES).flatMap(([key, kind]) =>
    install[key as keyof typeof DEPENDENCIES].map((by) => `${expand(by, name)}.${kind}/${name}`),
  );
  const type = name.split('.').at(-1) as keyof typeof USUAL;
  const usual = isSilent(found) && !isWanted ? [`${USUAL[type] ?? 'multi-user.target'}.wants/${name}`] : [];
  const paths = [...dependencies, ...install.Alias.map((alias) => expand(alias, name)), ...usual];
  return Object.fromEntries(paths.map((path) => [`${ADMIN_UNITS}/${path}`, file]));
}

/** The specifiers that name a unit, systemd.unit(5). */
function expand(text: string, name: string): string {
  const [, prefix = '', , instance = ''] = /^([^@]*)(@(.*))?\.[a-z]+$/.exec(name) ?? [];
  const values: Readonly<Record<string, string>> = {
    ...{
      i: instance,
      I: instance,
      p: prefix,
      P: prefix,
      n: name,
      N: name.replace(/\.[a-z]+$/, ''),
      j: prefix.split('-').at(-1) ?? '',
      '%': '%',
    },
  };
  return text.replace(/%(.)/g, (all, letter: string) => entryOf(values, letter) ?? all);
}

interface UnitLink {
  /** That of the links, and the path in it: `x.target.wants/a.service`, or an alias. */
  readonly folder: string;
  readonly at: string;
  readonly isMask: boolean;
}

/** All links that lead to a unit, by its name or by where they lead. A template has those of its instances. */
async function linksOf(tree: SystemTree, { unit }: UnitFile): Promise<readonly UnitLink[]> {
  const fits = (name: string) => name === unit || (unit.includes('@.') && templateOf(name) === unit);
  const links: UnitLink[] = [];
  for (const folder of [ADMIN_UNITS, ...VENDOR_UNITS])
    for (const name of await tree.list(folder)) {
      if (/\.(wants|requires|upholds)$/.test(name)) {
        for (const entry of await tree.list(`${folder}/${name}`)) {
          const target = (await tree.target(`${folder}/${name}/${entry}`)) ?? '';
          if (fits(entry) || fits(basename(target)))
            links.push({ folder, at: `${name}/${entry}`, isMask: target === '/dev/null' });
        }
        continue;
      }
      const target = fits(name) ? undefined : await tree.target(`${folder}/${name}`);
      if (target !== undefined && fits(basename(target))) links.push({ folder, at: name, isMask: false });
    }
  return links;
}

/** Sockets, timers and paths of the same name that are enabled themselves. */
async function othersThatStart(tree: SystemTree, service: string): Promise<readonly string[]> {
  const base = /^(.*)\.service$/.exec(service)?.[1];
  const starting: string[] = [];
  for (const type of base === undefined ? [] : ['socket', 'timer', 'path']) {
    const unit = await findUnit(tree, `${base}.${type}`);
    if (unit && (await linksOf(tree, unit)).some(({ isMask }) => !isMask)) starting.push(unit.unit);
  }
  return starting;
}
