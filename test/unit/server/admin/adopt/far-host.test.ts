import { describe, expect, it } from 'vitest';
import type { FarHost } from '../../../../../src/server/admin/adopt/far-host.ts';
import { sshArgv } from '../../../../../src/server/admin/adopt/far-host.ts';
import { listFar } from '../../../../../src/server/admin/adopt/far-listing.ts';
import { factsFrom } from '../../../../../src/server/admin/adopt/host-facts.ts';

describe('ssh', () => {
  const target = { destination: 'pi@voron', options: ['ProxyJump=gateway', 'ConnectTimeout=3'], isBatch: true };
  it('is told what the person said before what we say, and the destination is no option', () => {
    const argv = sshArgv({ ...target, port: 2222, identityFile: '/home/ada/key' }, ['-S', '/tmp/s'], 'exec /bin/sh -s');
    expect(argv.indexOf('ConnectTimeout=3')).toBeLessThan(argv.indexOf('ConnectTimeout=20'));
    expect(argv.slice(-7)).toEqual(['-p', '2222', '-i', '/home/ada/key', '--', 'pi@voron', 'exec /bin/sh -s']);
    expect(argv).toContain('BatchMode=yes');
    expect(sshArgv({ ...target, isBatch: false }, [], 'x')).not.toContain('BatchMode=yes');
  });
  it('has no agent, no display and no port forwarded to a host that nobody knows', () => {
    for (const setting of ['ForwardAgent=no', 'ForwardX11=no', 'ClearAllForwardings=yes'])
      expect(sshArgv(target, [], 'x')).toContain(setting);
  });
});

describe('what a host says of itself', () => {
  const said = (...records: readonly (readonly [string, string, string])[]) =>
    factsFrom(
      Buffer.from([...records, ['end', '', ''] as const].map((one) => `${one.join('\0')}\0`).join('')),
      'pi@voron',
    );
  it('is read record by record; what it does not say is empty', () => {
    expect(
      said(
        ['fact', 'home', '/home/pi\n'],
        ['fact', 'timezone', '/usr/share/zoneinfo/Europe/Berlin'],
        ['unit', '/etc/systemd/system/klipper.service', '[Service]\n'],
        ['program', 'python3', ''],
        ['link', '/home/pi/klipper/klippy/extras/x.py', '/home/pi/x.py'],
        ['other', 'cron', '/etc/cron.d/backup'],
      ),
    ).toMatchObject({
      ...{ home: '/home/pi', timezone: 'Europe/Berlin', hostname: '', system: 'a Linux', crontab: '' },
      units: [{ path: '/etc/systemd/system/klipper.service', text: '[Service]\n' }],
      programs: new Set(['python3']),
      links: [{ path: '/home/pi/klipper/klippy/extras/x.py', target: '/home/pi/x.py' }],
      others: [{ kind: 'cron', name: '/etc/cron.d/backup' }],
    });
  });
  it('is told from others by its board, its cards, or at least its machine-id, which copies of a card share', () => {
    const home = ['fact', 'home', '/home/pi'] as const;
    const id = ['fact', 'machine-id', 'abc\n'] as const;
    const mac = ['mac', 'eth0', 'b8:27:eb:12:34:56\n'] as const;
    expect(said(home, id).identity).toBe('abc');
    expect(said(home, id, mac).identity).toBe('b8:27:eb:12:34:56');
    expect(said(home, id, mac, ['fact', 'serial', '10000000abcdef01']).identity).toBe('10000000abcdef01');
  });
  it('one that ends early, or has no home, is none', () => {
    expect(() => said(['fact', 'home', 'C:\\'])).toThrow('no host that can be read');
    expect(() => factsFrom(Buffer.from('fact\0home\0/home/pi\0'), 'pi@voron')).toThrow('no host that can be read');
    expect(() => factsFrom(Buffer.alloc(0), 'pi@voron')).toThrow('no host that can be read');
  });
});

