import { describe, expect, it } from 'vitest';
import { boot, EXIT } from '../../../src/boot/boot.ts';
import { editedFacts } from '../../../src/boot/looks.ts';
import { planAll } from '../../../src/boot/plan-all.ts';
import { STORY } from '../../../src/boot/story.ts';
import type { Servers } from '../../../src/host/memory/http.ts';
import { type FoundFacts, GROUPS } from '../../../src/machine/facts/found-facts.ts';
import type { RecordedFacts } from '../../../src/machine/facts/recorded-facts.ts';
import { FACTS, JOURNAL } from '../../../src/machine/paths.ts';
import { describe as sentenceOf } from '../../../src/machine/steps/step.ts';
import { createBundle, createContent, withBundle } from '../../fixtures/bundle.ts';
import { createDisk, userDataDisk } from '../../fixtures/disks/disk.ts';
import { createImage, createServer, DEBIAN_TREE, digestOf } from '../../fixtures/image/image.ts';
import { bootHost, type MachineOptions, SERVER } from '../../fixtures/machine.ts';

const IMAGE = createImage({ tree: DEBIAN_TREE });
const bundled = (config: object, more: MachineOptions = {}): MachineOptions => ({
  images: [IMAGE],
  servers: { [SERVER]: withBundle(createBundle({ content: createContent([], config as never) }), createServer(IMAGE)) },
  ...more,
});

async function ranAndPlanned(options: MachineOptions) {
  const machine = bootHost(options);
  expect(await boot(machine)).toBe(EXIT.handOver);
  return lookedAt(machine);
}

async function lookedAt(machine: ReturnType<typeof bootHost>) {
  const lines = (await machine.files.readText(JOURNAL))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const facts = JSON.parse(await machine.files.readText(FACTS)) as RecordedFacts;
  return {
    ran: lines.filter(({ event }) => event === 'step').map(({ phase, step }) => `${phase}: ${step}`),
    edited: editedFacts(facts),
    planned: planAll(STORY, facts).map(({ phase, step }) => `${phase}: ${sentenceOf(step)}`),
  };
}

