import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { boot, EXIT } from '../../src/boot/boot.ts';
import { find } from '../../src/host/memory/tree.ts';
import { identityFiles } from '../../src/identity/machine/identity-files.ts';
import { hostKeyFiles } from '../../src/identity/machine/ssh-host-key.ts';
import { HOST_KEY, IDENTITY } from '../../src/machine/identity/identity.ts';
import { BOOT_RECORD, FACTS, JOURNAL } from '../../src/machine/paths.ts';
import { cloneDisk, createDisk, type Disk, userDataDisk } from '../fixtures/disks/disk.ts';
import { type Failure, failingHost, Stopped } from '../fixtures/hosts/failing.ts';
import { makeCertificate } from '../fixtures/identity/certificates.ts';
import { enrollingServers, hostCertificateOf } from '../fixtures/identity/enrolling-server.ts';
import { createImage, createServer, DEBIAN_TREE, digestOf, type TestImage } from '../fixtures/image/image.ts';
import { BOOTED_AT_MS, bootHost, type Machine, type MachineOptions, SERVER } from '../fixtures/machine.ts';

const OLD = createImage({ version: '20261120.1', sizeBytes: 50_000 });
const NEW = createImage({ version: '20261121.1', sizeBytes: 50_000 });
const IMAGES = [OLD, NEW];

/** A machine before a boot during which the power may go. */
interface Situation {
  readonly disks: readonly Disk[];
  readonly options: Omit<MachineOptions, 'disks'>;
  /** The versions that may be mounted; none for a partition. */
  readonly mayMount: readonly TestImage[];
  /** The effects that fail, by what failing.ts calls them; default: every one. */
  readonly among?: RegExp;
  /** What such a machine has when nothing fails any more. */
  readonly expectBooted?: (machine: Machine) => Promise<void>;
}

const served = (image: TestImage): MachineOptions => ({ images: IMAGES, servers: { [SERVER]: createServer(image) } });

/** A disk as a good boot of this image left it. */
async function diskWith(image: TestImage): Promise<Disk> {
  const disk = userDataDisk();
  expect(await boot(bootHost({ ...served(image), disks: [disk] }))).toBe(EXIT.handOver);
  return disk;
}

/** A wheel of one file, as unzip lists it. */
const WHEEL = Buffer.from('504b0304', 'hex');
const LISTING = '        4  01-01-1980 00:00   paho/__init__.py\n';

const CA = await makeCertificate({ name: 'lab authority' });