/** A host whose find prints this. */
const printing = (...records: readonly string[]): FarHost => ({
  destination: 'x',
  async *run() {
    for (const record of records) yield Buffer.from(record, 'latin1');
  },
  read: () => Promise.reject(new Error('it is not read')),
  [Symbol.asyncDispose]: async () => {},
});
const END = 'end\0\0\0';

describe('a listing', () => {
  it('has files with each digit of their time, before 1970 too, and what else is there with its reason', async () => {
    const listing = await listFar(
      printing(
        ...[
          'f 5 1764505085.1234567890 1764505086.5000000000 7 9\0./a b\0\0d 1 1.0 1.0 1 9\0./folder\0',
          '\0f 0 -1.5000000000 0.0 8 9\0./old\0\0',
        ],
        ...['l 1 1.0 1.0 1 9\0./link\0/etc/passwd\0p 0 1.0 1.0 1 9\0./pipe\0\0f 1 1.0 1.0 1 9\0./\xff\0\0', END],
      ),
      '/x',
    );
    expect(listing).toEqual({
      isThere: true,
      isCut: false,
      isWhole: true,
      files: [
        {
          path: 'a b',
          sizeBytes: 5,
          mtimeNs: '1764505085123456789',
          stamp: '7 5 1764505085.1234567890 1764505086.5000000000',
        },
        { path: 'old', sizeBytes: 0, mtimeNs: '-1500000000', stamp: '8 0 -1.5000000000 0.0' },
      ],
      left: [
        { path: 'link', why: 'it is a link to /etc/passwd', target: '/etc/passwd' },
        { path: 'pipe', why: 'it is a pipe' },
        { path: '\ufffd', why: 'its name is no UTF-8' },
      ],
    });
  });
  it('a folder that is not there has nothing, one that is empty is there', async () => {
    expect(await listFar(printing(''), '/x')).toMatchObject({ isThere: false, files: [] });
    const folder = 'd 1 1.0 1.0 1 9\0.\0\0';
    expect(await listFar(printing(folder, END), '/x')).toMatchObject({ isThere: true, isWhole: true, files: [] });
    // Of a find that is not GNU's nothing comes, and nobody may take that for an empty folder.
    expect(await listFar(printing(END), '/x')).toMatchObject({ isThere: true, isWhole: false, files: [] });
  });
  it('what may not be looked into, and another file system, are told: it is not all that is there', async () => {
    const folder = 'd 1 1.0 1.0 1 9\0.\0\0';
    expect(await listFar(printing(folder, 'd 1 1.0 1.0 2 9\0./a\0\0', END), '/x')).toMatchObject({
      isWhole: true,
      left: [],
    });
    for (const [record, why] of [
      ['h 1 1.0 1.0 2 9\0./a\0\0', 'this account may not look into it'],
      ['d 1 1.0 1.0 2 8\0./a\0\0', 'another file system is there'],
    ])
      expect(await listFar(printing(folder, record ?? '', END), '/x')).toMatchObject({
        isWhole: false,
        left: [{ path: 'a', why }],
      });
    expect(await listFar(printing(folder), '/x')).toMatchObject({ isThere: true, isWhole: false });
  });
  it('one that goes on for ever is cut, whatever it goes on with', async () => {
    const many = (record: (at: number) => string) => printing(...Array.from({ length: 90_000 }, (_, at) => record(at)));
    for (const record of [
      (at: number) => `f 1 1.0 1.0 1 9\0./${at}\0\0`,
      () => 'f 1 1.0 1.0 1 9\0./same\0\0',
      () => 'd 1 1.0 1.0 1 9\0./same\0\0',
      (at: number) => `l 1 1.0 1.0 1 9\0./${at}\0${'x'.repeat(100)}\0`,
    ])
      expect((await listFar(many(record), '/x')).isCut).toBe(true);
    const asked = await listFar(
      many((at) => `f 1 1.0 1.0 1 9\0./${at}\0\0`),
      '/x',
      ['1', '2'],
    );
    expect(asked.files).toHaveLength(2);
  });
});
