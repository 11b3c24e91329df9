import type { Facts, InstallFacts } from './facts.ts';
import { planNames } from './names.ts';
import { SYSROOT } from './paths.ts';
import type { Step } from './step.ts';

/** What etc.conf, boot.conf and services/default-runlevel say of the system, as files of its /etc. Pure. */
export const planSystemSettings = (facts: Facts, install: InstallFacts): readonly Step[] => [
  ...planNames(facts, install),
  ...planLocale(facts),
  ...planModules(facts),
  ...(install.serviceManager === 'systemd' ? planUnits(facts) : []),
  ...(install.serviceManager === 'openrc' ? planRunlevel(facts) : []),
];

const etc = (path: string): string => `${SYSROOT}/etc/${path}`;
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

const UNITS = 'systemd/system';
/** The state of OpenRC, which moves into the system with /run. */
const OPENRC = '/run/openrc';
/** Where systemctl(1) enables a unit that is no service; the unit's own [Install] is not read here. */
const WANTS = { timer: 'timers.target.wants', socket: 'sockets.target.wants' } as const;

function planUnits({ config }: Facts): readonly Step[] {
  const { target, services } = config.services;
  const steps = Object.entries(services).flatMap(([name, state]): readonly Step[] => {
    const unit = /\.[a-z]+$/.test(name) ? name : `${name}.service`;
    const wants = WANTS[unit.split('.').at(-1) as keyof typeof WANTS] ?? 'multi-user.target.wants';
    if (state === 'masked') return [link(`${UNITS}/${unit}`, '/dev/null')];
    if (state === 'disabled') return [{ kind: 'remove', path: etc(`${UNITS}/${wants}/${unit}`) }];
    return [folder(`${UNITS}/${wants}`), link(`${UNITS}/${wants}/${unit}`, `/usr/lib/systemd/system/${unit}`)];
  });
  return [
    ...steps,
    ...(target
      ? [link(`${UNITS}/default.target`, `/usr/lib/systemd/system/${target.replace(/(\.target)?$/, '.target')}`)]
      : []),
  ];
}

/** Where images start services besides the runlevel that is booted: Debian in sysinit, others in boot. */
const EARLY_RUNLEVELS = ['sysinit', 'boot'];

/** OpenRC starts what is linked in the runlevel; what is not linked is not started, masked or not. */
function planRunlevel({ config }: Facts): readonly Step[] {
  const { target = 'default', services } = config.services;
  return Object.entries(services).flatMap(([service, state]): readonly Step[] =>
    state === 'enabled'
      ? [folder(`runlevels/${target}`), link(`runlevels/${target}/${service}`, `/etc/init.d/${service}`)]
      : [...EARLY_RUNLEVELS, target].map((runlevel) => ({
          kind: 'remove',
          path: etc(`runlevels/${runlevel}/${service}`),
        })),
  );
}

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