const WITH_COPY = await diskWith(OLD);
const SITUATIONS: Readonly<Record<string, () => Situation>> = {
  'a machine without a disk, from its server': () => ({ disks: [], options: served(OLD), mayMount: [OLD] }),
  'a machine with an empty disk, from its server': () => ({
    disks: [userDataDisk()],
    options: served(OLD),
    mayMount: [OLD],
  }),
  'a machine with a copy, whose server has a new image': () => ({
    disks: [cloneDisk(WITH_COPY)],
    options: served(NEW),
    mayMount: [OLD, NEW],
  }),
  'a machine with a copy, without a server': () => ({
    disks: [cloneDisk(WITH_COPY)],
    options: { images: IMAGES },
    mayMount: [OLD],
  }),
  'a machine with accounts, a host key of its own and secrets that no server gives': () => ({
    disks: [
      createDisk({
        name: 'vda1',
        label: 'system',
        files: {
          ...DEBIAN_TREE,
          '/usr/sbin/sshd': { data: 'ELF', mode: 0o755 },
          '/etc/passwd': 'root:x:0:0::/root:/bin/sh\n',
          '/etc/group': 'root:x:0:\n',
        },
      }),
      userDataDisk(),
    ],
    options: {
      commandLine: 'root=LABEL=system',
      config: {
        'system/users.conf': 'users: { ada: {} }\n',
        'system/identity.conf': 'secrets: { /etc/token: { secret: "secret:token" } }\n',
      },
    },
    mayMount: [],
  }),
  'a machine with a Python package, whose kernel tells the network': () => ({
    disks: [userDataDisk()],
    options: {
      images: IMAGES,
      servers: { [SERVER]: createServer(OLD), 'http://files.lab': () => ({ body: WHEEL }) },
      files: {
        '/proc/net/arp': 'IP address HW type Flags HW address Mask Device\n10.0.2.2 0x1 0x2 52:55:0a:00:02:02 * eth0\n',
      },
      programs: {
        unzip: (argv) => (argv.includes('-l') ? LISTING : ''),
        chmod: () => '',
        find: () => '',
        ping: () => '',
        ip: (argv) => (argv.includes('get') ? '10.0.2.2 dev eth0 src 10.0.2.15\n' : ''),
      },
      config: {
        'system/python.conf': `paho: { url: "http://files.lab/paho.whl", sha256: ${digestOf(WHEEL)}, services: [klipper] }\n`,
        'system/logging.conf': 'netconsole: "10.0.2.2:6666"\nmetrics: { push: "http://files.lab" }\n',
      },
    },
    mayMount: [OLD],
  }),
  'a machine with a local root': () => ({
    disks: [createDisk({ name: 'vda1', label: 'system', files: DEBIAN_TREE }), userDataDisk()],
    options: { commandLine: 'root=LABEL=system' },
    mayMount: [],
  }),
  // What it has in common with those above fails there.
  'a machine with an address by DHCPv6': () => ({
    disks: [createDisk({ name: 'vda1', label: 'system', files: DEBIAN_TREE }), userDataDisk()],
    options: { commandLine: 'root=LABEL=system ip=eth0:dhcp6', lease6: 'fd000000000000000000000000000100' },
    mayMount: [],
    among: /dhcpcd|ipv6|eth0|resolv|network|facts/,
    expectBooted: async (machine) => {
      expect(JSON.parse(await machine.files.readText(FACTS)).network.leases).toMatchObject([{ address: 'fd00::100' }]);
    },
  }),
  'a machine that its server knows, and gives a certificate, secrets and a host certificate': () => ({
    disks: [
      createDisk({
        name: 'vda1',
        label: 'system',
        files: { ...DEBIAN_TREE, '/usr/sbin/sshd': { data: 'ELF', mode: 0o755 } },
      }),
      userDataDisk(),
    ],
    options: {
      commandLine: `root=LABEL=system ip=dhcp statectl.server=${SERVER}`,
      servers: enrollingServers(SERVER, CA, { '/etc/token': 'canary' }, BOOTED_AT_MS),
      files: { '/etc/trust/ca.pem': CA.pem },
      config: { 'system/identity.conf': 'secrets: { /etc/token: { secret: "secret:token" } }\n' },
    },
    mayMount: [],
    among: /identity|ssh|token|credstore/,
    expectBooted: expectKnown,
  }),
};

interface Outcome {
  readonly machine: Machine;
  readonly asked: readonly string[];
  readonly exit: number | undefined;
  readonly error: unknown;
}

/** It has all that the server gave, and keeps it. */
async function expectKnown({ files }: Machine): Promise<void> {
  const state = JSON.parse(await files.readText(`${IDENTITY}/state.json`));
  expect(state).toMatchObject({ state: 'approved', node: 'print01', server: SERVER });
  expect(await files.readText('/sysroot/etc/token')).toBe('canary');
  expect((await files.stat(`${IDENTITY}/secrets/0`))?.mode).toBe(0o600);
  const key = createPrivateKey(await files.readText(`${IDENTITY}/key.pem`));
  expect(new X509Certificate(await files.readText(`${IDENTITY}/cert.pem`)).checkPrivateKey(key)).toBe(true);
  const ssh = hostKeyFiles(HOST_KEY);
  expect(await files.readText(ssh.certificate)).toBe(hostCertificateOf((await files.readText(ssh.publicKey)).trim()));
}

async function bootFailing({ disks, options }: Situation, failure: Failure): Promise<Outcome> {
  const machine = bootHost({ ...options, disks });
  const failing = failingHost(machine, failure);
  // Half of all effects are lines of the journal, which lies in RAM and may fail at any time: see below.
  const append: Machine['files']['append'] = (path, data) =>
    (path === JOURNAL ? machine.files : failing.files).append(path, data);
  const host = { ...failing, files: { ...failing.files, append } };
  const [exit, error] = await boot(host).then(
    (code) => [code, undefined] as const,
    (thrown) => [undefined, thrown] as const,
  );
  return { machine, asked: failing.asked, exit, error };
}

