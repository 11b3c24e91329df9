import type { Config } from '../../config.ts';
import { foldersAbove } from '../../settings/folders-above.ts';
import type { Inconsistency } from './inconsistency.ts';

/** Files that two settings write, and services and modules that two settings want otherwise. */
export function fileFaults(config: Config): readonly Inconsistency[] {
  return [...writtenTwice(config), ...filesAsFolders(config), ...modulesTwice(config)];
}

/** What other settings make, and the setting. */
function madeFiles({ etc, users, identity }: Config): ReadonlyMap<string, string> {
  const made: readonly (readonly [path: string, setting: string, isSet: boolean])[] = [
    ['/etc/hostname', 'etc.hostname', etc.hostname !== undefined],
    ['/etc/hosts', 'etc.hosts', Object.keys(etc.hosts).length > 0],
    ['/etc/localtime', 'etc.timezone', etc.timezone !== undefined],
    ['/etc/machine-id', 'etc.machineId', true],
    ...['passwd', 'group', 'shadow'].map(
      (name) => [`/etc/${name}`, 'users.conf', Object.keys({ ...users.users, ...users.groups }).length > 0] as const,
    ),
    ...Object.keys(identity.secrets).map((path) => [path, 'identity.secrets', true] as const),
  ];
  return new Map(made.filter(([, , isSet]) => isSet).map(([path, setting]) => [path, setting]));
}

function writtenTwice(config: Config): readonly Inconsistency[] {
  const made = madeFiles(config);
  return Object.keys(config.etc.files).flatMap((path) => {
    const setting = made.get(path);
    return setting === undefined
      ? []
      : [{ path: ['etc', 'files', path], message: `${path} is made by ${setting}: only one of them can` }];
  });
}

function filesAsFolders({ etc }: Config): readonly Inconsistency[] {
  return Object.keys(etc.files).flatMap((path) => {
    const around = foldersAbove(path).find((folder) => Object.hasOwn(etc.files, folder));
    return around === undefined
      ? []
      : [{ path: ['etc', 'files', path], message: `${around} is a file: nothing can lie below it` }];
  });
}

function modulesTwice({ boot: { modules } }: Config): readonly Inconsistency[] {
  const never = new Set(modules.never);
  return modules.load
    .filter((name) => never.has(name))
    .map((name) => ({ path: ['boot', 'modules', 'load'], message: `${name} is both under load and under never` }));
}
