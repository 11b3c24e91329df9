import { entryOf } from '../../entry-of.ts';
import type { Facts } from '../facts/facts.ts';
import type { PythonPackage } from '../facts/python-facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import { PYTHON } from '../paths.ts';
import type { Step } from '../steps/step.ts';

/** Ends the line of ours in a file that is the image's. */
export const PYTHONPATH_MARK = '# by statectl';
/** How often a server is asked that breaks off: a package is not worth a long wait. */
const TRIES = 2;

/** What is missing comes into the store, and what nobody names any more goes first. Pure. */
export function planPythonFetch({ system: { python }, config }: Facts): readonly Step[] {
  if (!python) return [];
  const { connectMs, stallMs, tries } = config.server;
  const limits = { connectMs, stallMs, tries: Math.min(tries, TRIES) };
  return [
    ...python.stale.map((path): Step => ({ kind: 'remove', path })),
    ...(python.wanted.length > 0 ? [{ kind: 'mkdir', path: python.store, mode: 0o700 } as const] : []),
    ...python.wanted.map(
      (archive): Step => ({
        kind: 'fetch',
        ...archive,
        to: `${python.store}/${archive.sha256}`,
        limits,
        saidBy: 'python.conf',
        otherwise: 'warn',
      }),
    ),
  ];
}

const folderOf = ({ name }: PythonPackage): string => `${PYTHON}/${name}`;

/** Each package in a folder of its own on a file system that is read-only afterwards, then over the folders it is meant for. Pure. */
export function planPythonPackages({ system: { python } }: Facts): readonly Step[] {
  const { store, packages = [] } = python ?? {};
  if (packages.length === 0) return [];
  const options = ['size=50%', 'mode=755', 'nosuid', 'nodev'];
  return [
    { kind: 'mkdir', path: PYTHON, mode: 0o755 },
    { kind: 'mount', source: 'python', target: PYTHON, type: 'tmpfs', options },
    ...packages.map(
      (each): Step => ({ kind: 'unpack', archive: `${store}/${each.sha256}`, format: each.format, to: folderOf(each) }),
    ),
    { kind: 'mount', source: 'python', target: PYTHON, type: 'remount', options: ['ro', 'nosuid', 'nodev'] },
    { kind: 'check-mount', target: PYTHON, type: 'tmpfs', access: 'read-only' },
    ...planOverlays(packages),
  ];
}

/** One overlay a folder, outer folders first; of two packages with a file of the same name that named first wins, as on the PYTHONPATH. */
function planOverlays(packages: readonly PythonPackage[]): readonly Step[] {
  const folders = [...new Set(packages.flatMap(({ overlay }) => overlay ?? []))].toSorted();
  return folders.flatMap((folder): readonly Step[] => {
    const layers = [...packages.filter(({ overlay }) => overlay === folder).map(folderOf), folder];
    return [
      {
        kind: 'mount',
        source: 'python',
        target: folder,
        type: 'overlay',
        options: ['ro', `lowerdir=${layers.join(':')}`],
      },
      { kind: 'check-mount', target: folder, type: 'overlay', access: 'read-only' },
    ];
  });
}

/** The PYTHONPATH of the services that python.conf names. Pure. */
export function planPythonServices({ system: { python } }: Facts, { serviceManager }: InstallFacts): readonly Step[] {
  const { packages = [], serviceSettings = {} } = python ?? {};
  const services = [...new Set(packages.flatMap((each) => each.services))];
  return services.flatMap((service): readonly Step[] => {
    const path = pythonPath(packages.filter((each) => each.services.includes(service)));
    if (serviceManager === 'systemd') {
      const unit = /\.[a-z]+$/.test(service) ? service : `${service}.service`;
      const folder = `/etc/systemd/system/${unit}.d`;
      const content = `[Service]\nEnvironment=PYTHONPATH=${path}\n`;
      return [
        { kind: 'mkdir', path: folder, mode: 0o755 },
        { kind: 'write', path: `${folder}/statectl-python.conf`, content },
      ];
    }
    if (serviceManager !== 'openrc') return [];
    const content = `${entryOf(serviceSettings, service) ?? ''}export PYTHONPATH=${path} ${PYTHONPATH_MARK}\n`;
    return [
      { kind: 'mkdir', path: '/etc/conf.d', mode: 0o755 },
      { kind: 'write', path: `/etc/conf.d/${service}`, content },
    ];
  });
}

/** The same archive under two names is looked through once. */
const pythonPath = (packages: readonly PythonPackage[]): string =>
  packages
    .filter(({ sha256 }, at) => packages.findIndex((other) => other.sha256 === sha256) === at)
    .map(folderOf)
    .join(':');
