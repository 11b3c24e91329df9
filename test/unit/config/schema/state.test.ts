import { describe, expect, it } from 'vitest';
import { loadFiles } from '../../../fixtures/config.ts';
import { faultsOf, read } from './part.ts';

const HOME = { 'system/overlays.conf': '/home: { kind: tmpfs }\n/srv: { kind: tmpfs }' };
const VORON = 'printers: { voron: { data: /home/pi/printer_data, user: pi } }';
const stateOf = async (text: string) => (await loadFiles({ ...HOME, 'system/state.conf': text })).state;
/** With a place for it, which else were a fault, too. */
const faults = async (text: string): Promise<string> => {
  try {
    await stateOf(text);
  } catch (error) {
    return (error as Error).message.replaceAll('system/state.conf:', '');
  }
  return 'no fault';
};

describe('state.conf', () => {
  it('that is empty has no printer', async () => {
    expect(await read('state', '')).toEqual({ lock: { limitMs: 3 * 86_400_000 }, printers: {} });
  });

  it('makes of a printer what outlives the machine, with the quotas that are usual', async () => {
    expect(await stateOf(VORON)).toEqual({
      lock: { limitMs: 3 * 86_400_000 },
      printers: {
        voron: {
          name: 'voron',
          data: '/home/pi/printer_data',
          user: 'pi',
          group: 'pi',
          trust: 'proven',
          services: { klipper: 'klipper', moonraker: 'moonraker' },
          programs: { klipper: '/home/pi/klipper', moonraker: '/home/pi/moonraker' },
          quotaBytes: 2 ** 30,
          gcodeQuotaBytes: 2 ** 31,
          items: [
            {
              name: 'database',
              kind: 'snapshot',
              path: '/home/pi/printer_data/database',
              owner: 'pi',
              group: 'pi',
              files: ['moonraker-sql.db'],
              tables: ['namespace_store', 'table_registry'],
              with: ['/home/pi/printer_data/.moonraker.uuid'],
            },
            {
              name: 'gcode',
              kind: 'mirror',
              path: '/home/pi/printer_data/gcodes',
              owner: 'pi',
              group: 'pi',
              limitBytes: 2 ** 30,
              source: { kind: 'server' },
            },
            { name: 'config', kind: 'git', path: '/home/pi/printer_data/config', owner: 'pi', group: 'pi' },
            {
              name: 'variables',
              kind: 'variables',
              path: '/home/pi/printer_data/config/variables.cfg',
              owner: 'pi',
              group: 'pi',
            },
          ],
        },
      },
    });
  });

  it('calls services of several printers by the printer, or as it is said, and never two the same', async () => {
    const more = (voron: string, ender = '') =>
      `printers: { voron: { data: /srv/v, user: pi${voron} }, ender: { data: /srv/e, user: pi${ender} } }`;
    const services = async (text: string) =>
      Object.values((await stateOf(text)).printers).map((one) => Object.values(one.services));
    expect(await services(more(''))).toEqual([
      ['klipper-voron', 'moonraker-voron'],
      ['klipper-ender', 'moonraker-ender'],
    ]);
    expect(await services(more(', services: { klipper: klipper, moonraker: mr@1 }'))).toEqual([
      ['klipper', 'mr@1'],
      ['klipper-ender', 'moonraker-ender'],
    ]);
    for (const [voron, ender] of [
      [', services: { klipper: k }', ', services: { klipper: k }'],
      [', services: { klipper: klipper-ender }', ''],
      [', services: { klipper: k, moonraker: k }', ''],
    ])
      expect(await faults(more(voron ?? '', ender))).toMatch(/is a service of (?:voron|ender), too: each has its own/);
    for (const name of ['"a b"', 'klipper.service', '-k', 'a/b'])
      expect(await faults(more(`, services: { klipper: ${name} }`))).toMatch(/expected the name of a service/);
  });

  it('keeps a lock for as long as it says, a minute at least', async () => {
    expect((await stateOf(`${VORON}\nlock: { limit: 7d }`)).lock.limitMs).toBe(7 * 86_400_000);
    expect(await faults(`${VORON}\nlock: { limit: 0 }`)).toMatch(/a lock counts for a minute at least/);
  });

  it('has volumes of DRBD, also where a printer had a database, and waits half a minute for them', async () => {
    const { printers } = await stateOf(
      `${VORON}\nplaces:\n  /home/pi/printer_data/database: { kind: drbd, printer: voron, size: 64M }\n  /srv/x: { kind: drbd, printer: voron, size: 1G, wait: 5s }`,
    );
    const owned = { kind: 'drbd', owner: 'pi', group: 'pi' };
    expect(printers.voron?.items.filter(({ kind }) => kind === 'drbd' || kind === 'snapshot')).toEqual([
      { ...owned, name: 'database', path: '/home/pi/printer_data/database', sizeBytes: 2 ** 26, waitMs: 30_000 },
      { ...owned, name: 'x', path: '/srv/x', sizeBytes: 2 ** 30, waitMs: 5000 },
    ]);
  });

  it('has places besides, each the state of a printer and of its user unless it says whose', async () => {
    const { printers } = await stateOf(
      `${VORON}\nplaces: { /srv/spool: { kind: snapshot, printer: voron, files: [s.db] }, /srv/macros.d: { kind: git, printer: voron, name: shared, owner: "root:lab" } }`,
    );
    expect(printers.voron?.items.slice(0, 2)).toEqual([
      {
        name: 'spool',
        kind: 'snapshot',
        path: '/srv/spool',
        owner: 'pi',
        group: 'pi',
        files: ['s.db'],
        tables: [],
        with: [],
      },
      { name: 'shared', kind: 'git', path: '/srv/macros.d', owner: 'root', group: 'lab' },
    ]);
  });

  it.each([
    ['folder:slicer', { kind: 'folder', name: 'slicer' }],
    ['nfs:nas.lan:/export/gcode', { kind: 'nfs', from: 'nas.lan:/export/gcode' }],
    ['"nfs:[fd00::1]:/g"', { kind: 'nfs', from: '[fd00::1]:/g' }],
  ])('has gcode from %s', async (source, expected) => {
    const place = `/srv/g: { kind: mirror, printer: voron, source: ${source} }`;
    expect((await stateOf(`${VORON}\nplaces: { ${place} }`)).printers.voron?.items[0]).toMatchObject({
      source: expected,
    });
  });

  it.each([
    'folder:../keys',
    'folder:/etc',
    '"folder:"',
    'nfs:nas',
    '"nfs:-o:/x"',
    '"nfs:nas:/a b"',
    '"nfs:nas:/a,rw"',
    'smb:x',
  ])('has none from %s', async (source) => {
    const place = `/srv/g: { kind: mirror, printer: voron, source: ${source} }`;
    expect(await faults(`${VORON}\nplaces: { ${place} }`)).toMatch(/expected server, folder:NAME or nfs:HOST/);
  });

  it.each(['voron', 'voron2.4', 'v0-left_1', 'constructor', 'a'.repeat(63)])(
    'has a printer called %s',
    async (name) => {
      expect(Object.keys((await stateOf(`printers: { ${name}: { data: /home/p, user: pi } }`)).printers)).toEqual([
        name,
      ]);
    },
  );

  it.each([
    '..',
    '.',
    'a..b',
    'a.',
    'Voron',
    'a/b',
    '"a\\nb"',
    '"a b"',
    '""',
    '-a',
    '7',
    'a'.repeat(64),
    'a'.repeat(255),
    'ä',
  ])('has none called %s', async (name) => {
    expect(await faults(`printers: { ${name}: { data: /home/p, user: pi } }`)).toMatch(
      /^1:13 "printers\..*": expected a name such as voron or voron2\.4: .*$/,
    );
  });

  it.each([
    [
      'printers: { common: { data: /home/p, user: pi } }',
      '1:13 "printers.common": common is what printers share: no printer has this name',
    ],
    ['printers: { __proto__: { data: /home/p, user: pi } }', '1:13 nothing can have the name "__proto__"'],
    ['printer: {}', '1:1 unknown key "printer": did you mean "printers"?'],
    ['printers: { v: { dta: /home/p, user: pi } }', /^1:18 unknown key "dta": did you mean "data"\?$/m],
    ['printers: { v: { user: pi } }', '1:13 "printers.v.data": expected a text, found nothing'],
    ['printers: { v: { data: /home/p } }', '1:13 "printers.v.user": expected a text, found nothing'],
    ['printers: { v: { data: /home/../p, user: pi } }', /^1:18 "printers\.v\.data": expected an absolute path/],
    ['printers: { v: { data: p, user: pi } }', /^1:18 "printers\.v\.data": expected an absolute path/],
    ['printers: { v: { data: "/home/a\\nb", user: pi } }', /^1:18 .* has control characters$/],
    [`printers: { v: { data: /home/${'a'.repeat(256)}, user: pi } }`, /^1:18 .* is too long$/],
    ['printers: { v: { data: /home/p, user: Pi } }', /^1:33 "printers\.v\.user": expected a name of small letters/],
    [
      'printers: { v: { data: /home/p, user: pi, variables: ../v.cfg } }',
      /^1:43 "printers\.v\.variables": expected a file such as/,
    ],
    [
      'printers: { v: { data: /home/p, user: pi, variables: config/ } }',
      /^1:43 "printers\.v\.variables": expected a file such as/,
    ],
    [
      'printers: { v: { data: /home/p, user: pi, trust: everybody } }',
      '1:43 "printers.v.trust": expected one of proven, network, found "everybody"',
    ],
    ['printers: { v: { data: /home/p, user: pi, quota: lots } }', /^1:43 "printers\.v\.quota": expected a size/],
    ['printers: { v: 3 }', /^1:13 "printers\.v": expected a mapping of keys to values, found 3$/],
    ['printers: [v]', /^1:1 "printers": expected a mapping of keys to values, found a list$/],
    [
      'places: { /srv/a: { kind: drdb, printer: v } }',
      '1:21 "places./srv/a.kind": expected snapshot, mirror, cache, git, variables or drbd',
    ],
    ['places: { /srv/a: { kind: cache, printer: v, restart: never } }', /^1:46 "places\.\/srv\/a\.restart": expected /],
    [
      'places: { /srv/a: { kind: tmpfs } }',
      '1:21 "places./srv/a.kind": expected snapshot, mirror, cache, git, variables or drbd',
    ],
    ['places: { /srv/a: {} }', '1:11 "places./srv/a.kind": expected snapshot, mirror, cache, git, variables or drbd'],
    [
      'places: { /srv/a: { kind: git, printer: ender } }',
      '1:32 "places./srv/a.printer": there is no printer ender under printers',
    ],
    ['places: { /srv/a: { kind: git, printer: v, limit: 1G } }', /^1:44 unknown key "limit"/],
    [
      'places: { /srv/a: { kind: snapshot, printer: v, files: [] } }',
      /^1:49 "places\.\/srv\/a\.files": expected a list that is not empty$/m,
    ],
    [
      'places: { /srv/a: { kind: snapshot, printer: v, files: [../x] } }',
      /^1:57 .*: expected the name of a file, without a slash/,
    ],
    [
      'places: { /srv/a: { kind: snapshot, printer: v, files: [..] } }',
      /^1:57 .*: expected the name of a file, without a slash/,
    ],
    [
      'places: { /srv/a: { kind: drbd, printer: v } }',
      '1:11 "places./srv/a.size": expected a size such as 512M, 20G or 2T',
    ],
    ['places: { /srv/a: { kind: drbd, printer: v, size: 8M } }', /^1:45 .*: expected at least 16M, and whole MiB$/m],
    [
      'places: { /srv/a: { kind: drbd, printer: v, size: 16777217 } }',
      /^1:45 .*: expected at least 16M, and whole MiB$/m,
    ],
    ['places: { /srv/a: { kind: drbd, printer: v, size: 50% } }', /^1:45 .*: expected a size such as 512M/m],
    [
      'places: { /srv/a: { kind: drbd, printer: v, size: 16M, wait: 10m } }',
      /^1:56 .*: expected at least 1s and at most 100s: a boot waits/m,
    ],
    ['places: { srv: { kind: git, printer: v } }', /^1:11 "places\.srv": expected an absolute path/],
    [
      `${VORON}\nplaces: { "/srv/Ä": { kind: git, printer: voron } }`,
      '2:11 "places./srv/Ä.name": say a name: "Ä" can be none',
    ],
    [
      `${VORON}\nplaces: { /srv/config: { kind: git, printer: voron } }`,
      /^1:22 "places\.\/home\/pi\/printer_data\/config\.name": \/srv\/config of voron is called config, too: give one another name$/,
    ],
  ])('with %s is refused', async (text, fault) => {
    if (typeof fault === 'string') expect(await faults(text)).toBe(fault);
    else expect(await faults(text)).toMatch(fault);
  });

  it('says faults of a printer once, where they are, though it stands for seven places', async () => {
    expect(await faultsOf('state', VORON)).toBe(
      '1:22 /home/pi/printer_data is read-only: overlays.conf, tmpfs.conf and fstab.conf make no place around it writable',
    );
  });
});
