import { describe, expect, it } from 'vitest';
import { boot, EXIT } from '../../../src/boot/boot.ts';
import { planAll } from '../../../src/boot/plan-all.ts';
import { STORY } from '../../../src/boot/story.ts';
import { statusText } from '../../../src/commands/machine/status-text.ts';
import type { Server } from '../../../src/host/memory/http.ts';
import type { BootRecord } from '../../../src/machine/boot-record.ts';
import type { Facts } from '../../../src/machine/facts/facts.ts';
import { BOOT_RECORD, FACTS, JOURNAL } from '../../../src/machine/paths.ts';
import { describe as sentenceOf, shellOf } from '../../../src/machine/steps/step.ts';
import {
  CLAIMS,
  createBundle,
  createContent,
  createFile,
  createSigner,
  type TestBundle,
  withBundle,
} from '../../fixtures/bundle.ts';
import { createDisk, type Disk, userDataDisk } from '../../fixtures/disks/disk.ts';
import { createImage, createServer, DEBIAN_TREE, digestOf, FOREIGN_KEY } from '../../fixtures/image/image.ts';
import { bootHost, type Machine, type MachineOptions, SERVER } from '../../fixtures/machine.ts';

const IMAGE = createImage({
  tree: {
    ...DEBIAN_TREE,
    '/etc/passwd': 'root:x:0:0::/root:/bin/sh\nklipper:x:998:998::/:/bin/sh\n',
    '/etc/group': 'root:x:0:\nklipper:x:997:\n',
  },
});
const OTHER = 'http://other.lab:8080';
const served = (bundle?: TestBundle, options: MachineOptions = {}): MachineOptions => ({
  images: [IMAGE],
  servers: { [SERVER]: bundle ? withBundle(bundle, createServer(IMAGE)) : createServer(IMAGE) },
  ...options,
});

const json = async <T>(machine: Machine, path: string): Promise<T> => JSON.parse(await machine.files.readText(path));
const record = (machine: Machine) => json<BootRecord>(machine, BOOT_RECORD);
const facts = (machine: Machine) => json<Facts>(machine, FACTS);
/** Without those that every machine of these tests gets. */
const warnings = async (machine: Machine) =>
  (await record(machine)).warnings.filter((text) => !text.includes('nothing persists on this machine'));

/** The machine after a boot that must hand over. */
async function booted(options: MachineOptions): Promise<Machine> {
  const machine = bootHost(options);
  const exit = await boot(machine);
  expect({ exit, said: machine.lines.at(-1)?.text }).toMatchObject({ exit: EXIT.handOver });
  return machine;
}

/** A disk as a boot with this bundle left it. */
async function diskWith(bundle: TestBundle, disk: Disk = userDataDisk()): Promise<Disk> {
  await booted(served(bundle, { disks: [disk] }));
  return disk;
}

const motd = (content: string, sequence: number, more: object = {}) =>
  createBundle({ content: createContent([createFile('/etc/motd', { content })], more), sequence });
const readMotd = ({ files }: Machine) => files.readText('/sysroot/etc/motd').catch(() => 'none');

