import { describe, expect, it } from 'vitest';
import type { AgentState } from '../../../../src/agent/agent-state.ts';
import { status } from '../../../../src/commands/machine/status.ts';
import { createFacts, createLease, USER_DATA_DISK } from '../../../fixtures/facts.ts';
import { createRecord, DISK_MOUNTS, type RunningSystem, runningSystem } from '../../../fixtures/running-system.ts';

async function statusOf(system: RunningSystem, ...words: string[]): Promise<string> {
  let text = '';
  expect(await status(runningSystem(system), words, (more) => (text += more))).toBe(0);
  return text;
}

const install = createFacts().system.install!;
const diskless = createRecord(
  createFacts({ system: { install }, network: { leases: [createLease({ hostname: 'lab-17' })] } }),
);
const withDisk = createRecord(createFacts({ root: { blocks: [USER_DATA_DISK] } }));

describe('statectl status', () => {
  it('says why it was this server, where there are several', async () => {
    const servers = [
      { url: 'http://boot.lab:8080', reason: 'measured: 3 ms, load 0.2' },
      { url: 'http://a.lab', reason: 'silent', isLast: true as const },
    ];
    const of = (facts: Parameters<typeof createFacts>[0]) => statusOf({ record: createRecord(createFacts(facts)) });
    expect(await of({ servers: { inOrder: servers } })).toContain(
      '\nserver      http://boot.lab:8080 (measured: 3 ms, load 0.2; http://a.lab silent)\n',
    );
    expect(await of({ servers: { inOrder: servers.slice(0, 1) } })).toContain('\nserver      http://boot.lab:8080\n');
  });

  it('says what the agent applied since, what waits for a reboot, and what somebody edited', async () => {
    const applied = {
      bundle: { node: 'print01', epoch: 0, sequence: 1002, contentDigest: 'new' },
      atMs: Date.UTC(2026, 10, 20, 12),
      files: { '/etc/motd': { kind: 'absent' }, '/etc/issue': { kind: 'absent' } },
      needsReboot: [{ path: 'boot.image' }, { path: 'fstab./srv', why: 'target is busy' }],
      keptLocal: ['/etc/issue'],
      warnings: ['/etc/issue was edited by hand and is left as it is', 'the boot said it', '/usr/x is not delivered'],
    };
    const files = {
      '/run/statectl/applied.json': JSON.stringify(applied),
      '/etc/motd': 'ours',
      '/etc/issue': 'theirs',
    };
    const record = { ...diskless, warnings: ['the boot said it'] };
    const text = await statusOf({ record, files });
    expect(text).toContain('\nruns as     bundle 0.1002, applied 2026-11-20 12:00 without a reboot\n');
    expect(text).toContain(
      '\notherwise than config.d says\n  ! boot.image needs a reboot\n  ! fstab./srv needs a reboot: target is busy\n  ! /etc/issue was edited by hand and is left so (system/etc.conf: edits)\n  ! /usr/x is not delivered\n',
    );
    // What a reboot brings again is not lost by it.
    expect(text).toContain('/etc/issue\n');
    expect(text).not.toContain('/etc/motd');
    const json = JSON.parse(await statusOf({ record, files }, '--json', '--no-changes'));
    expect(json.applied).toEqual({ ...applied, files: undefined, warnings: ['/usr/x is not delivered'] });
  });

  it('says what was booted, what is kept, and what a reboot loses', async () => {
    const files = {
      '/run/statectl/upper/var/upper/lib/app.db': 'x'.repeat(3000),
      '/var/lib/app.db': 'x'.repeat(3000),
      '/root/notes': 'remember\n',
      '/run/statectl/image/root/.bashrc': 'old\n',
      '/tmp/scratch': 'xx',
    };
    const digest = diskless.image?.sha256 ?? '';
    const text = await statusOf({
      record: { ...diskless, statectl: 'VERSION', warnings: ['no disk for /user-data (LABEL=user-data)'] },
      files,
    });
    expect(text.replaceAll(digest, 'DIGEST')).toMatchInlineSnapshot(`
      "image       lab 20261120.1
      digest      sha256 DIGEST
      root        squashfs, verified: signature and digest
      from        fetched from http://boot.lab:8080/blobs/sha256/DIGEST
      server      http://boot.lab:8080
      kernel      6.1.0-44-amd64
      config      sha256 c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0, baked
      init        /sbin/init
      machine-id  0123456789abcdef0123456789abcdef, derived from the hardware
      network     eth0 10.0.2.15/24 (dhcp), via 10.0.2.2, DNS 10.0.2.3
      persistent  nothing
      statectl    VERSION

      time
        kernel, /init  2.00 s
        cmdline        10 ms
        config         20 ms   1 step
        devices        30 ms   2 steps
        network        40 ms   3 steps
        bundle         50 ms   4 steps
        slot           60 ms   5 steps
        update         70 ms   6 steps
        mount          80 ms   7 steps
        install        90 ms   8 steps
        handover       100 ms  9 steps
        total          3.46 s

      kept at a reboot
        nothing: there is no disk for /user-data

      in RAM, lost at a reboot
        /etc        ramdisk  at most 64 MiB
        /home       bind     at most 488 MiB
        /media      bind     at most 488 MiB
        /mnt        bind     at most 488 MiB
        /root       bind     at most 488 MiB
        /tmp        tmpfs    at most 488 MiB
        /user-data  tmpfs    at most 488 MiB
        /usr/tmp    tmpfs    at most 98 MiB
        /var        overlay  at most 488 MiB
        /var/tmp    tmpfs    at most 244 MiB

      warnings of the boot
        ! no disk for /user-data (LABEL=user-data)

      would be lost at a reboot: 4 paths, 2.9 KiB; plus 2 B in tmpfs

      /root (bind): 1 added, 0 changed, 1 deleted, 9 B
        +      9 B  /root/notes
        -      4 B  /root/.bashrc

      /tmp (tmpfs): 1 file, 2 B

      /var (overlay): 2 added, 0 changed, 0 deleted, 2.9 KiB
        +  2.9 KiB  /var/lib/app.db
        +      0 B  /var/lib/
      "
    `);
  });

  it('counts nothing that the boot itself wrote', async () => {
    const files = {
      '/etc/machine-id': '0123\n',
      '/etc/resolv.conf': 'nameserver 10.0.2.3\n',
      '/etc/hostname': 'lab-17\n',
    } as const;
    expect(await statusOf({ record: diskless, files })).toContain('would be lost at a reboot: nothing');
  });

  it('names what somebody else added to the same directories', async () => {
    const files = { '/etc/profile.d/mine.sh': 'x', '/run/statectl/image/etc/profile.d': { type: 'dir' } } as const;
    expect(await statusOf({ record: diskless, files })).toContain('+      1 B  /etc/profile.d/mine.sh');
  });

  it('with a disk takes /home for kept, and does not look at its files', async () => {
    const text = await statusOf({ record: withDisk, mounts: DISK_MOUNTS, files: { '/home/me/thesis': 'x' } });
    expect(text).toMatch(/\/home +bind +\/dev\/vdb:\/persistent\/local\/home\n/);
    expect(text).not.toContain('thesis');
  });

  it('without a disk compares /home with the image, although it lies in /user-data', async () => {
    const text = await statusOf({
      record: diskless,
      files: { '/home/me': 'x', '/user-data/persistent/local/home/me': 'x' },
    });
    expect(text).toContain('+      1 B  /home/me');
    expect(text).not.toContain('/user-data (tmpfs)');
  });

  it('names disks and shares that somebody mounted', async () => {
    const mounts = [
      ...DISK_MOUNTS,
      '/srv/parts nfs4 server:/parts',
      '/media/stick vfat /dev/sda1',
      '/mnt/cd iso9660 /dev/sr0 / ro',
    ];
    const text = await statusOf({ record: withDisk, mounts });
    expect(text).toMatch(/\/srv\/parts +disk +server:\/parts\n/);
    expect(text).toMatch(/\/media\/stick +disk +\/dev\/sda1\n/);
    expect(text).not.toContain('/mnt/cd');
  });

  it('says of a place that it is not mounted any more', async () => {
    const text = await statusOf({ record: withDisk, mounts: DISK_MOUNTS.filter((line) => !line.startsWith('/home')) });
    expect(text).toMatch(/\/home +bind +NOT MOUNTED/);
  });

  it('says who the machine proved to be, and how its key lies on the disk', async () => {
    const textWith = async (key: 'sealed' | 'unsealed' | 'ram') => {
      const identity = { state: 'approved', node: 'print07', proof: 'person', fingerprint: 'k7fj', key } as const;
      const facts = createFacts({ system: { identity: { ...identity, secrets: [], missing: {} } } });
      return await statusOf({ record: createRecord(facts) });
    };
    expect(await textWith('unsealed')).toContain('print07, proven by a person, 0 secrets; key unsealed\n');
    expect(await textWith('sealed')).toContain('0 secrets; key sealed by the TPM\n');
    expect(await textWith('ram')).toContain('0 secrets; key of this boot alone\n');
  });

  it('says of a slot that is a tree by what it was verified', async () => {
    const record = { ...withDisk, root: { type: 'ext4', from: '/user-data/persistent/slots/a', verified: true } };
    expect(await statusOf({ record })).toContain('\nroot        ext4, verified: signature and each file\n');
  });

  it('says that a root partition is unverified', async () => {
    const facts = createFacts({
      config: { boot: { root: 'LABEL=system' } },
      root: { blocks: [{ device: '/dev/vda', type: 'ext4', label: 'system' }], offer: undefined },
      network: { leases: [] },
    });
    const text = await statusOf({ record: createRecord(facts) });
    expect(text).toContain('ext4, unverified: trusted as found');
    expect(text).toContain('the partition /dev/vda');
    expect(text).toContain('none was set up by the boot');
  });

  it('tells of a boot that failed first, and of what a person left out', async () => {
    const record = createRecord(createFacts(), {
      phases: [],
      warnings: ['DEGRADED'],
      failures: [{ phase: 'mount', code: 'mount-failed', text: 'it broke' }],
    });
    const text = await statusOf({ record: { ...record, skipped: ['install'] } });
    expect(text).toContain('  ! DEGRADED\n');
    expect(text).toContain('  ! mount failed first (mount-failed): it broke\n  ! left out by a person: install\n');
  });

  it('reads nothing but the record and the mounts with --no-changes', async () => {
    const host = runningSystem({ record: diskless });
    let text = '';
    await status(host, ['--no-changes'], (more) => (text += more));
    expect(host.commands).toEqual([]);
    expect(text).toContain('changes: not looked for');
  });

  it('prints every path with --all', async () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`/etc/many/${index}`, 'x']));
    expect(await statusOf({ record: diskless, files })).toContain('+     30 B  /etc/many/ (31 paths)');
    expect(await statusOf({ record: diskless, files }, '--all')).toContain('/etc/many/29\n');
  });

  it('gives the same as JSON with --json', async () => {
    const parsed = JSON.parse(await statusOf({ record: diskless, files: { '/etc/new': 'x' } }, '--json'));
    expect(parsed.boot.image.name).toBe('lab');
    expect(parsed.places).toContainEqual({
      mountPoint: '/etc',
      kind: 'ramdisk',
      persistent: false,
      source: 'tmpfs',
      fsType: 'tmpfs',
      limitBytes: 2 ** 26,
    });
    expect(parsed.changes[0]).toMatchObject({
      place: { mountPoint: '/etc' },
      changes: [{ path: '/etc/new', change: 'added' }],
    });
  });

  describe('and the agent', () => {
    const atMs = Date.parse('2026-11-20T12:00:00Z');
    const state: AgentState = {
      pid: 4242,
      startedMs: atMs,
      connection: { state: 'connected', server: 'http://b.lab:8080', sinceMs: atMs, why: 'A gets a new disk' },
      lastEvent: { event: 'bundle', server: 'http://b.lab:8080', atMs },
      refreshed: {
        ...{ state: 'applied', applied: ['/etc/motd'], needsReboot: ['boot.image'], keptLocal: ['/etc/hosts'] },
        atMs,
      },
      renewed: { state: 'current', nextAtMs: atMs, atMs },
      queue: { length: 3, bytes: 900, dropped: 1 },
    };
    const agentOf = async (agent: AgentState, ...words: string[]) => {
      const files = {
        '/run/statectl/agent.json': JSON.stringify(agent),
        '/proc/4242/cmdline': '/run/statectl/rt/statectl\0agent\0',
      };
      return statusOf({ record: diskless, files }, '--no-changes', ...words);
    };

    it('says where it is, what it did last and what waits to be sent', async () => {
      const text = await agentOf(state);
      expect(text.slice(text.indexOf('\nagent\n'), text.indexOf('\nkept at'))).toMatchInlineSnapshot(`
        "
        agent
          agent        runs since 2026-11-20 12:00:00
          server       http://b.lab:8080 since 2026-11-20 12:00:00 (A gets a new disk)
          last event   bundle of http://b.lab:8080, 2026-11-20 12:00:00
          settings     applied: 1 path, 2026-11-20 12:00:00
          certificate  current; looked at again 2026-11-20 12:00:00
          reports      3 wait to be sent, 1 were dropped
        "
      `);
      expect(JSON.parse(await agentOf(state, '--json')).agent).toMatchObject({ runs: true, queue: { length: 3 } });
    });

    it('says of no certificate that it is current, nor of settings that no server has that they are the server’s', async () => {
      const nothing = { applied: [], needsReboot: [], keptLocal: [] };
      const text = await agentOf({
        ...state,
        refreshed: { ...nothing, state: 'none', atMs },
        renewed: { state: 'none', nextAtMs: atMs, atMs },
      });
      expect(text).toContain('  settings     as at the boot: the server has none for machines, ');
      expect(text).toContain('  certificate  none; looked at again ');
      expect(text).not.toMatch(/current;|as the server has it/);
    });

    it('says why it is at a server that config.d does not name any more', async () => {
      const stays = 'config.d does not name it any more, and no other can be used: http://c.lab cannot be reached';
      expect(await agentOf({ ...state, connection: { ...state.connection, stays } })).toContain(
        `http://b.lab:8080 since 2026-11-20 12:00:00 (A gets a new disk); ${stays}\n`,
      );
    });

    it('says so when there is no server, or no agent any more', async () => {
      const away = { state: 'away', server: 'http://b.lab:8080', sinceMs: atMs, why: 'it is not reachable' } as const;
      expect(await agentOf({ ...state, connection: away })).toContain(
        'none since 2026-11-20 12:00:00: it is not reachable; it was http://b.lab:8080',
      );
      expect(await agentOf({ ...state, pid: 7 })).toContain('DOES NOT RUN');
      expect(await statusOf({ record: diskless })).not.toContain('\nagent\n');
    });
  });

  it('goes on when one place cannot be compared', async () => {
    const broken = diskless.places.map((place) =>
      place.mountPoint === '/var' ? { ...place, lower: undefined } : place,
    );
    const text = await statusOf({ record: { ...diskless, places: broken } as never, files: { '/etc/new': 'x' } });
    expect(text).toContain('! /var (overlay) cannot be compared');
    expect(text).toContain('/etc/new');
  });

  it('is refused on a system that statectl did not boot', async () => {
    await expect(status(runningSystem({}), [])).rejects.toMatchObject({
      code: 'not-booted',
      message: 'this system was not booted by statectl: there is no /run/statectl/boot.json',
    });
  });

  it('says that the plan of the last good boot was run, when that left no record', async () => {
    const host = runningSystem({ files: { '/run/initramfs/switch-root.env': '' } });
    await expect(status(host, [])).rejects.toMatchObject({ code: 'booted-by-plan' });
  });

  it('points to `statectl rescue` in the initramfs', async () => {
    await expect(status(runningSystem({ files: { '/etc/initrd-release': '' } }), [])).rejects.toMatchObject({
      code: 'boot-unfinished',
    });
  });

  it('says what it does not know of the words', async () => {
    await expect(status(runningSystem({ record: diskless }), ['--al'])).rejects.toMatchObject({
      code: 'usage',
      hint: 'did you mean --all? `statectl status --help` shows what there is',
    });
  });
});
