import { describe, expect, it } from 'vitest';
import { loadFiles } from '../../../fixtures/config.ts';

const HOME = '/home: { kind: tmpfs }\n/srv: { kind: tmpfs }';

/** The faults of a state.conf among these places, one a line. */
async function faults(state: string, { overlays = HOME, tmpfs = '', fstab = '' } = {}): Promise<string> {
  const files = {
    'system/state.conf': state,
    'system/overlays.conf': overlays,
    'controller/tmpfs.conf': tmpfs,
    'system/fstab.conf': fstab,
  };
  return loadFiles(files).then(
    () => 'no fault',
    (error: Error) => error.message,
  );
}

const printers = (...data: readonly string[]): string =>
  `printers:\n${data.map((one, at) => `  ${'abc'[at]}: { data: ${one}, user: pi }`).join('\n')}`;

describe('the data of a printer', () => {
  it.each([
    ['/home/p', '/home/p', '/home/p is the data of a: each printer has its own'],
    ['/home/p', '/home/p/q', '/home/p/q lies in /home/p, which is the data of a: each printer has its own'],
    ['/home', '/home/p/gcodes', '/home/p/gcodes lies in /home, which is the data of a: each printer has its own'],
  ])('%s and %s cannot be those of two', async (first, second, message) => {
    expect(await faults(printers(first, second))).toBe(`system/state.conf:3:8 ${message} (system/state.conf:2:8)`);
  });

  it('lies in that of a later one no more than in that of an earlier one', async () => {
    expect(await faults(printers('/home/p/q', '/home/p'))).toBe(
      'system/state.conf:2:8 /home/p/q lies in /home/p, which is the data of b: each printer has its own (system/state.conf:3:8)',
    );
  });

  it('may lie beside that of another whose name goes on', async () => {
    expect(await faults(printers('/home/p', '/home/p2'))).toBe('no fault');
  });

  it.each(['/run/p', '/proc/p', '/run', '/sys/a/b', '/dev'])('cannot be %s', async (data) => {
    expect(await faults(printers(data))).toBe(
      `system/state.conf:2:8 /${data.split('/')[1]} is the kernel's and the boot's own in every system`,
    );
  });

  it.each([
    ['/opt/p', HOME],
    ['/home/p', '/home: { kind: bind, source: /user-data/h, options: [ro] }'],
    ['/home/p', '/home: { kind: tmpfs }\n/home/p: { kind: readonly }'],
    ['/home/p/q', '/home: { kind: tmpfs }\n/home/p: { kind: readonly }'],
  ])('%s cannot lie where nothing can be written: %s', async (data, overlays) => {
    expect(await faults(printers(data), { overlays })).toMatch(/^system\/state\.conf:2:8 \/\S+ is read-only: [^\n]*$/);
  });

  it.each([
    ['/data/p', '/srv/d/p'],
    ['/data', '/srv/d'],
  ])('%s cannot lie below a symlink, and it is said where it leads', async (data, real) => {
    expect(await faults(printers(data), { overlays: `${HOME}\n/data: { kind: symlink, target: /srv/d }` })).toBe(
      `system/state.conf:2:8 ${data} lies below a symlink of overlays.conf: write ${real}`,
    );
  });

  it.each([
    [{ overlays: '/home/p: { kind: tmpfs }' }],
    [{ tmpfs: '/home/p: {}' }],
    [{ fstab: '/home/p: { source: LABEL=p }' }],
    [{ fstab: '/home: { source: LABEL=p }', overlays: '' }],
  ])('may be a place itself: %j', async (places) => {
    expect(await faults(printers('/home/p'), places)).toBe('no fault');
  });
});

describe('a place of state.conf', () => {
  const place = (path: string, kind = 'git') =>
    `${printers('/home/p')}\nplaces:\n  ${path}: { kind: ${kind}, printer: a }`;

  it.each([
    ['overlays', '/srv/s: { kind: tmpfs }', 'system/overlays.conf:3:1'],
    ['overlays', '/srv/s: { kind: readonly }', 'system/overlays.conf:3:1'],
    ['tmpfs', '/srv/s: {}', 'controller/tmpfs.conf:1:1'],
    ['fstab', '/srv/s: { source: LABEL=s }', 'system/fstab.conf:1:1'],
  ] as const)('cannot be in %s.conf as well: %s', async (part, text, at) => {
    const places = { [part]: part === 'overlays' ? `${HOME}\n${text}` : text };
    expect(await faults(place('/srv/s'), places)).toBe(
      `system/state.conf:4:3 /srv/s is in ${part}.conf, too: only one of them can be (${at})`,
    );
  });

  it('of a printer, too: both places are told', async () => {
    expect(await faults(printers('/home/p'), { tmpfs: '/tmp: {}\n/home/p/database: {}' })).toBe(
      'system/state.conf:2:8 /home/p/database is in tmpfs.conf, too: only one of them can be (controller/tmpfs.conf:2:1)',
    );
  });

  it.each([
    ['/home/p/gcodes/x', '/home/p/gcodes, which is kept whole for a as mirror'],
    ['/home/p/config/sub/x', '/home/p/config, which is kept whole for a as git'],
    ['/home/p/config/variables.cfg/x', '/home/p/config, which is kept whole for a as git'],
  ])('%s cannot lie in another', async (path, around) => {
    expect(await faults(place(path))).toBe(`system/state.conf:4:3 ${path} lies in ${around} (system/state.conf:2:8)`);
  });

  it('cannot have those of a printer in it', async () => {
    expect(await faults(place('/home/p', 'mirror'))).toContain(
      'system/state.conf:2:8 /home/p/database lies in /home/p, which is kept whole for a as mirror (system/state.conf:4:3)',
    );
  });

  it('of one printer cannot lie in the config of another, not even as variables', async () => {
    const text = `${printers('/home/p', '/home/q')}\nplaces: { /home/p/config/v.cfg: { kind: variables, printer: b, name: more } }`;
    expect(await faults(text)).toBe(
      'system/state.conf:4:11 /home/p/config/v.cfg lies in /home/p/config, which is kept whole for a as git (system/state.conf:2:8)',
    );
  });

  it('may be more variables in the config of the same printer', async () => {
    expect(
      await faults(`${printers('/home/p')}\nplaces: { /home/p/config/v.cfg: { kind: variables, printer: a } }`),
    ).toBe('no fault');
  });

  it.each([
    ['tmpfs', '/home/p/gcodes/usb: {}', 'controller/tmpfs.conf:1:1'],
    ['fstab', '/home/p/gcodes/usb: { source: LABEL=u }', 'system/fstab.conf:1:1'],
  ])('has no place of %s.conf in it', async (part, text, at) => {
    expect(await faults(printers('/home/p'), { [part]: text })).toBe(
      `${at} /home/p/gcodes/usb lies in /home/p/gcodes, which is kept whole for a as mirror (system/state.conf:2:8)`,
    );
  });

  it('cannot be where nothing can be written, or below a symlink', async () => {
    expect(await faults(place('/opt/s'))).toMatch(/^system\/state\.conf:4:3 \/opt\/s is read-only: /);
    expect(await faults(place('/run/s'))).toBe(
      "system/state.conf:4:3 /run is the kernel's and the boot's own in every system",
    );
    expect(await faults(place('/l/s'), { overlays: `${HOME}\n/l: { kind: symlink, target: /srv }` })).toBe(
      'system/state.conf:4:3 /l/s lies below a symlink of overlays.conf: write /srv/s',
    );
  });
});