/** What a failure at every effect leads to; each begins with the machine as it was. */
async function atEveryEffect(
  make: () => Situation,
  how: Failure['how'],
  look: (outcome: Outcome, situation: Situation) => Promise<void>,
): Promise<number> {
  const { among } = make();
  let failed = 0;
  const asked = among && (await bootFailing(make(), { at: Number.POSITIVE_INFINITY, how })).asked;
  for (let at = 1; ; at += 1) {
    if (asked && at > asked.length) return failed;
    if (asked && !among.test(asked[at - 1] ?? '')) continue;
    failed += 1;
    const situation = make();
    const outcome = await bootFailing(situation, { at, how });
    if (outcome.asked.length < at) return failed - 1;
    try {
      await look(outcome, situation);
    } catch (error) {
      throw new Error(
        `at effect ${at} (${how}, ${outcome.asked[at - 1]}), after ${outcome.machine.lines.at(-1)?.text}`,
        { cause: error },
      );
    }
  }
}

/** Only images that were signed and are whole were ever handed to mount(8). */
const expectVerified = ({ machine }: Outcome, { mayMount }: Situation) => {
  const allowed = mayMount.map(({ manifest }) => manifest.root.sha256);
  expect(machine.mountedImages.filter((digest) => !allowed.includes(digest))).toEqual([]);
};

const HOME = '/persistent/images';
const textOn = (disk: Disk, path: string): string | undefined => {
  try {
    return find(disk.root, path, 'follow', 'open').data.toString();
  } catch {
    return undefined;
  }
};

/** What lies on the disk is whole, however the boot ended. */
function expectWhole(disks: readonly Disk[]): void {
  for (const disk of disks) {
    const current = textOn(disk, `${HOME}/current`)?.trim();
    if (current !== undefined) {
      const image = IMAGES.find(({ manifest }) => manifest.root.sha256 === current);
      expect(digestOf(find(disk.root, `${HOME}/${current}/root.squashfs`, 'follow', 'open').data)).toBe(current);
      expect(textOn(disk, `${HOME}/${current}/manifest.json`)).toBe(image?.manifestText);
      expect(find(disk.root, `${HOME}/${current}/manifest.json.sig`, 'follow', 'open').data).toEqual(image?.signature);
    }
    const digest = textOn(disk, '/persistent/statectl/plan.sha256');
    const plan = textOn(disk, '/persistent/statectl/plan.sh') ?? '';
    // /init runs a plan only when its digest fits; an older digest beside a newer plan is a plan that is not run.
    if (digest !== undefined) expect(digest).toMatch(/^[0-9a-f]{64} {2}plan\.sh\n$/);
    if (plan !== '') expect(plan.endsWith(' > /run/initramfs/switch-root.env\n')).toBe(true);
    expect(textOn(disk, '/persistent/statectl/machine-id') ?? '0'.repeat(33)).toMatch(/^[0-9a-f]{32}\n$|^0{33}$/);
    // What proves who it is fits together, or is not there.
    const keys = identityFiles('/persistent/statectl/identity');
    const [key, certificate] = [textOn(disk, keys.key), textOn(disk, keys.certificate)];
    if (key !== undefined) createPrivateKey(key);
    if (certificate !== undefined)
      expect(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key ?? ''))).toBe(true);
    const ssh = hostKeyFiles('/persistent/statectl/identity');
    const [hostKey, signed] = [textOn(disk, ssh.key), textOn(disk, ssh.certificate)];
    if (hostKey !== undefined) createPrivateKey(hostKey);
    if (signed !== undefined) expect(signed).toBe(hostCertificateOf(textOn(disk, ssh.publicKey)?.trim() ?? ''));
    // A place is seeded as a whole or not at all.
    const seeded = textOn(disk, '/persistent/local/root/.bashrc');
    expect([undefined, '# root\n']).toContain(seeded);
  }
}

