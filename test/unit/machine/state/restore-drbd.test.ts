import { describe, expect, it } from 'vitest';
import type { Program } from '../../../../src/host/memory/exec.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { releaseVolumes } from '../../../../src/machine/state/drbd/release-volumes.ts';
import { restoreDrbd } from '../../../../src/machine/state/restore-drbd.ts';

const HEAD = {
  ...{ id: 'volume-1', resource: 'voron.db', peer: '192.0.2.1:7900', port: 7900, minor: 100, bytes: 32 << 20 },
  secret: 'ab'.repeat(30),
};
const PLACE = '/sysroot/home/pi/db';
const proc = (state: string, lacks = 0) =>
  `version: 8.4.11 (api:1/proto:86-101)\n100: ${state} A r-----\n    ns:0 oos:${lacks}\n`;
const SYNCING = proc('cs:SyncTarget ro:Secondary/Secondary ds:Inconsistent/UpToDate', 32_000);
const status9 = (disk = '') =>
  JSON.stringify([
    {
      ...{ name: 'voron.db', role: 'Secondary', devices: [{ volume: 0, minor: 100, 'disk-state': disk }] },
      connections: [
        {
          ...{ 'connection-state': 'Connected', 'peer-role': 'Secondary' },
          peer_devices: [{ 'replication-state': 'SyncTarget', 'peer-disk-state': 'UpToDate', 'percent-in-sync': 1 }],
        },
      ],
    },
  ]);
const UP_TO_DATE = proc('cs:Connected ro:Secondary/Secondary ds:UpToDate/UpToDate');

interface Kernel {
  /** What /proc/drbd says once the machine has connected, look by look; the last stays. */
  readonly looks: readonly string[];
  readonly programs?: Readonly<Record<string, Program>>;
}

function machine({ looks, programs = {} }: Kernel) {
  const left = [...looks];
  let mounts = '';
  const say = (text: string): void => void files.write('/proc/drbd', text);
  const host = memoryHost({
    files: {
      '/proc/drbd': 'version: 8.4.11 (api:1/proto:86-101)\n',
      '/proc/mounts': '',
      '/run/statectl/drbd/.keep': '',
      '/sysroot/home/pi/.keep': '',
    },
    programs: {
      ...{
        modprobe: () => '',
        truncate: (argv) => files.write(argv.at(-1) ?? '', '').then(() => undefined),
        'fsck.ext4': () => '',
        chown: () => '',
        umount: () => '',
        sync: () => '',
      },
      losetup: (argv) => (argv[1] === '-f' ? '/dev/loop3\n' : ''),
      'ld.so': () => '',
      mount(argv) {
        mounts += `${argv.at(-2)} ${argv.at(-1)} ${argv[2]} rw 0 0\n`;
        return files.write('/proc/mounts', mounts).then(() => undefined);
      },
      // The shell that has the secret.
      async sh(_argv, input) {
        expect(input).toBe(`${HEAD.secret}\n`);
        await files.write('/proc/drbd', left.shift() ?? '');
        return undefined;
      },
      ...programs,
    },
  });
  const { files } = host;
  const readText = files.readText.bind(files);
  const looked = {
    ...files,
    async readText(path: string) {
      const text = await readText(path);
      if (path === '/proc/drbd' && text.includes('cs:') && left.length > 0) say(left.shift() ?? '');
      return text;
    },
  };
  const warnings: string[] = [];
  const restore = (change: object = {}) =>
    restoreDrbd({
      host: { ...host, files: looked },
      task: { signal: new AbortController().signal, warn: (text) => void warnings.push(text), say: () => {} },
      printer: 'voron',
      item: {
        ...{ kind: 'drbd', name: 'db', path: PLACE, owner: 'pi', group: 'pi' },
        ...{ sizeBytes: 32 << 20, waitMs: 30_000, address: undefined },
      },
      account: { uid: 1000, gid: 1000 },
      head: HEAD,
      bound: new AbortController().signal,
      ...{ boot: 'b', lease: 1, apart: [], spool: '/run/statectl/state/voron/db' },
      ...change,
    });
  /** The words of DRBD's programs, and what else matters. */
  const commands = () =>
    host.commands
      .map((line) => line.replace(/^.*\/bin\/(drbd\S+)/, '$1').replace(/ --.*$/, ''))
      .filter((line) => !line.startsWith('modprobe'));
  return { host, restore, warnings, commands };
}

