import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { boot, EXIT } from '../../../../src/boot/boot.ts';
import { keepLastGoodPlan, lastGoodPlan } from '../../../../src/boot/record/last-good-plan.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { createDisk, userDataDisk } from '../../../fixtures/disks/disk.ts';
import { createCopy, createFacts, createOffer, USER_DATA_DISK } from '../../../fixtures/facts.ts';
import { createImage, createServer, DEBIAN_TREE } from '../../../fixtures/image/image.ts';
import { bootHost, type MachineOptions, SERVER } from '../../../fixtures/machine.ts';

const DIR = '/sysroot/user-data/persistent/statectl';
const withDisk = (changes: Parameters<typeof createFacts>[0] = {}) =>
  createFacts({ ...changes, root: { blocks: [USER_DATA_DISK], ...changes.root } });

describe('the plan of the last good boot', () => {
  it('is none where the next boot needs a server, or no disk can keep it', () => {
    expect(lastGoodPlan(createFacts())).toBeUndefined();
    expect(lastGoodPlan(withDisk({ config: { boot: { keepCopy: false } } }))).toBeUndefined();
    expect(
      lastGoodPlan(
        createFacts({
          root: { blocks: [{ device: '/dev/vda1', type: 'ext4', label: 'system' }] },
          config: { boot: { root: 'LABEL=system' } },
        }),
      ),
    ).toBeUndefined();
  });

  it('needs only local files: no network, no fetching, no waiting', () => {
    for (const facts of [
      withDisk(),
      withDisk({ root: { copy: createCopy() } }),
      withDisk({ root: { copy: createCopy(), offer: undefined } }),
    ]) {
      const plan = lastGoodPlan(facts);
      expect(plan).not.toMatch(/wget|udhcpc|^ip |modprobe|findfs/m);
      expect(plan).toContain('sha256sum -c');
    }
  });

  it('boots what was fetched this time as the copy of next time', () => {
    const newer = createImage({ version: '2' });
    const plan = lastGoodPlan(withDisk({ root: { copy: createCopy(), offer: createOffer(newer) } }));
    expect(plan).toContain(`images/${newer.manifest.root.sha256}/root.squashfs`);
    expect(plan).not.toContain(createCopy().manifest.root.sha256);
  });

  it('is the same for the same boot, and a script that sh reads', () => {
    expect(lastGoodPlan(withDisk())).toBe(lastGoodPlan(structuredClone(withDisk())));
    expect(() => execFileSync('sh', ['-n'], { input: lastGoodPlan(withDisk()) })).not.toThrow();
  });

  it("never copies the image's files over a person's: what was empty this time is not the next time", () => {
    const plan = lastGoodPlan(withDisk({ root: { tree: { emptySources: ['/user-data/persistent/local/root'] } } }));
    expect(plan).not.toContain('/run/statectl/image/root');
    expect(plan).toContain('mount -o bind /sysroot/user-data/persistent/local/root /sysroot/root');
  });

  it('unpacks each Python package as busybox can', () => {
    const each = { services: ['klipper'], sha256: 'ab'.repeat(32) };
    const packages = (['tar', 'tar.gz', 'tar.xz', 'zip'] as const).map((format) => ({ ...each, name: format, format }));
    const python = { store: '/sysroot/user-data/persistent/statectl/python', wanted: [], stale: [], packages };
    const facts = withDisk({
      system: { python, install: { ...createFacts().system.install!, serviceManager: 'systemd' } },
    });
    const plan = lastGoodPlan(facts) ?? '';
    expect(plan.match(/(?:tar|unzip) -[^/]+/g)).toEqual(['tar -xof ', 'tar -zxof ', 'tar -Jxof ', 'unzip -q -o ']);
  });

  it('goes without secrets, credentials and host key where the controller cannot put them into RAM, and says so', () => {
    const secret = { file: '/run/statectl/identity/secrets/0', to: '/sysroot/etc/token', uid: 900, gid: 901 };
    const identity = { state: 'approved' as const, fingerprint: 'SHA256:x', secrets: [secret], missing: {} };
    const install = { ...createFacts().system.install!, needsHostKey: true };
    const plan = lastGoodPlan(withDisk({ system: { identity, install, credentials: ['tls'] } })) ?? '';
    expect(plan).toContain("echo 'without its secrets: only the controller opens them'\n");
    expect(plan).not.toMatch(/run\/statectl\/(identity|credentials)|etc\/token/);
    // As /init runs it: any command that fails would end the boot.
    const hostKey = plan.split('\n').find((line) => line.includes('ssh_host_key')) ?? '';
    expect(
      execFileSync('sh', ['-ec', hostKey.replaceAll('/run/', '/proc/none/')], { encoding: 'utf8', stdio: 'pipe' }),
    ).toMatch(/^not as it should be: /);
  });

  it('ends with the words that /init hands over by', () => {
    expect(lastGoodPlan(withDisk({ root: { init: { path: '/sbin/init', arguments: ['single'] } } }))).toMatch(
      /printf %s 'ROOT=\/sysroot\nINIT=\/sbin\/init\nINIT_ARGUMENTS=single\n' > \/run\/initramfs\/switch-root\.env\n$/,
    );
  });

  it('looks at what it mounted as the controller does, also in places with spaces', () => {
    const entry = { source: 'LABEL=data', type: 'auto', options: [], missing: 'degraded' } as const;
    const blocks = [USER_DATA_DISK, { device: '/dev/vdc', type: 'ext4', label: 'data' }];
    const plan = lastGoodPlan(
      createFacts({
        root: { blocks },
        config: { fstab: { '/user-data': { ...entry, source: 'LABEL=user-data' }, '/srv/my data': entry } },
      }),
    );
    expect(plan).toContain("\ngrep -qF ' /sysroot/srv/my\\040data ext4 rw' /proc/mounts\n");
    expect(plan).toContain("\ngrep -qF ' /run/statectl/image squashfs ro' /proc/mounts\n");
  });

  it('checks a partition as the controller does, and goes on when its errors were corrected', () => {
    const blocks = [{ device: '/dev/vda1', type: 'ext4', label: 'system' }, USER_DATA_DISK];
    expect(lastGoodPlan(createFacts({ root: { blocks }, config: { boot: { root: 'LABEL=system' } } }))).toContain(
      '\nfsck.ext4 -p /dev/vda1 || [ $? -lt 4 ]\n',
    );
  });
});