describe('a machine whose server has a bundle for it', () => {
  it('with two cards says so, and takes the bundle of a server that knows of one too', async () => {
    const cards = { eth0: '52:54:00:12:34:56', eth1: '52:54:00:12:34:57' };
    const files = { '/sys/class/net/eth1/carrier': '0\n' };
    const macs = '52:54:00:12:34:57';
    for (const machine of [{ ...CLAIMS, macs }, CLAIMS]) {
      const bundle = createBundle({ content: createContent([createFile('/etc/motd', { content: 'two' })]), machine });
      expect(await readMotd(await booted(served(bundle, { cards, files })))).toBe('two');
    }
  });

  it('is what the bundle says, and has its files', async () => {
    const machine = await booted(
      served(motd('hello', 1000, { tmpfs: { '/tmp': { size: '10M', mode: 0o1777, options: [] } } })),
    );
    expect(await record(machine)).toMatchObject({
      configOrigin: 'fetched',
      configDigest: 'cd'.repeat(32),
      bundle: { node: 'print01', epoch: 0, sequence: 1000, server: SERVER },
      wrote: expect.arrayContaining(['/etc/motd']),
    });
    expect(await warnings(machine)).toEqual([]);
    expect(await readMotd(machine)).toBe('hello');
    expect(machine.mounts.find(({ target }) => target === '/sysroot/tmp')?.options).toContain('size=10M');
  });

  it('tells a person what it is, by `statectl status`', async () => {
    const disks = [userDataDisk()];
    const fetched = await booted(served(motd('a', 7), { disks }));
    const text = async (machine: Machine) => statusText({ boot: await record(machine), places: [] });
    expect(await text(fetched)).toContain(`0.7 of print01, current by ${SERVER}`);
    const alone = await booted({ images: [IMAGE], disks });
    expect(await text(alone)).toContain('0.7 of print01, no server says whether it is current');
  });

  it('tells the server what it runs', async () => {
    const reports: unknown[] = [];
    const listening: Server = (request) => {
      if (request.method === 'POST') reports.push(JSON.parse(request.body));
      return createServer(IMAGE)(request);
    };
    await booted(served(undefined, { servers: { [SERVER]: withBundle(motd('a', 7), listening) } }));
    expect(reports).toMatchObject([
      { config: { digest: 'cd'.repeat(32), origin: 'fetched', node: 'print01', epoch: 0, sequence: 7 } },
    ]);
  });

  it('prints the same plan from its facts, without the contents of files', async () => {
    const machine = await booted(served(motd('a long story '.repeat(1000), 1)));
    const plan = planAll(STORY, await facts(machine)).map(({ step }) => `${sentenceOf(step)}\n${shellOf(step)}`);
    expect(plan.join('\n')).toContain('/sysroot/etc/motd as the bundle has it\n');
    expect(plan.join('\n')).toContain('ask boot.lab:8080 what this machine is to be\n');
    expect(plan.join('\n')).not.toContain('a long story');
    expect(await machine.files.readText(JOURNAL)).not.toContain('a long story');
  });

  it('keeps the servers and the disk for bundles of its initramfs, and the kernel command line wins', async () => {
    const bundle = createBundle({
      content: createContent([], {
        server: { servers: ['http://b.lab'] },
        boot: { image: 'wrong' },
        fstab: { '/user-data': { source: 'LABEL=elsewhere', type: 'auto', options: [], missing: 'fail' } },
      }),
    });
    const info = { 'controller/server/server.info.conf': `servers: [${SERVER}]\n` };
    const machine = await booted(
      served(bundle, { commandLine: 'statectl.image=lab', config: info, disks: [userDataDisk()] }),
    );
    const { config } = await facts(machine);
    expect(config.server.servers).toEqual(['http://b.lab', SERVER]);
    expect(config.boot.image).toBe('lab');
    expect(config.fstab['/user-data']?.source).toBe('LABEL=user-data');
    const named = await booted(served(bundle, { commandLine: `statectl.image=lab statectl.server=${SERVER}` }));
    expect((await facts(named)).config.server.servers).toEqual([SERVER]);
  });

  it('waits for a disk that only the bundle names, and mounts it', async () => {
    const disk = createDisk({ name: 'vdc', label: 'data', afterMs: 8000 });
    const fstab = { '/srv': { source: 'LABEL=data', type: 'auto', options: [], missing: 'degraded' } } as const;
    const machine = await booted(served(createBundle({ content: createContent([], { fstab }) }), { disks: [disk] }));
    expect(machine.mounts.map(({ target }) => target)).toContain('/sysroot/srv');
  });

  it('does not wait again for a disk that the boot has waited for', async () => {
    const fstab = { '/srv': { source: 'LABEL=data', type: 'auto', options: [], missing: 'degraded' } } as const;
    const config = { 'system/fstab.conf': '/srv: { source: LABEL=data, missing: degraded }\n' };
    const machine = await booted(served(createBundle({ content: createContent([], { fstab }) }), { config }));
    // 20 s for the disk, 3 s for DHCP.
    expect(machine.clock.uptimeMs()).toBeLessThan(24_000);
    expect((await warnings(machine)).join('\n')).toContain('DEGRADED: the disk for /srv');
  });

  it('says that disks were made by drives.conf of the initramfs, where the bundle has another', async () => {
    const drives = {
      main: { match: { id: 'x', minSizeBytes: undefined, maxSizeBytes: undefined }, make: 'never', partitions: {} },
    } as const;
    const other = createBundle({ content: createContent([], { drives }) });
    expect(await warnings(await booted(served(other)))).toEqual([
      expect.stringMatching(
        /^drives\.conf of the bundle and of the initramfs differ: .*`statectl initramfs build --node`$/,
      ),
    ]);
    const config = { 'controller/drives.conf': 'main: { match: { id: x } }\n' };
    expect((await warnings(await booted(served(other, { config })))).join()).not.toContain('differ');
  });

  it('asks again while no server answers, since it has nothing else', async () => {
    let asked = 0;
    const server = withBundle(motd('late', 1), createServer(IMAGE));
    const late: Server = (request) => (++asked <= 3 ? 'refused' : server(request));
    const machine = await booted(served(undefined, { servers: { [SERVER]: late } }));
    expect(await readMotd(machine)).toBe('late');
    expect((await warnings(machine)).map((text) => /try \d of \d/.exec(text)?.[0])).toEqual([
      'try 2 of 8',
      'try 3 of 8',
      'try 4 of 8',
    ]);
  });

  it('does not ask again for an answer that is too large', async () => {
    let asked = 0;
    const large: Server = (request) => {
      if (request.url.pathname !== '/v1/bundle') return createServer(IMAGE)(request);
      asked += 1;
      return { body: Buffer.alloc((16 << 20) + 1) };
    };
    const machine = await booted(served(undefined, { servers: { [SERVER]: large } }));
    expect(asked).toBe(1);
    expect(await warnings(machine)).toEqual([expect.stringContaining('it sends more than the 16777216 bytes')]);
    expect(await machine.files.stat('/run/initramfs/bundle')).toBeUndefined();
  });

  it('takes the newest of two servers, whichever is asked first', async () => {
    const servers = (a: TestBundle, b: TestBundle) => ({
      [SERVER]: withBundle(a, createServer(IMAGE)),
      [OTHER]: withBundle(b, createServer(IMAGE)),
    });
    const commandLine = `statectl.server=${SERVER},${OTHER}`;
    for (const [a, b] of [
      ['new', 'old'],
      ['old', 'new'],
    ] as const) {
      const number = (text: string) => (text === 'new' ? 2 : 1);
      const options = { commandLine, servers: servers(motd(a, number(a)), motd(b, number(b))) };
      expect(await readMotd(await booted(served(undefined, options)))).toBe('new');
    }
  });

  it('reads the settings by its own schemas when the server is another version', async () => {
    const { draftBundle, sealBundle } = await import('../../../src/signed/bundle/make.ts');
    const { contentDigestOf, digestOf: sizedDigest } = await import('../../../src/signed/bundle/manifest.ts');
    const { SIGNER } = await import('../../fixtures/bundle.ts');
    const sealed = (settings: object): TestBundle => {
      const draft = draftBundle(createContent([], {}, { settings }), CLAIMS, { keyId: SIGNER.keyId, epoch: 0 });
      const config = Buffer.from('{"a":"config of tomorrow"}');
      const content = { ...draft.content, statectl: '99.0.0', config: sizedDigest(config) };
      const members = new Map([...draft.members, ['config.json', config] as const]);
      const contentDigest = contentDigestOf(content);
      return {
        archive: sealBundle({ content, contentDigest, members }, { sequence: 1, madeMs: 1 }, SIGNER),
        contentDigest,
      };
    };
    const machine = await booted(served(sealed({ tmpfs: { '/tmp': { size: '20M' } } })));
    expect((await facts(machine)).config.tmpfs['/tmp']?.size).toBe('20M');
    const tomorrow = await booted(served(sealed({ boot: { tomorrow: 1 } })));
    expect(await warnings(tomorrow)).toEqual([
      expect.stringMatching(/is refused: its settings are not valid here.*going on without one/s),
    ]);
    expect((await record(tomorrow)).configOrigin).toBe('baked');
  });
});