describe('a boot with a volume', () => {
  it('makes its side blank, waits for all of it, and mounts it where its place is, without force', async () => {
    const { host, restore, commands, warnings } = machine({ looks: [SYNCING, SYNCING, UP_TO_DATE] });
    expect(await restore()).toEqual({ base: 'volume-1', volume: { ...HEAD, loop: '/dev/loop3' } });
    expect(warnings).toEqual([]);
    const said = commands();
    // It becomes the primary alone: what it writes is of a generation of its own then.
    const connect = 'drbdsetup-84 connect voron.db 0.0.0.0:7900 192.0.2.1:7900';
    expect(said.filter((line) => / (?:dis)?connect | primary /.test(line))).toEqual([
      connect,
      'drbdsetup-84 disconnect 0.0.0.0:7900 192.0.2.1:7900',
      'drbdsetup-84 primary 100',
      connect,
    ]);
    expect(said.at(-2)).toBe(`mount -t ext4 -o noatime,nosuid,nodev,commit=1,nodelalloc /dev/drbd100 ${PLACE}`);
    expect(
      host.commands.filter((line) =>
        /primary.*force|mkfs|secret/.test(line.replace('--shared-secret=$secret', '').replace('read -r secret', '')),
      ),
    ).toEqual([]);
  });

  it('does the same by the words of DRBD 9 where the kernel has that, which says how it stands when it is asked', async () => {
    const looks = ['Inconsistent', 'Inconsistent', 'UpToDate'];
    const { host, restore, warnings, commands } = machine({
      looks: [],
      programs: {
        sh: () => '',
        'ld.so': (argv) => (argv.includes('status') ? status9(looks.length > 1 ? looks.shift() : looks[0]) : ''),
      },
    });
    await host.files.write('/proc/drbd', 'version: 9.2.18 (api:2/proto:118-124)\nTransports (api:21): tcp (9.2.18)\n');
    expect(await restore()).toEqual({ base: 'volume-1', volume: { ...HEAD, loop: '/dev/loop3' } });
    expect(warnings).toEqual([]);
    expect(host.commands).toContain('modprobe drbd_transport_tcp');
    expect(commands().filter((line) => !line.includes(' status'))).toEqual(
      expect.arrayContaining(['drbdsetup connect voron.db 0', 'drbdsetup primary voron.db']),
    );
    expect(host.commands.join('\n')).not.toMatch(/drbdsetup-84|--force=/);
  });

  it('has no use for a DRBD that nobody here knows', async () => {
    const { host, restore } = machine({ looks: [] });
    await host.files.write('/proc/drbd', 'version: 10.0.0 (api:3/proto:200-210)\n');
    expect((await restore()).why).toBe('the DRBD of this kernel: it is 10.0.0, not 8.4 or 9');
    expect(host.commands).toContain(RAM);
  });

  const RAM = `mount -t tmpfs -o size=33554432,mode=755,nosuid,nodev volume ${PLACE}`;

  it.each<[string, Kernel['looks'], string]>([
    ['that does not come in time', [SYNCING], '192.0.2.1:7900 sent 0 % within 30 s'],
    [
      'whose server is away',
      [proc('cs:WFConnection ro:Secondary/Unknown ds:Inconsistent/DUnknown')],
      '192.0.2.1:7900 does not answer: it is away, or has another machine',
    ],
    [
      'that is mounted on its server',
      [proc('cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate')],
      '192.0.2.1:7900 uses the volume itself (it is mounted there)',
    ],
  ])('has plain RAM in the place of one %s, and nothing of DRBD', async (_title, looks, why) => {
    const { restore, commands, warnings, host } = machine({ looks });
    expect(await restore()).toEqual({ base: null, why });
    expect(warnings).toEqual([`voron: ${PLACE} is plain RAM in this boot, and a branch: ${why}`]);
    expect(commands()).toContain('drbdsetup-84 down voron.db');
    expect(commands()).not.toContain('drbdsetup-84 primary 100');
    expect(host.commands).toContain(RAM);
    expect(host.clock.uptimeMs()).toBeLessThan(32_000);
  });

  it.each<[string, object, string]>([
    ['no server answers', { head: undefined }, 'no server said where it is'],
    ['the server has none yet', { head: null, why: 'statectl node drbd' }, 'statectl node drbd'],
    [
      'the network alone says who it is',
      { lease: 0 },
      'a machine that the server knows by its network alone gets none',
    ],
    ['what the server says is no volume', { head: { ...HEAD, port: 'x' } }, /what the server says of db/ as never],
  ])('asks no DRBD for anything where %s', async (_title, change, why) => {
    const { restore, host } = machine({ looks: [] });
    expect((await restore(change)).why).toMatch(why);
    expect(host.commands.filter((line) => line.includes('drbd'))).toEqual([]);
    expect(host.commands).toContain(RAM);
  });

  it.each<[string, Kernel['programs']]>([
    ['module', { modprobe: () => ({ exitCode: 1, stderr: 'modprobe: FATAL: Module drbd not found' }) }],
    ['good file system', { 'fsck.ext4': () => ({ exitCode: 4, stdout: 'UNEXPECTED INCONSISTENCY' }) }],
    [
      'right to be primary',
      { 'ld.so': (argv) => (argv.includes('primary') ? { exitCode: 17, stderr: 'State change failed' } : '') },
    ],
  ])('goes on in RAM without a %s', async (_title, programs) => {
    const { restore, host } = machine({ looks: [UP_TO_DATE], ...(programs && { programs }) });
    expect((await restore()).why).toBeDefined();
    expect(host.commands).toContain(RAM);
  });
});

