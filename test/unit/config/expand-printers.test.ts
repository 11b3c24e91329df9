import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../../src/config/command-line/command-line.ts';
import { withSetArguments } from '../../../src/config/command-line/set-argument.ts';
import { readConfigDir } from '../../../src/config/config-dir.ts';
import { checkSettings, effectiveOf, plainSettings } from '../../../src/config/effective.ts';
import { expandPrinters } from '../../../src/config/expand-printers.ts';
import { settingRows, withDefaults } from '../../../src/config/settings/setting-rows.ts';
import { type Mapping, originOf, placeOf, plainOf, treeAt, writePath } from '../../../src/config/tree/tree.ts';
import { readYaml } from '../../../src/config/tree/yaml-file.ts';
import { parseSettings } from '../../../src/signed/bundle/parse-settings.ts';
import { configHost } from '../../fixtures/config.ts';

const HOME = { 'system/overlays.conf': '/home: { kind: tmpfs }' };
const DATA = '/home/pi/printer_data';
const VORON = `printers:\n  voron: { data: ${DATA}, user: pi }`;

const dirOf = (files: Readonly<Record<string, string>>) =>
  readConfigDir(configHost({ ...HOME, ...files }), '/config.d');
const effective = async (files: Readonly<Record<string, string>>, node?: string) => {
  const dir = await dirOf(files);
  return effectiveOf(dir, node === undefined ? undefined : dir.nodes.nodes.get(node));
};
const placeIn = (settings: Mapping, path: readonly string[]): string => placeOf(originOf(settings, path));

describe('a printer', () => {
  it('stands for four places that outlive the machine and three in RAM, as if they were written where its data is', async () => {
    const { settings } = await effective({ 'system/state.conf': VORON });
    const expanded = expandPrinters(settings);
    const added = settingRows(settings).filter(({ path, origin }) => origin && !treeAt(settings, path));
    expect([...new Set(added.map(({ path }) => writePath(path.slice(0, -1))))]).toEqual(
      [
        ...['logs', 'comms', 'misc'].map((name) => ['tmpfs', `${DATA}/${name}`]),
        ...['database', 'gcodes', 'config', 'config/variables.cfg'].map((name) => [
          'state',
          'places',
          `${DATA}/${name}`,
        ]),
      ].map(writePath),
    );
    expect(new Set(added.map(({ origin }) => origin && placeOf(origin)))).toEqual(new Set(['system/state.conf:2:12']));
    expect(placeIn(expanded, ['tmpfs', `${DATA}/logs`])).toBe('system/state.conf:2:12');
  });

  it('is said by the layer that gives its data', async () => {
    const { settings } = await effective(
      {
        'system/state.conf': VORON,
        'nodes/n1.conf': 'set:\n  state: { printers: { voron: { data: /home/pi/other } } }',
      },
      'n1',
    );
    expect(placeIn(expandPrinters(settings), ['state', 'places', '/home/pi/other/config'])).toBe('nodes/n1.conf:2:33');
    expect(treeAt(expandPrinters(settings), ['state', 'places', `${DATA}/config`])).toBeUndefined();
  });

  it('keeps its saved variables where it is told, below its data or elsewhere', async () => {
    const variables = async (file: string) => {
      const { config } = await effective({
        'system/state.conf': `printers: { v: { data: /home/p, user: pi, variables: ${file} } }`,
      });
      return config?.state.printers.v?.items.find(({ kind }) => kind === 'variables')?.path;
    };
    expect(await variables('mmu/mmu_vars.cfg')).toBe('/home/p/mmu/mmu_vars.cfg');
    expect(await variables('/home/v.cfg')).toBe('/home/v.cfg');
  });

  it('shares its host with others: each has its own', async () => {
    const { config, faults } = await effective({
      'system/state.conf': 'printers:\n  a: { data: /home/a, user: pi }\n  b: { data: /home/b, user: pi, group: lab }',
    });
    expect(faults).toEqual([]);
    expect(config?.state.printers.b?.items.map(({ path, owner, group }) => [path, owner, group])).toEqual(
      ['database', 'gcodes', 'config', 'config/variables.cfg'].map((name) => [`/home/b/${name}`, 'pi', 'lab']),
    );
    expect(config?.tmpfs['/home/b/logs']).toEqual({
      size: '64M',
      mode: 0o755,
      owner: { owner: 'pi', group: 'lab' },
      options: ['noexec', 'nosuid', 'nodev'],
    });
  });
});

