import { posix } from 'node:path';
import { entryOf } from '../../../entry-of.ts';
import type { HostFacts } from './host-facts.ts';
import type { Instance } from './instances.ts';
import type { Remark } from './remark.ts';

/** What is known of services that live beside Klipper. */
const KNOWN: readonly (readonly [RegExp, string])[] = [
  [
    /^crowsnest|^webcamd/i,
    'the camera: its program has to be in the image; crowsnest.conf is in the config, and taken',
  ],
  [/^klipperscreen/i, 'the screen: its program has to be in the image; KlipperScreen.conf is in the config, and taken'],
  [
    /timelapse/i,
    'timelapse: its component and program have to be in the image; what it recorded stays at the old host',
  ],
  [
    /^(?:sonar|moonraker-obico|octoeverywhere|telegram|mobileraker)/i,
    'a companion: its program has to be in the image, its tokens are secrets',
  ],
];
const WHY: Readonly<Partial<Record<string, string>>> = {
  backup:
    'a backup of the config with a history of its own, and with what lets it push (.env): it stays there and has to be told to push no more, or from elsewhere; `git push` brings that history here as a branch',
  cron: 'jobs of cron are of the old system: those that are needed belong into the image',
  network: 'settings of its network, with its passwords: system/network.conf of config.d says them',
  system: 'a setting of the old system: what is needed of it belongs into the image',
};
const MOST = 100;

/** What the host has beside its printers, and is not taken. Pure. */
export function hostRemarks(facts: HostFacts, instances: readonly Instance[]): readonly Remark[] {
  const own = new Set(instances.flatMap(({ services }) => Object.values(services)));
  const units = facts.units
    .filter(({ path }) => path.startsWith('/etc/'))
    .map(({ path }): Remark => {
      const name = posix.basename(path).replace(/\.service$/, '');
      const [, unit] = /\/([^/]+)\.service\.d\//.exec(path) ?? [];
      if (unit !== undefined)
        return { what: path, why: `somebody edited ${unit} with it: that belongs into the image` };
      if (own.has(name)) return { what: path, why: 'the unit of a printer: the image has one of its own' };
      return {
        what: path,
        why:
          KNOWN.find(([pattern]) => pattern.test(name))?.[1] ??
          'a service of the old system: it has to be in the image',
      };
    });
  const links = facts.links.map(({ path, target }) => ({
    what: path,
    why: `an extra, a link to ${target}: extras belong into the image, or into python.conf of config.d`,
  }));
  const cron = facts.crontab
    .split('\n')
    .filter((line) => /^[^#\s]/.test(line))
    .map((line) => ({ what: `crontab of ${facts.user}: ${line.slice(0, 200)}`, why: WHY.cron ?? '' }));
  const accounts = facts.others
    .filter(({ kind, name }) => kind === 'account' && name !== facts.user)
    .map(({ name }) => ({ what: `account ${name}`, why: 'accounts and their keys are of users.conf in config.d' }));
  const others = facts.others.flatMap(({ kind, name }) => {
    const why = entryOf(WHY, kind);
    return why === undefined ? [] : [{ what: name, why }];
  });
  const owner = {
    what: `account ${facts.user}`,
    why: 'its password and keys stay there: the image has the account, or users.conf of config.d says it',
  };
  return [...units, ...links, ...cron, ...others, owner, ...accounts].slice(0, MOST);
}
