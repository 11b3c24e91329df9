import { basename } from 'node:path/posix';
import type { SystemTree } from '../facts/system-tree.ts';

/** Where systemd looks for units, the first first; the folders of a boot alone are empty before it starts (systemd.unit(5)). */
export const ADMIN_UNITS = '/etc/systemd/system';
export const VENDOR_UNITS = ['/usr/local/lib/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];
const TYPES = 'service|socket|device|mount|automount|swap|target|path|timer|slice|scope';

/** What a unit says of how it is started at boot: its section [Install]. */
export interface UnitFile {
  /** Its own name, where it was looked for by another. */
  readonly unit: string;
  readonly file: string;
  readonly install: Readonly<Record<InstallKey, readonly string[]>>;
}

const INSTALL_KEYS = ['WantedBy', 'RequiredBy', 'UpheldBy', 'Also', 'Alias', 'DefaultInstance'] as const;
type InstallKey = (typeof INSTALL_KEYS)[number];

/** As systemctl(1) does: without a type a service is meant. */
export const unitName = (name: string): string => (new RegExp(`\\.(${TYPES})$`).test(name) ? name : `${name}.service`);

/** `getty@.service` of `getty@tty1.service`; undefined for what is no instance. */
export const templateOf = (unit: string): string | undefined =>
  /@[^.]/.test(unit) ? unit.replace(/@.*(?=\.[a-z]+$)/, '@') : undefined;

/** Follows aliases to the unit itself, and passes over masks. Undefined where there is no such unit. */
export async function findUnit(tree: SystemTree, name: string): Promise<UnitFile | undefined> {
  const template = templateOf(name);
  for (const wanted of template === undefined ? [name] : [name, template])
    for (const folder of [ADMIN_UNITS, ...VENDOR_UNITS]) {
      const file = await tree.resolve(`${folder}/${wanted}`);
      const text = file === undefined || file === '/dev/null' ? undefined : await tree.read(file);
      // An empty file masks too.
      if (file === undefined || text === undefined || text.trim() === '') continue;
      const own = basename(file);
      const unit = template !== undefined && own.includes('@.') ? instanceOf(own, name) : own;
      return { unit, file, install: await readInstall(tree, [unit, own], text) };
    }
  return undefined;
}

const instanceOf = (template: string, instance: string): string =>
  template.replace('@.', `@${instance.slice(instance.indexOf('@') + 1, instance.lastIndexOf('.'))}.`);

/** Drop-ins may say more. */
async function readInstall(tree: SystemTree, names: readonly string[], text: string): Promise<UnitFile['install']> {
  const install: Record<InstallKey, readonly string[]> = {
    ...{ WantedBy: [], RequiredBy: [], UpheldBy: [], Also: [], Alias: [], DefaultInstance: [] },
  };
  const texts = [text];
  for (const folder of [...VENDOR_UNITS.toReversed(), ADMIN_UNITS])
    for (const name of new Set(names.map((each) => `${folder}/${each}.d`)))
      for (const file of await tree.list(name))
        if (file.endsWith('.conf')) texts.push((await tree.read(`${name}/${file}`)) ?? '');
  for (const [key, value] of texts.flatMap(installLines))
    install[key] = value === '' ? [] : [...new Set([...install[key], ...words(value)])];
  return install;
}

const words = (value: string): readonly string[] =>
  (value.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^(["'])(.*)\1$/, '$2'));

/** systemd.syntax(7): comments may stand within a line that goes on. */
function installLines(text: string): readonly (readonly [InstallKey, string])[] {
  let section = '';
  return text
    .replace(/^[ \t]*[#;].*(\n|$)/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .flatMap((raw) => {
      const line = raw.trim();
      section = /^\[(.*)\]$/.exec(line)?.[1] ?? section;
      const [, key = '', value = ''] = /^([A-Za-z]+)\s*=\s*(.*)$/.exec(line) ?? [];
      const known = section === 'Install' && INSTALL_KEYS.find((each) => each === key);
      return known ? [[known, value] as const] : [];
    });
}
