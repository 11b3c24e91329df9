import type { Facts } from '../facts/facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import type { Step } from '../steps/step.ts';
import { planNames } from './names.ts';
import { planServices } from './service-steps.ts';

/** What etc.conf, boot.conf and services/default-runlevel say of the system, as files of its /etc. Pure. */
export const planSystemSettings = (facts: Facts, install: InstallFacts): readonly Step[] => [
  ...planNames(facts, install),
  ...planLocale(facts),
  ...planModules(facts),
  ...planServices(facts, install),
];

const etc = (path: string): string => `/etc/${path}`;
const write = (path: string, content: string): Step => ({ kind: 'write', path: etc(path), content });
const link = (path: string, target: string): Step => ({ kind: 'symlink', path: etc(path), target });
const folder = (path: string): Step => ({ kind: 'mkdir', path: etc(path), mode: 0o755 });

/** /etc/default/locale is Debian's, locale.conf(5) systemd's; a program of the other kind reads neither. */
function planLocale({ config: { etc: settings } }: Facts): readonly Step[] {
  const { locale, timezone } = settings;
  return [
    ...(locale
      ? [write('locale.conf', `LANG=${locale}\n`), folder('default'), write('default/locale', `LANG=${locale}\n`)]
      : []),
    ...(timezone ? [write('timezone', `${timezone}\n`), link('localtime', `/usr/share/zoneinfo/${timezone}`)] : []),
  ];
}

/** modules-load.d(5) and modprobe.d(5). */
function planModules({ config }: Facts): readonly Step[] {
  const { load, never } = config.boot.modules;
  return [
    ...(load.length > 0
      ? [folder('modules-load.d'), write('modules-load.d/statectl.conf', load.map((name) => `${name}\n`).join(''))]
      : []),
    ...(never.length > 0
      ? [folder('modprobe.d'), write('modprobe.d/statectl.conf', never.map((name) => `blacklist ${name}\n`).join(''))]
      : []),
  ];
}

/** The state of OpenRC, which moves into the system with /run. */
const OPENRC = '/run/openrc';

/** As `openrc --override` does it: the runlevel to enter instead of the next after sysinit and boot. For the boot alone. Pure. */
export function planBootedRunlevel({ config }: Facts, { serviceManager }: InstallFacts): readonly Step[] {
  const { target } = config.services;
  if (serviceManager !== 'openrc' || !target) return [];
  return [
    // It refuses a runlevel that it has no folder of.
    folder(`runlevels/${target}`),
    { kind: 'mkdir', path: OPENRC, mode: 0o755 },
    { kind: 'write', path: `${OPENRC}/krunlevel`, content: `${target}\n` },
  ];
}
