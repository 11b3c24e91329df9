import { describe, expect, it } from 'vitest';
import type { HostFacts } from '../../../../../src/server/admin/adopt/host-facts.ts';
import { findInstances, homeOf } from '../../../../../src/server/admin/adopt/instances.ts';
import { optionOf, readUnit, splitWords } from '../../../../../src/server/admin/adopt/systemd-unit.ts';

const FACTS: HostFacts = {
  ...{
    hostname: 'Farm-3.lab',
    identity: '',
    system: '',
    arch: 'aarch64',
    timezone: '',
    user: 'pi',
    group: 'pi',
    home: '/home/pi',
  },
  ...{
    macs: [],
    programs: new Set<string>(),
    realPaths: new Map<string, string>(),
    units: [],
    environments: [],
    folders: [],
    links: [],
    crontab: '',
    others: [],
  },
};
const unitFile = (name: string, text: string) => ({ path: `/etc/systemd/system/${name}.service`, text });
/** As KIAUH writes them. */
const kiauh = (folder: string, suffix: string): Pick<HostFacts, 'units' | 'environments' | 'folders'> => ({
  units: [
    unitFile(
      `klipper${suffix}`,
      `[Service]\nUser=pi\nEnvironmentFile=/home/pi/${folder}/systemd/klipper.env\nExecStart=/home/pi/klippy-env/bin/python $KLIPPER_ARGS\n`,
    ),
    unitFile(
      `moonraker${suffix}`,
      `[Service]\nUser=pi\nEnvironmentFile=-/home/pi/${folder}/systemd/moonraker.env\nExecStart=/home/pi/moonraker-env/bin/python $MOONRAKER_ARGS\n`,
    ),
  ],
  environments: [
    {
      path: `/home/pi/${folder}/systemd/klipper.env`,
      text: `KLIPPER_ARGS="/home/pi/klipper/klippy/klippy.py -I /home/pi/${folder}/comms/klippy.serial /home/pi/${folder}/config/printer.cfg -v -a /home/pi/${folder}/comms/klippy.sock"\n`,
    },
    {
      path: `/home/pi/${folder}/systemd/moonraker.env`,
      text: `MOONRAKER_ARGS='/home/pi/moonraker/moonraker/moonraker.py -d /home/pi/${folder}'\n`,
    },
  ],
  folders: [`/home/pi/${folder}`],
});
const hostWith = (...parts: readonly Pick<HostFacts, 'units' | 'environments' | 'folders'>[]): HostFacts => ({
  ...FACTS,
  units: parts.flatMap(({ units }) => units),
  environments: parts.flatMap(({ environments }) => environments),
  folders: parts.flatMap(({ folders }) => folders),
});

describe('units of systemd', () => {
  it.each([
    ['a "b c" \'d $e\' f\\ g', ['a', 'b c', 'd $e', 'f g']],
    ['"say \\"x\\"" \'\'', ['say "x"', '']],
    ['', []],
  ])('words of %j', (text, words) => expect(splitWords(text)).toEqual(words));

  it('the last of a setting counts, one that is empty forgets, and lines go on behind a backslash', () => {
    const text = `ExecStart=/bin/old\nExecStart=\nExecStart=-/usr/bin/python \\\n  /x/klippy.py \${A}/printer.cfg $B\n# User=no\nUser=pi\nEnvironment="A=/home/pi/c d" B="-v -a"\n`;
    expect(readUnit('/etc/systemd/system/klipper.service', text, new Map())).toEqual({
      name: 'klipper',
      user: 'pi',
      words: ['/usr/bin/python', '/x/klippy.py', '/home/pi/c d/printer.cfg', '-v', '-a'],
    });
  });

  it('options stand in two words, or with = in one', () => {
    expect(optionOf(['x', '-d', '/a'], '-d', '--datapath')).toBe('/a');
    expect(optionOf(['x', '--datapath=/b'], '-d', '--datapath')).toBe('/b');
    expect(optionOf(['x', '-d'], '-d')).toBeUndefined();
  });
});