describe('the way down', () => {
  const session = JSON.stringify({
    ...{ printer: 'voron', boot: 'b', lease: 1 },
    items: { db: { base: 'volume-1', volume: { ...HEAD, loop: '/dev/loop3' } }, config: { base: null } },
  });
  const goDown = async (text: string, umount: Program = () => '') => {
    const host = memoryHost({
      files: {
        '/proc/drbd': text,
        '/proc/mounts': '/dev/drbd100 /home/pi/db ext4 rw 0 0\n',
        '/home/pi/db/rows': 'x',
        '/run/statectl/drbd/voron.db/volume': '',
        '/run/statectl/state/voron/session.json': session,
      },
      programs: {
        ...{ umount, mount: () => '', sync: () => '', 'ld.so': () => '' },
        losetup: () => '/dev/loop3: [0025]:2 (/run/statectl/drbd/voron.db/volume)\n',
      },
    });
    await releaseVolumes(host);
    return {
      commands: host.commands.map((line) => line.replace(/^.*\/bin\//, '')),
      lines: host.lines.map(({ text: said }) => said),
      host,
    };
  };

  it('unmounts, waits until the server has all of it, and gives it up', async () => {
    const { commands, lines } = await goDown(UP_TO_DATE);
    expect(commands).toEqual([
      'umount /home/pi/db',
      'drbdsetup-84 secondary 100',
      'drbdsetup-84 down voron.db',
      'losetup -a',
      'losetup -d /dev/loop3',
      'umount /run/statectl/drbd/voron.db',
    ]);
    expect(lines).toEqual([]);
  });

  it('waits for a server that is slow or away only so long, and says what it lacks', async () => {
    const slow = await goDown(proc('cs:Ahead ro:Primary/Secondary ds:UpToDate/Consistent', 132));
    expect(slow.lines).toEqual(['voron db: 132 KiB of what it wrote last are not on 192.0.2.1:7900 (Ahead)']);
    expect(slow.host.clock.uptimeMs()).toBeGreaterThanOrEqual(60_000);
    const away = await goDown(proc('cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown', 4));
    expect(away.lines).toEqual(['voron db: 4 KiB of what it wrote last are not on 192.0.2.1:7900 (WFConnection)']);
    expect(away.host.clock.uptimeMs()).toBeLessThan(11_000);
    expect(away.commands).toContain('drbdsetup-84 down voron.db');
  });

  it('sends what it can of one that somebody still uses, and says so', async () => {
    const { commands, lines } = await goDown(UP_TO_DATE, () => ({
      exitCode: 32,
      stderr: 'umount: /home/pi/db: target is busy.',
    }));
    expect(commands.slice(1, 3)).toEqual(['mount -o remount,ro /home/pi/db', 'sync -f /home/pi/db']);
    expect(lines).toEqual(['voron db: umount: /home/pi/db: target is busy.']);
  });

  it('has nothing to do where a boot had no volume', async () => {
    expect((await goDown('')).commands).toEqual([]);
  });
});