describe('what is written for a place of a printer', () => {
  it('of the same kind says what is different', async () => {
    const { config, settings } = await effective({
      'system/state.conf': `${VORON}\nplaces: { ${DATA}/gcodes: { kind: mirror, limit: 4G } }`,
    });
    expect(config?.state.printers.voron?.items.find(({ kind }) => kind === 'mirror')).toEqual({
      name: 'gcode',
      kind: 'mirror',
      path: `${DATA}/gcodes`,
      owner: 'pi',
      group: 'pi',
      limitBytes: 2 ** 32,
      source: { kind: 'server' },
    });
    const kind = settingRows(settings).find(({ path }) => writePath(path).endsWith('gcodes.kind'));
    expect(kind?.superseded.map(({ origin }) => placeOf(origin))).toEqual(['system/state.conf:2:12']);
  });

  it('of a cache says that the same mirror is shown as one, under the name that its line has', async () => {
    const itemOf = async (entry: string) => {
      const { config } = await effective({
        'system/state.conf': `${VORON}\nplaces: { ${DATA}/gcodes: ${entry} }`,
      });
      return config?.state.printers.voron?.items.find(({ path }) => path.endsWith('gcodes'));
    };
    expect(await itemOf('{ kind: cache, limit: 4G }')).toEqual({
      ...(await itemOf('{ kind: mirror, limit: 4G }')),
      cache: { restart: 'resume' },
    });
  });

  it('of another kind takes its place whole', async () => {
    const { config } = await effective({
      'system/state.conf': `${VORON}\nplaces: { ${DATA}/gcodes: { kind: git, printer: voron } }`,
    });
    expect(config?.state.printers.voron?.items.map(({ name, kind }) => [name, kind])).toContainEqual(['gcodes', 'git']);
  });

  it('in RAM says what is different, too', async () => {
    const { config } = await effective({
      'system/state.conf': VORON,
      'controller/tmpfs.conf': `${DATA}/logs: { size: 1G }`,
    });
    expect(config?.tmpfs[`${DATA}/logs`]).toMatchObject({ size: '1G', mode: 0o755, owner: { owner: 'pi' } });
  });

  it.each([
    ['system/fstab.conf', `${DATA}/logs: { source: LABEL=logs }`],
    ['system/overlays.conf', `/home: { kind: tmpfs }\n${DATA}/logs: { kind: ramdisk }`],
  ])('in %s takes it out of RAM', async (file, text) => {
    const { config, faults } = await effective({ 'system/state.conf': VORON, [file]: text });
    expect(faults).toEqual([]);
    expect(Object.keys(config?.tmpfs ?? {})).toEqual([`${DATA}/comms`, `${DATA}/misc`]);
  });

  it('may be a whole new set of places: the printer keeps its own', async () => {
    const { config } = await effective(
      {
        'system/state.conf': VORON,
        'nodes/n1.conf': 'set: { tmpfs: !replace { /tmp: {} }, state: { places: !replace {} } }',
      },
      'n1',
    );
    expect(Object.keys(config?.tmpfs ?? {})).toEqual([
      '/tmp',
      ...['logs', 'comms', 'misc'].map((name) => `${DATA}/${name}`),
    ]);
    expect(config?.state.printers.voron?.items).toHaveLength(4);
  });
});

describe('settings with printers', () => {
  const printer = fc.record(
    {
      data: fc.constantFrom('/home/a', '/home/b', '/home/b/gcodes', '/srv', 'x', '/proc/a'),
      user: fc.constantFrom('pi', 'root', 'Pi'),
      variables: fc.constantFrom('config/variables.cfg', '/home/v.cfg', 'config', '..'),
    },
    { requiredKeys: [] },
  );
  const state = fc.record({
    printers: fc.dictionary(fc.constantFrom('a', 'b', 'C', '__proto__'), printer, { maxKeys: 3 }),
    places: fc.dictionary(
      fc.constantFrom('/home/a/gcodes', '/home/b/logs', '/home'),
      fc.record(
        { kind: fc.constantFrom('git', 'mirror', 'cache', 'tmpfs'), printer: fc.constantFrom('a', 'b') },
        { requiredKeys: [] },
      ),
    ),
  });
  const settingsOf = (value: unknown): Mapping =>
    readYaml(JSON.stringify({ state: value, overlays: { '/home': { kind: 'tmpfs' } } }), 'x.conf', 'file', []);

  it('are the same once they are written out, whatever they are', () => {
    fc.assert(
      fc.property(state, (value) => {
        const once = expandPrinters(settingsOf(value));
        expect(plainOf(expandPrinters(once))).toEqual(plainOf(once));
        expect(checkSettings(once).config).toEqual(checkSettings(settingsOf(value)).config);
      }),
    );
  });

  it('without one are left as they are', () => {
    const settings = settingsOf({ places: {} });
    expect(expandPrinters(settings)).toBe(settings);
  });

  it('are the same for a boot, a bundle of another version, and who writes down what `config show` prints', async () => {
    const shown = await effective({ 'system/state.conf': VORON });
    const { config } = shown;
    expect(parseSettings(plainSettings(shown) as never)).toEqual(config);
    expect(parseSettings(withDefaults(settingRows(shown.settings)) as never)).toEqual(config);
    const words = (text: string) => parseCommandLine([{ origin: 'cmdline', text, line: 1 }]).words;
    const { state: _, ...rest } = plainSettings(shown) as { readonly [part: string]: never };
    const set = words(`"statectl.set=state.printers.voron={data: ${DATA}, user: pi}"`);
    expect(withSetArguments(rest, set)).toEqual({ config, faults: [] });
  });

  it('of as many printers as fit in a file take the time that their number takes', () => {
    const many = Array.from({ length: 10_000 }, (_, at) => [`p${at}`, { data: `/home/p${at}`, user: 'pi' }]);
    const settings = settingsOf({ printers: Object.fromEntries(many) });
    const startedMs = performance.now();
    expect(checkSettings(settings).faults).toEqual([]);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });
});