describe('a machine without a disk', () => {
  it('keeps the bundle in RAM, where a second try of the boot finds it', async () => {
    const bundle = motd('ram', 5);
    let isUp = true;
    const server = withBundle(bundle, createServer(IMAGE));
    const machine = bootHost(
      served(undefined, {
        servers: {
          [SERVER]: (request) => (isUp || request.url.pathname !== '/v1/bundle' ? server(request) : 'refused'),
        },
      }),
    );
    expect(await boot(machine)).toBe(EXIT.handOver);
    isUp = false;
    expect(await boot(machine, { from: 'bundle' })).toBe(EXIT.handOver);
    expect(await record(machine)).toMatchObject({ configOrigin: 'cached', bundle: { sequence: 5 } });
    expect(await readMotd(machine)).toBe('ram');
  });
});

describe('without a new bundle', () => {
  it('a machine boots by the one that it kept, without any server', async () => {
    const machine = await booted({ images: [IMAGE], disks: [await diskWith(motd('kept', 1000))] });
    expect(await record(machine)).toMatchObject({
      configOrigin: 'cached',
      source: 'copy',
      bundle: { node: 'print01', sequence: 1000 },
    });
    expect((await record(machine)).bundle).not.toHaveProperty('server');
    expect(await readMotd(machine)).toBe('kept');
    expect((await warnings(machine)).join('\n')).toContain('going on with bundle 0.1000, kept at an earlier boot');
  });

  it('a machine with a local root and no network boots by the one that it kept', async () => {
    const disks = [
      createDisk({ name: 'vda1', label: 'system', files: DEBIAN_TREE }),
      await diskWith(motd('kept', 1000)),
    ];
    const machine = await booted({ commandLine: 'root=LABEL=system', disks });
    expect(await record(machine)).toMatchObject({ configOrigin: 'cached', source: 'partition' });
    expect(await readMotd(machine)).toBe('kept');
  });

  it('a machine whose kept one leads from its local root to the network boots the copy, without any server', async () => {
    const disk = await diskWith(motd('kept', 1000));
    const config = { 'system/boot.conf': 'root: LABEL=system\n' };
    const machine = await booted({ images: [IMAGE], config, commandLine: 'quiet', disks: [disk] });
    expect(await record(machine)).toMatchObject({ configOrigin: 'cached', source: 'copy' });
  });

  it('it says so when the server confirms the kept one, and fetches nothing', async () => {
    const bundle = motd('kept', 1000);
    const statuses: unknown[] = [];
    const server = withBundle(bundle, createServer(IMAGE));
    const watched: Server = async (request) => {
      const answer = await server(request);
      if (request.url.pathname === '/v1/bundle') statuses.push(typeof answer === 'string' ? answer : answer.status);
      return answer;
    };
    const machine = await booted(
      served(undefined, { servers: { [SERVER]: watched }, disks: [await diskWith(bundle)] }),
    );
    expect(statuses).toEqual([304]);
    expect(await record(machine)).toMatchObject({ configOrigin: 'cached', bundle: { server: SERVER, sequence: 1000 } });
    expect(await warnings(machine)).toEqual([]);
  });

  it('a server that has no config.d changes nothing for a machine that never had a bundle', async () => {
    const machine = await booted(served());
    expect(await record(machine)).toMatchObject({ configOrigin: 'baked' });
    expect(await record(machine)).not.toHaveProperty('bundle');
    expect(await warnings(machine)).toEqual([]);
  });

  const answers =
    (status: number, body = ''): Server =>
    (request) =>
      request.url.pathname === '/v1/bundle' ? { status, body } : createServer(IMAGE)(request);
  const foreign = createBundle({ machine: { ...CLAIMS, mac: '52:54:00:99:99:99' }, sequence: 9000 });
  const nobodys = createBundle({ machine: {}, sequence: 9000 });
  const untrusted = createBundle({ signer: createSigner('2030-01-01T00:00:00.000Z', FOREIGN_KEY), sequence: 9000 });
  const isNewer = (options: Parameters<typeof createBundle>[0]) =>
    createBundle({ content: createContent([createFile('/etc/motd', { content: 'other' })]), ...options });

  it.each<[string, Server, RegExp]>([
    ['has no config.d any more', answers(404, '{"detail":"no config.d"}'), /gives no bundle \(404\): no config\.d/],
    ['has a faulty config.d', answers(409, '{"detail":"print01.conf:3:5 bad"}'), /\(409\): print01\.conf:3:5 bad/],
    ['fails', answers(500), /\(500\)/],
    ['sends what is no bundle', answers(200, '<html>'), /is refused: the bundle is damaged/],
    [
      'sends half',
      answers(200, motd('x', 9000).archive.subarray(0, 300).toString('latin1')),
      /is refused: the bundle is damaged/,
    ],
    [
      'sends one that nobody trusted signed',
      withBundle(untrusted, createServer(IMAGE)),
      /certified by none of the 1 trusted keys/,
    ],
    [
      'sends that of another machine',
      withBundle(foreign, createServer(IMAGE)),
      /is for a machine with mac 52:54:00:99:99:99, this one has 52:54:00:12:34:56/,
    ],
    [
      'sends that of a machine with another second card',
      withBundle(
        createBundle({ machine: { ...CLAIMS, macs: '52:54:00:99:99:99' }, sequence: 9000 }),
        createServer(IMAGE),
      ),
      /is for a machine with macs 52:54:00:99:99:99, this one has none/,
    ],
    [
      'sends that of a machine that says nothing',
      withBundle(nobodys, createServer(IMAGE)),
      /is for a machine with mac unknown/,
    ],
    [
      'sends one that is older',
      withBundle(isNewer({ sequence: 999 }), createServer(IMAGE)),
      /it is 0\.999, older than 0\.1000.*epoch --raise/,
    ],
    [
      'sends another with the same number',
      withBundle(isNewer({ sequence: 1000 }), createServer(IMAGE)),
      /older than 0\.1000/,
    ],
    [
      'has a key that was certified before',
      withBundle(
        isNewer({ signer: createSigner('2026-10-01T00:00:00.000Z'), epoch: 5, sequence: 9000 }),
        createServer(IMAGE),
      ),
      /it is 5\.9000, older/,
    ],
    [
      'refuses connections for this',
      (request) => (request.url.pathname === '/v1/bundle' ? 'refused' : createServer(IMAGE)(request)),
      /ECONNREFUSED|refuse|listen/,
    ],
  ])('a server that %s leaves the kept one in force, and the boot says why', async (_title, server, why) => {
    const disks = [await diskWith(motd('kept', 1000))];
    const machine = await booted(served(undefined, { servers: { [SERVER]: server }, disks }));
    expect(await record(machine)).toMatchObject({ configOrigin: 'cached', bundle: { sequence: 1000 } });
    expect(await readMotd(machine)).toBe('kept');
    expect((await warnings(machine)).join('\n')).toMatch(why);
    expect((await warnings(machine)).join('\n')).toContain('going on with bundle 0.1000');
    // And so does the next boot.
    expect(await readMotd(await booted({ images: [IMAGE], disks }))).toBe('kept');
  });

  it.each<[string, TestBundle]>([
    ['a higher sequence', isNewer({ sequence: 1001 })],
    ['a higher epoch', isNewer({ epoch: 1, sequence: 1 })],
    ['a key that was certified later', isNewer({ signer: createSigner('2027-01-01T00:00:00.000Z'), sequence: 1 })],
  ])('but one with %s takes its place', async (_title, bundle) => {
    const disks = [await diskWith(motd('kept', 1000))];
    expect(await readMotd(await booted(served(bundle, { disks })))).toBe('other');
    expect(await readMotd(await booted({ images: [IMAGE], disks }))).toBe('other');
  });

  it('what was set and is no longer is gone, since a bundle takes the place of another whole', async () => {
    const disks = [await diskWith(motd('kept', 1000, { boot: { keepCopy: true, image: 'lab' } }))];
    const machine = await booted(served(motd('kept', 1001), { disks }));
    expect((await facts(machine)).config.boot).not.toHaveProperty('image');
  });

  it('a kept one that was altered is not used, but fetched anew', async () => {
    const bundle = motd('kept', 1000);
    const disk = await diskWith(bundle);
    const home = '/persistent/statectl/bundle';
    const { find } = await import('../../../src/host/memory/tree.ts');
    const current = find(disk.root, `${home}/current`, 'follow', 'open').data.toString().trim();
    const config = find(disk.root, `${home}/${current}/config.json`, 'follow', 'open');
    config.data = Buffer.concat([config.data, Buffer.from(' ')]);
    const alone = await booted({ images: [IMAGE], disks: [disk] });
    expect(await record(alone)).toMatchObject({ configOrigin: 'baked' });
    expect((await warnings(alone)).join('\n')).toContain('config.json has other bytes than signed');
    const machine = await booted(served(bundle, { disks: [disk] }));
    expect(await record(machine)).toMatchObject({ configOrigin: 'fetched', bundle: { sequence: 1000 } });
    expect(await record(await booted({ images: [IMAGE], disks: [disk] }))).toMatchObject({ configOrigin: 'cached' });
  });

  it('a disk that cannot keep it does not keep it from being used', async () => {
    const machine = bootHost(served(motd('ram', 5), { disks: [userDataDisk()] }));
    const { write } = machine.files;
    const files: Machine['files'] = {
      ...machine.files,
      write: async (path, data, options) => {
        if (path.includes('/persistent/statectl/bundle/'))
          throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
        await write(path, data, options);
      },
    };
    expect(await boot({ ...machine, files })).toBe(EXIT.handOver);
    expect(await record(machine)).toMatchObject({ configOrigin: 'fetched', bundle: { sequence: 5 } });
    expect(await readMotd(machine)).toBe('ram');
    expect((await warnings(machine)).join('\n')).toContain('cannot be kept in /run/initramfs/user-data/persistent');
  });

  it.each([
    ['an older one', motd('disk', 1)],
    ['the one before', motd('before', 4)],
  ])('a disk that cannot keep it, and has %s, does not bring that back: the one in RAM counts', async (_, old) => {
    const machine = bootHost(served(motd('ram', 5), { disks: [await diskWith(old)] }));
    const { write } = machine.files;
    const files: Machine['files'] = {
      ...machine.files,
      write: async (path, data, options) => {
        if (path.includes('/persistent/statectl/bundle/'))
          throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
        await write(path, data, options);
      },
    };
    expect(await boot({ ...machine, files })).toBe(EXIT.handOver);
    const { dir } = (await facts(machine)).bundle.inForce ?? {};
    expect([await readMotd(machine), dir]).toEqual(['ram', expect.stringMatching(/^\/run\//)]);
  });

  it('nobody waits twice for servers that are silent', async () => {
    const disks = [await diskWith(motd('kept', 1000))];
    const machine = await booted({ images: [IMAGE], servers: () => 'silent', disks });
    expect(await record(machine)).toMatchObject({ configOrigin: 'cached', source: 'copy' });
    // DHCP 3 s, network.wait 10 s, one last look 2 s.
    expect(machine.clock.uptimeMs()).toBeLessThanOrEqual(15_500);
  });
});

it('the fixtures tell bundles apart by their bytes', () => {
  expect(digestOf(motd('a', 1).archive)).not.toBe(digestOf(motd('b', 1).archive));
});