/** Trying again on the very machine, with what failed in order again, is like the first time. */
async function expectRetry(machine: Machine, { disks, expectBooted }: Situation): Promise<void> {
  const said = machine.lines.length;
  expect({ exit: await boot(machine), said: machine.lines.at(-2)?.text }).toMatchObject({ exit: EXIT.handOver });
  expect(machine.lines.slice(said).filter(({ text }) => text.startsWith('cannot '))).toEqual([]);
  expect(new Set(machine.mounts.map(({ target }) => target)).size).toBe(machine.mounts.length);
  expectWhole(disks);
  await expectBooted?.(machine);
}

describe.each(Object.entries(SITUATIONS))('%s', (_title, make) => {
  it('hands over or says what failed, when any one thing fails, and boots once that works again', async () => {
    const failed = await atEveryEffect(make, 'error', async (outcome, situation) => {
      expect({ error: outcome.error, exit: [EXIT.handOver, EXIT.rescue].includes(outcome.exit as never) }).toEqual({
        error: undefined,
        exit: true,
      });
      expectVerified(outcome, situation);
      expectWhole(situation.disks);
      if (outcome.exit === EXIT.rescue) {
        const errors = outcome.machine.lines.filter(({ level }) => level === 'error').map(({ text }) => text);
        expect(errors.at(-2)).toMatch(/^\w+: ./);
        expect(errors.at(-1)).toMatch(/^→ ./);
      } else {
        // All of it is there, or somebody is told what is not.
        await situation.expectBooted?.(outcome.machine).catch(() => {
          expect(outcome.machine.lines.filter(({ level }) => level === 'warning')).not.toEqual([]);
        });
        expect(outcome.machine.mounts.map(({ target }) => target)).toEqual(
          expect.arrayContaining(['/sysroot', '/sysroot/etc', '/sysroot/var']),
        );
      }
      await expectRetry(outcome.machine, situation);
    });
    expect(failed).toBeGreaterThan(make().among ? 10 : 50);
  });

  it.each(['stop', 'torn'] as const)('boots after the power went at any time (%s)', async (how) => {
    await atEveryEffect(make, how, async (outcome, situation) => {
      expectVerified(outcome, situation);
      expectWhole(situation.disks);
      const again = bootHost({ ...situation.options, disks: situation.disks });
      expect({ exit: await boot(again), said: again.lines.at(-2)?.text }).toMatchObject({ exit: EXIT.handOver });
      expectVerified({ ...outcome, machine: again }, situation);
      expectWhole(situation.disks);
      await situation.expectBooted?.(again);
      expect(again.lines.filter(({ text }) => /tamper|not signed/.test(text))).toEqual([]);
    });
  });
});

describe('the power', () => {
  it('may go again and again: sooner or later the boot gets through, and the copy is whole all the time', async () => {
    const disks = [cloneDisk(WITH_COPY)];
    let exit: number | undefined;
    for (let at = 1; exit !== EXIT.handOver; at += 7) {
      const outcome = await bootFailing({ disks, options: served(NEW), mayMount: IMAGES }, { at, how: 'torn' });
      exit = outcome.error instanceof Stopped ? undefined : outcome.exit;
      expectWhole(disks);
      expect(textOn(disks[0]!, `${HOME}/current`)).toBeDefined();
      expect(at).toBeLessThan(2_000);
    }
  });

  it('may go while a new image comes: without its server the machine boots the old one', async () => {
    await atEveryEffect(
      SITUATIONS['a machine with a copy, whose server has a new image']!,
      'torn',
      async (_outcome, { disks }) => {
        const alone = bootHost({ images: IMAGES, disks });
        expect(await boot(alone)).toBe(EXIT.handOver);
        expect(JSON.parse(await alone.files.readText(BOOT_RECORD))).toMatchObject({ source: 'copy' });
      },
    );
  });
});

it('a journal and reports that cannot be written cost nothing', async () => {
  const machine = bootHost(served(OLD));
  const refuse = async (path: string) => {
    throw Object.assign(new Error(`ENOSPC: no space left on device, '${path}'`), { code: 'ENOSPC' });
  };
  const { append, write } = machine.files;
  const files: Machine['files'] = {
    ...machine.files,
    append: (path, data) => (path === JOURNAL ? refuse(path) : append(path, data)),
    write: (path, data, options) => (path.startsWith('/run/statectl/') ? refuse(path) : write(path, data, options)),
  };
  expect(await boot({ ...machine, files })).toBe(EXIT.handOver);
});