describe('it is kept', () => {
  const hostWith = (files: Record<string, string> = {}) => memoryHost({ files: { [DIR]: { type: 'dir' }, ...files } });

  it('with its digest, so that /init runs it only when it is whole', async () => {
    const { files } = hostWith();
    await keepLastGoodPlan({ files }, withDisk());
    const digest = createHash('sha256')
      .update(await files.readText(`${DIR}/plan.sh`))
      .digest('hex');
    expect(await files.readText(`${DIR}/plan.sha256`)).toBe(`${digest}  plan.sh\n`);
  });

  it('without a write when nothing changed: flash wears', async () => {
    const host = hostWith();
    await keepLastGoodPlan(host, withDisk());
    const before = host.calls.length;
    await keepLastGoodPlan(host, withDisk());
    expect(host.calls.slice(before).filter((call) => call.kind === 'file' && call.effect === 'write')).toEqual([]);
  });

  it('not, and an older one goes, when this machine boots otherwise now', async () => {
    const { files } = hostWith({
      [`${DIR}/plan.sh`]: 'old',
      [`${DIR}/plan.sha256`]: 'old',
      [`${DIR}/machine-id`]: 'id',
    });
    await keepLastGoodPlan({ files }, withDisk({ config: { boot: { keepCopy: false } } }));
    expect(await files.list(DIR)).toEqual(['machine-id']);
  });

  it('nowhere when there is no disk', async () => {
    const host = hostWith();
    await keepLastGoodPlan(host, createFacts());
    expect(host.calls).toEqual([]);
  });
});

describe('what it says', () => {
  /** Runs the plan's mount commands on a machine that /init prepared, as ash would: word by word, nothing else. */
  async function follow(plan: string, options: MachineOptions) {
    const machine = bootHost(options);
    await machine.files.mkdir('/run/initramfs/user-data');
    await machine.exec.run(['mount', '-t', 'ext4', '-o', 'noatime', '/dev/vdb', '/run/initramfs/user-data']);
    let checks = 0;
    for (const line of plan.split('\n')) {
      const words = line.split(' ');
      const [program] = words;
      if (program === 'mkdir') await machine.files.mkdir(words.at(-1)!);
      if (program === 'grep') {
        checks += 1;
        expect(await machine.files.readText('/proc/mounts')).toContain(/'(.*)'/.exec(line)?.[1]);
      }
      if (program !== 'mount' && program !== 'cp') continue;
      expect({ line, ...(await machine.exec.run(words)) }).toMatchObject({ exitCode: 0 });
    }
    expect(checks).toBeGreaterThan(0);
    return machine;
  }

  it.each<[string, () => MachineOptions]>([
    [
      'an image from a server',
      () => ({ images: [createImage()], servers: { [SERVER]: createServer(createImage()) }, disks: [userDataDisk()] }),
    ],
    [
      'a partition',
      () => ({
        commandLine: 'root=LABEL=system',
        disks: [createDisk({ name: 'vda1', label: 'system', files: DEBIAN_TREE }), userDataDisk()],
      }),
    ],
  ])('mounts what the boot of %s mounted', async (_title, make) => {
    const options = make();
    const machine = bootHost(options);
    expect(await boot(machine)).toBe(EXIT.handOver);
    const plan = await machine.files.readText(`${DIR}/plan.sh`);
    await machine.files.write('/sysroot/root/.bashrc', '# mine\n');
    const followed = await follow(plan, { ...options, servers: {} });
    expect(followed.mounts.map(({ target, type }) => `${target} ${type}`)).toEqual(
      machine.mounts.map(({ target, type }) => `${target} ${type}`),
    );
    expect(await followed.files.readText('/sysroot/root/.bashrc')).toBe('# mine\n');
  });
});