describe('printers of a host', () => {
  it('one alone is called as its host, with services, programs and user as its units say', () => {
    expect(findInstances(hostWith(kiauh('printer_data', '')))).toEqual([
      {
        name: 'farm-3',
        data: '/home/pi/printer_data',
        from: {
          config: '/home/pi/printer_data/config',
          gcodes: '/home/pi/printer_data/gcodes',
          database: '/home/pi/printer_data/database',
        },
        isOld: false,
        user: 'pi',
        services: { klipper: 'klipper', moonraker: 'moonraker' },
        programs: { klipper: '/home/pi/klipper', moonraker: '/home/pi/moonraker' },
        socket: '/home/pi/printer_data/comms/klippy.sock',
        main: '/home/pi/printer_data/config/printer.cfg',
        others: [],
      },
    ]);
  });

  it('one whose folder is a link is one, whichever name its services have', () => {
    const facts = hostWith(kiauh('printer_data', ''));
    const ssd = '/mnt/ssd/printer_data';
    const realPaths = new Map([['/home/pi/printer_data', ssd]]);
    const environments = facts.environments.map(({ path, text }) => ({
      path,
      text: path.includes('moonraker') ? text.replaceAll('/home/pi/printer_data', ssd) : text,
    }));
    const all = findInstances({ ...facts, realPaths, environments });
    expect(all).toMatchObject([
      { data: '/home/pi/printer_data', services: { klipper: 'klipper', moonraker: 'moonraker' }, isOld: false },
    ]);
    expect(findInstances({ ...facts, realPaths }, [{ name: 'x', folder: ssd }])).toHaveLength(1);
  });

  it.each([
    [
      'a drop-in that starts another',
      '',
      '[Service]\nExecStart=\nExecStart=/usr/bin/nice -n -5 PYTHON KLIPPY /home/pi/p2_data/config/p.cfg',
    ],
    ['sh -c', '/bin/sh -c \'cd /tmp && exec PYTHON KLIPPY /home/pi/p2_data/config/p.cfg -l "$HOME/x"\'', ''],
    ['bash -lc', '/bin/bash -lc "PYTHON KLIPPY /home/pi/p2_data/config/p.cfg"', ''],
    ['an environment', 'PYTHON $ARGS', '[Service]\nEnvironment="ARGS=KLIPPY /home/pi/p2_data/config/p.cfg"'],
  ])('a service is what systemd starts: %s', (_how, start, dropIn) => {
    const said = (text: string) =>
      text.replace('PYTHON', '/home/pi/klippy-env/bin/python').replace('KLIPPY', '/home/pi/klipper/klippy/klippy.py');
    const units = [
      unitFile(
        'klipper',
        `[Service]\nUser=pi\nExecStart=${said(start || 'PYTHON KLIPPY /home/pi/p1_data/config/p.cfg')}\n`,
      ),
      { path: '/etc/systemd/system/klipper.service.d/over.conf', text: said(dropIn) },
    ];
    expect(findInstances({ ...FACTS, units })).toMatchObject([
      { data: '/home/pi/p2_data', main: '/home/pi/p2_data/config/p.cfg', services: { klipper: 'klipper' } },
    ]);
  });

  it('a second Klipper on the same folder is told, and one of another layout is named', () => {
    const klipper = (name: string, path: string) =>
      unitFile(name, `[Service]\nExecStart=/x/python /home/pi/klipper/klippy/klippy.py ${path} -l /tmp/l\n`);
    const two = ['printer.cfg', 'klipper-2.cfg'].map((file, at) =>
      klipper(`klipper-${at}`, `/home/pi/printer_data/config/${file}`),
    );
    expect(findInstances({ ...FACTS, units: two })).toMatchObject([
      { services: { klipper: 'klipper-0' }, others: ['klipper-1'] },
    ]);
    expect(() => findInstances({ ...FACTS, units: [klipper('klipper', '/home/pi/printer.cfg')] })).toThrow(
      'Klipper has its config there at /home/pi/printer.cfg, alone',
    );
  });

  it('several are called as their folders, or as their host and a number', () => {
    const all = findInstances(
      hostWith(kiauh('printer_2_data', '-2'), kiauh('printer_Voron_2.4_data', '-v'), kiauh('printer_1_data', '-1')),
    );
    expect(all.map(({ name, data, services }) => [name, data, services.klipper])).toEqual([
      ['farm-3-1', '/home/pi/printer_1_data', 'klipper-1'],
      ['farm-3-2', '/home/pi/printer_2_data', 'klipper-2'],
      ['voron_2-4', '/home/pi/printer_Voron_2.4_data', 'klipper-v'],
    ]);
  });

  it('one that has a folder and no service is found, too; what else has a config is not', () => {
    const facts = { ...FACTS, folders: ['/home/pi/printer_data', '/home/pi/other'] };
    expect(findInstances(facts)).toMatchObject([
      { data: '/home/pi/printer_data', services: {}, programs: {}, user: 'pi' },
    ]);
  });

  it('several of an old layout are several', () => {
    const units = ['1', '2'].flatMap((at) => [
      unitFile(
        `klipper-${at}`,
        `[Service]\nUser=pi\nExecStart=/home/pi/klippy-env/bin/python /home/pi/klipper/klippy/klippy.py /home/pi/klipper_config/printer_${at}/printer.cfg -l /tmp/k.log\n`,
      ),
      unitFile(
        `moonraker-${at}`,
        `[Service]\nUser=pi\nExecStart=/home/pi/moonraker-env/bin/python /home/pi/moonraker/moonraker/moonraker.py -c /home/pi/klipper_config/printer_${at}/moonraker.conf\n`,
      ),
    ]);
    const folders = ['klipper_config', 'gcode_files', '.moonraker_database'].map((name) => `/home/pi/${name}`);
    expect(findInstances({ ...FACTS, units, folders })).toMatchObject(
      ['1', '2'].map((at) => ({
        data: `/home/pi/printer_${at}_data`,
        from: { config: `/home/pi/klipper_config/printer_${at}` },
        services: { klipper: `klipper-${at}`, moonraker: `moonraker-${at}` },
        isOld: true,
      })),
    );
  });

  it('a person names those that are meant, by a folder as they call it', () => {
    const facts = hostWith(kiauh('printer_1_data', '-1'), kiauh('printer_2_data', '-2'));
    for (const folder of ['~/printer_2_data', '/home/pi/printer_2_data/', 'printer_2_data'])
      expect(findInstances(facts, [{ name: 'ender', folder }])).toMatchObject([
        { name: 'ender', services: { klipper: 'klipper-2' } },
      ]);
    expect(
      findInstances({ ...facts, folders: [...facts.folders, '/home/pi/other'] }, [{ name: 'x', folder: '~/other' }]),
    ).toMatchObject([{ data: '/home/pi/other', services: {} }]);
    expect(() => findInstances(facts, [{ name: 'x', folder: '~/nothing' }])).toThrow(
      'there is no folder /home/pi/nothing',
    );
    const twice = [
      { name: 'x', folder: 'printer_1_data' },
      { name: 'x', folder: 'printer_2_data' },
    ];
    expect(() => findInstances(facts, twice)).toThrow('two printers of this host would be called x');
  });

  it('the old layout becomes the new one, and what an update left of it does not', () => {
    const old = ['/home/pi/klipper_config', '/home/pi/gcode_files', '/home/pi/.moonraker_database'];
    const units = [
      unitFile(
        'klipper',
        '[Service]\nUser=pi\nExecStart=/usr/bin/python /home/pi/klipper/klippy/klippy.py /home/pi/klipper_config/printer.cfg -a /tmp/klippy_uds\n',
      ),
    ];
    expect(findInstances({ ...FACTS, units, folders: old })).toMatchObject([
      {
        data: '/home/pi/printer_data',
        isOld: true,
        from: {
          config: '/home/pi/klipper_config',
          gcodes: '/home/pi/gcode_files',
          database: '/home/pi/.moonraker_database',
        },
        main: '/home/pi/klipper_config/printer.cfg',
      },
    ]);
    expect(
      findInstances(hostWith(kiauh('printer_data', ''), { units: [], environments: [], folders: old })),
    ).toHaveLength(1);
  });

  it('a template of systemd is no printer, and `~` is the home of its account, whoever logged in', () => {
    const host = hostWith(kiauh('printer_data', ''));
    const template = unitFile(
      'klipper@',
      '[Service]\nExecStart=/p /k/klippy.py /home/pi/printer_%i_data/config/printer.cfg\n',
    );
    const found = findInstances({ ...host, units: [...host.units, template] });
    expect(found).toHaveLength(1);
    const [instance] = found;
    if (!instance) throw new Error('there is one');
    expect(homeOf({ user: 'pi', home: '/srv/pi' }, instance)).toBe('/srv/pi');
    expect(homeOf({ user: 'root', home: '/root' }, instance)).toBe('/home/pi');
  });

  it('a host without any says what to name', () => {
    expect(() => findInstances(FACTS)).toThrow('pi has no printer there');
  });
});
