import { describe, expect, it } from 'vitest';
import { memoryHost } from '../../../src/host/memory.ts';
import { at, filesAt, type Roots, RUNNING } from '../../../src/machine/roots.ts';
import { locate, type Step } from '../../../src/machine/steps/step.ts';
import { EVERY_KIND } from '../../fixtures/steps.ts';

/** Of another system that is put together beside the one that runs. */
const OTHER: Roots = { system: '/mnt/b', image: '/mnt/image', userData: '/mnt/data', run: '/mnt/run' };

describe('a path of the machine', () => {
  it.each([
    ['/', '/mnt/b'],
    ['/etc/fstab', '/mnt/b/etc/fstab'],
    ['/user-data', '/mnt/data'],
    ['/user-data/persistent/x', '/mnt/data/persistent/x'],
    ['/user-databases', '/mnt/b/user-databases'],
    ['/run/statectl/image/etc', '/mnt/image/etc'],
    ['/run/statectl/images', '/mnt/run/statectl/images'],
    ['/runs', '/mnt/b/runs'],
    ['/proc/cmdline', '/proc/cmdline'],
    ['/dev/vda2', '/dev/vda2'],
    ['/devices', '/mnt/b/devices'],
    ['//etc', '/mnt/b//etc'],
    ['/run', '/mnt/run'],
    ['/run/statectl/image', '/mnt/image'],
    ['tmpfs', 'tmpfs'],
    ['LABEL=data', 'LABEL=data'],
  ])('%s is at %s', (path, place) => {
    expect(at(OTHER, path)).toBe(place);
    expect(at(RUNNING, path)).toBe(path);
  });

  it('is where files are looked for, and what a link says stays what it says', async () => {
    const host = memoryHost({ files: { '/mnt/b/etc': { type: 'dir' }, '/mnt/data/x': 'kept' } });
    const files = filesAt(host.files, OTHER);
    await files.symlink('/user-data/x', '/etc/x');
    expect(await host.files.readlink('/mnt/b/etc/x')).toBe('/user-data/x');
    expect(await files.readText('/user-data/x')).toBe('kept');
    expect(await files.stat('/mnt/data/x')).toBeUndefined();
  });
});

/** What in a step is no path that who does it has to find: what a link says, files of the kernel, what runs afterwards. */
const MEANT_FOR_LATER: { readonly [kind: string]: readonly string[] } = {
  symlink: ['target'],
  'switch-root': ['init', 'arguments'],
  'kernel-setting': ['path'],
  accounts: ['users'],
};

const PATH = /(?:^|[=:])(\/(?!\/)[^:]*)/g;

/** Every path in a value, those in options of mount(8) too. */
const pathsIn = (value: unknown): readonly string[] =>
  typeof value === 'string'
    ? /^https?:/.test(value)
      ? []
      : [...value.matchAll(PATH)].map(([, path = '']) => path)
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(pathsIn)
      : [];

it.each(Object.values(EVERY_KIND) as Step[])('each path of $kind is joined', (step) => {
  const left = Object.entries(locate(step, OTHER))
    .filter(([name]) => !MEANT_FOR_LATER[step.kind]?.includes(name))
    .flatMap(([, value]) => pathsIn(value))
    .filter((path) => !/^\/(?:mnt|dev|proc|sys)(?:\/|$)/.test(path));
  expect(left).toEqual([]);
  expect(locate(step, RUNNING)).toEqual(step);
});

it('layers of an overlay are joined one by one', () => {
  const options = ['ro', 'lowerdir=/run/statectl/image/etc:/etc', 'upperdir=/user-data/u', 'index=off'];
  const step = { kind: 'mount', source: 'overlay', target: '/etc', type: 'overlay', options } as const;
  expect(locate(step, OTHER)).toMatchObject({
    source: 'overlay',
    target: '/mnt/b/etc',
    options: ['ro', 'lowerdir=/mnt/image/etc:/mnt/b/etc', 'upperdir=/mnt/data/u', 'index=off'],
  });
});