describe('the plan that prints is the plan that ran', () => {
  it('where the bundle names a disk that the initramfs did not know', async () => {
    const fstab = { '/srv': { source: 'LABEL=data', type: 'auto', options: [], missing: 'degraded' } };
    const disks = [createDisk({ name: 'vdc', label: 'data', afterMs: 8000 })];
    const { ran, planned, edited } = await ranAndPlanned(bundled({ fstab }, { disks }));
    expect(planned).toEqual(ran);
    expect(edited).toEqual([]);
  });

  it('where the bundle has another patience with DHCP', async () => {
    const { ran, planned, edited } = await ranAndPlanned(bundled({ network: { dhcpMs: 7000 } }));
    expect(planned).toEqual(ran);
    expect(edited).toEqual([]);
  });

  it('where the new image did not come, and the copy was booted', async () => {
    const newer = createImage({ version: '20261122.1' });
    const disks = [userDataDisk()];
    await boot(bootHost({ images: [IMAGE], servers: { [SERVER]: createServer(IMAGE) }, disks }));
    const broken = createServer(newer, { status: 200, body: Buffer.alloc(IMAGE.root.length) });
    const { ran, planned, edited } = await ranAndPlanned({
      images: [IMAGE, newer],
      disks,
      servers: { [SERVER]: broken },
    });
    expect(planned).toEqual(ran);
    expect(edited).toEqual([]);
  });

  it('where no server said in time what to boot, and the copy was booted', async () => {
    const disks = [userDataDisk()];
    await boot(bootHost({ images: [IMAGE], servers: { [SERVER]: createServer(IMAGE) }, disks }));
    const { ran, planned, edited } = await ranAndPlanned({
      images: [IMAGE],
      disks,
      servers: { [SERVER]: () => 'silent' },
    });
    expect(planned).toEqual(ran);
    expect(edited).toEqual([]);
    expect(planned).toContain('bundle: ask boot.lab:8080 what to boot');
  });

  it('where nobody had an image for this machine, and it failed', async () => {
    const machine = bootHost({ servers: { [SERVER]: () => ({ status: 404 }) } });
    expect(await boot(machine)).toBe(EXIT.rescue);
    const { ran, planned, edited } = await lookedAt(machine);
    expect(planned).toEqual(ran);
    expect(edited).toEqual([]);
    expect(planned.at(-1)).toBe('bundle: ask boot.lab:8080 what to boot');
  });

  it('where the root is a folder of a web server', async () => {
    const folder: Servers = {
      'http://files.lab': ({ url }) => {
        if (url.pathname === '/lab/manifest.json') return { body: IMAGE.manifestText };
        if (url.pathname === '/lab/manifest.json.sig') return { body: IMAGE.signature };
        return url.pathname === '/lab/root.squashfs' ? { body: IMAGE.root } : { status: 404 };
      },
    };
    const commandLine = 'root=http://files.lab/lab';
    const { ran, planned, edited } = await ranAndPlanned({ images: [IMAGE], servers: folder, commandLine });
    expect(planned).toEqual(ran);
    expect(edited).toEqual([]);
    expect(planned).toContain('bundle: ask files.lab what to boot');
  });

  it('where a bundle has its servers measured once more, and so does who goes on from there', async () => {
    const OTHER = 'http://b.lab';
    const commandLine = `statectl.server=${SERVER},${OTHER}`;
    const config = { 'controller/server/server.info.conf': 'choose: measured\n' };
    const made = bundled({ server: { choose: 'ordered' } }, { commandLine, config });
    const machine = bootHost({ ...made, servers: { ...made.servers, [OTHER]: () => 'refused' } as Servers });
    expect(await boot(machine)).toBe(EXIT.handOver);
    const { ran, planned, edited } = await lookedAt(machine);
    expect(planned).toEqual(ran);
    expect(edited).toEqual([]);
    const measures = (steps: readonly string[]) =>
      steps.filter((step) => step === 'bundle: measure boot.lab:8080, b.lab');
    expect(measures(planned)).toHaveLength(2);
    await machine.files.write(JOURNAL, '');
    expect(await boot(machine, { from: 'bundle' })).toBe(EXIT.handOver);
    const again = await lookedAt(machine);
    expect(again.planned.slice(-again.ran.length)).toEqual(again.ran);
    // The bundle is kept by now, and in force from the start.
    expect(measures(again.ran)).toHaveLength(1);
  });

  it('where the disk took no copy, and the image was booted from RAM', async () => {
    const machine = bootHost({ images: [IMAGE], servers: { [SERVER]: createServer(IMAGE) }, disks: [userDataDisk()] });
    const files = failing(machine, (path) => path.includes('/persistent/images/') && path.endsWith('manifest.json'));
    expect(await boot({ ...machine, files })).toBe(EXIT.handOver);
    const { ran, planned, edited } = await lookedAt(machine);
    expect(planned).toEqual(ran);
    expect(edited).toEqual([]);
    expect(planned.join('\n')).toContain('tmpfs on /run/initramfs/image');
  });

  it('where a person had it go on from a later phase', async () => {
    const machine = bootHost(bundled({ network: { dhcpMs: 7000 } }));
    const files = failing(machine, (path) => path.endsWith('/etc/machine-id'));
    expect(await boot({ ...machine, files })).toBe(EXIT.rescue);
    const before = (await lookedAt(machine)).ran.filter((step) => !/^(install|handover): /.test(step));
    await machine.files.write(JOURNAL, '');
    expect(await boot(machine, { from: 'install' })).toBe(EXIT.handOver);
    const { ran, planned, edited } = await lookedAt(machine);
    expect(planned).toEqual([...before, ...ran]);
    expect(edited).toEqual([]);
    expect(planned).toContain('network: DHCP on eth0 (up to 30 s)');
    // What was known before is told by the looks before: of that, no look of the later boot tells again.
    const { looks = [] } = JSON.parse(await machine.files.readText(FACTS)) as RecordedFacts;
    const later = looks
      .filter(({ phase }) => /^(install|handover)$/.test(phase))
      .flatMap(({ found }) => namesOf(found));
    const early = looks.filter(({ phase }) => phase === 'config').flatMap(({ found }) => namesOf(found));
    expect(early).toContain('config');
    expect(later.filter((name) => early.includes(name))).toEqual([]);
    expect(later).toContain('root.init');
  });
});

/** Of what a look found, group by group. */
const namesOf = (found: FoundFacts): readonly string[] =>
  Object.entries(found).flatMap(([name, part]) =>
    (GROUPS as readonly string[]).includes(name)
      ? Object.keys(Object(part)).map((field) => `${name}.${field}`)
      : [name],
  );

/** The machine's files, where writing one of these is an error of the disk. */
const failing = ({ files }: ReturnType<typeof bootHost>, isBad: (path: string) => boolean): typeof files => ({
  ...files,
  write: async (path, data, options) => {
    if (isBad(path)) throw Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' });
    return files.write(path, data, options);
  },
});

it('an error of the disk that has nothing to do with Python packages does not cost them', async () => {
  const wheel = Buffer.from('504b0304', 'hex');
  const machine = bootHost({
    images: [IMAGE],
    servers: { [SERVER]: createServer(IMAGE), 'http://files.lab': () => ({ body: wheel }) } as never,
    programs: {
      unzip: (argv) => (argv.includes('-l') ? '        4  01-01-1980 00:00   paho/__init__.py\n' : ''),
      chmod: () => '',
      find: () => '',
    },
    config: {
      'system/python.conf': `paho: { url: "http://files.lab/paho.whl", sha256: ${digestOf(wheel)}, services: [klipper] }\n`,
    },
  });
  const { write } = machine.files;
  let once = true;
  const files: typeof machine.files = {
    ...machine.files,
    write: async (path, data, options) => {
      if (once && path.endsWith('/etc/machine-id')) {
        once = false;
        throw Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' });
      }
      return write(path, data, options);
    },
  };
  expect(await boot({ ...machine, files })).toBe(EXIT.handOver);
  expect(await machine.files.readText('/sysroot/etc/systemd/system/klipper.service.d/statectl-python.conf')).toContain(
    'PYTHONPATH=',
  );
});
