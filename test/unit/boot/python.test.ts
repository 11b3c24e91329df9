import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { install } from '../../../src/boot/phases/install.ts';
import { IN_SYSROOT } from '../../../src/boot/roots.ts';
import { StatectlError } from '../../../src/error.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { withFound } from '../../../src/machine/facts/found-facts.ts';
import type { PythonFacts, PythonPackage } from '../../../src/machine/facts/python-facts.ts';
import { pythonArchives, pythonPackages } from '../../../src/machine/packages/python-packages.ts';
import { planPythonFetch, planPythonPackages, planPythonServices } from '../../../src/machine/packages/python-steps.ts';
import { machineHost } from '../../../src/machine/roots.ts';
import { applyStep, shellOf } from '../../../src/machine/steps/step.ts';
import { loadFiles, SHIPPED_FILES } from '../../fixtures/config.ts';
import { createFacts, USER_DATA_DISK } from '../../fixtures/facts.ts';

const STORE = '/run/initramfs/python';
const KEPT = '/user-data/persistent/statectl/python';
const [A, B] = ['aa'.repeat(32), 'bb'.repeat(32)];
const each = (name: string, sha256: string, more: Partial<PythonPackage> = {}): PythonPackage => ({
  name,
  sha256,
  format: 'zip',
  services: ['klipper'],
  ...more,
});
const factsWith = (packages: readonly PythonPackage[], rest: Partial<PythonFacts> = {}) => ({
  ...createFacts(),
  system: { python: { store: STORE, wanted: [], stale: [], packages, ...rest } },
});
const services = (facts: ReturnType<typeof factsWith>, serviceManager: 'systemd' | 'openrc') =>
  planPythonServices(facts, { ...createFacts().system.install!, serviceManager }).flatMap((step) =>
    step.kind === 'write' ? `${step.path}: ${step.content.replaceAll('\n', '|')}` : [],
  );

describe('the services of python.conf', () => {
  it('get two packages by a drop-in of systemd, in the order of the file', () => {
    expect(services(factsWith([each('one', A), each('two', B)]), 'systemd')).toEqual([
      '/etc/systemd/system/klipper.service.d/statectl-python.conf: [Service]|Environment=PYTHONPATH=/run/statectl/python/one:/run/statectl/python/two|',
    ]);
  });

  it('get the same package under two names once', () => {
    expect(services(factsWith([each('one', A), each('same', A)]), 'systemd')[0]).toMatch(/PYTHONPATH=\S+\/one\|$/);
  });

  it('get it by conf.d of OpenRC, after what the image says there', () => {
    const facts = factsWith([each('one', A)], { serviceSettings: { klipper: 'KLIPPER=1\n' } });
    expect(services(facts, 'openrc')).toEqual([
      '/etc/conf.d/klipper: KLIPPER=1|export PYTHONPATH=/run/statectl/python/one # by statectl|',
    ]);
  });
});

it('packages are unpacked, made read-only, and laid over one folder in one overlay', () => {
  const overlay = '/opt/extras';
  const steps = planPythonPackages(factsWith([each('one', A, { overlay }), each('two', B, { overlay })])).map(shellOf);
  expect(steps.filter((line) => line.startsWith('mount'))).toEqual([
    'mount -t tmpfs -o size=50%,mode=755,nosuid,nodev python /run/statectl/python',
    'mount -o remount,bind,ro,nosuid,nodev python /run/statectl/python',
    'mount -t overlay -o ro,lowerdir=/run/statectl/python/one:/run/statectl/python/two:/opt/extras python /opt/extras',
  ]);
  expect(steps.at(-1)).toBe("grep -qF ' /opt/extras overlay ro' /proc/mounts");
});

it('nothing is done where nothing is named', () => {
  expect([planPythonFetch(createFacts()), planPythonPackages(createFacts())]).toEqual([[], []]);
});

const ARCHIVE = Buffer.from('504b0304', 'hex');
const SHA = createHash('sha256').update(ARCHIVE).digest('hex');
const LISTING = '        4  01-01-1980 00:00   paho/__init__.py\n';
const CONF = `paho: { url: "http://files.lab/paho.whl", sha256: ${SHA}, services: [moonraker, moonraker], overlay: /opt/x }\n`;

/** What the two looks at the machine find, with what lies between them done. */
async function look(text: string, files: Record<string, Buffer>, answer: number | 'dead' = 200, disk = false) {
  const config = await loadFiles({ ...SHIPPED_FILES, 'system/python.conf': text });
  const warnings: string[] = [];
  const boot = { say: () => {}, warn: (line: string) => warnings.push(line), signal: new AbortController().signal };
  const servers = {
    'http://files.lab': () => {
      if (answer === 'dead') throw new StatectlError('http-failed', 'files.lab does not answer');
      return { status: answer, headers: { 'content-length': '4' }, body: ARCHIVE };
    },
  };
  const host = memoryHost({
    files: { '/sysroot/opt': { type: 'dir' }, ...files },
    programs: { unzip: () => LISTING },
    servers: servers as never,
  });
  const facts = { ...createFacts({ root: { blocks: disk ? [USER_DATA_DISK] : [] } }), config };
  const machine = machineHost(host, IN_SYSROOT);
  const archives = await pythonArchives(machine, facts, boot);
  const known = withFound(facts, { system: { python: archives } });
  const steps = planPythonFetch(known);
  for (const step of steps) await applyStep(step, host, boot);
  return { warnings, steps, archives, python: await pythonPackages(machine, known, boot) };
}

describe('a package', () => {
  it('is fetched, verified and known by what it is; the folder that it should lie over is missing', async () => {
    const { python, warnings } = await look(CONF, {});
    expect(python?.packages).toEqual([{ name: 'paho', sha256: SHA, format: 'zip', services: ['moonraker'] }]);
    expect(warnings).toEqual([expect.stringContaining('/opt/x is no folder of the image')]);
  });

  it('that is named twice is fetched once', async () => {
    const { steps, python } = await look(`${CONF}again: { url: "http://files.lab/b", sha256: ${SHA} }\n`, {});
    expect(steps.filter(({ kind }) => kind === 'fetch')).toHaveLength(1);
    expect(python?.packages?.map(({ name }) => name)).toEqual(['paho', 'again']);
  });

  it('that is kept on the disk needs no server, and what is named no more goes', async () => {
    const { steps, python } = await look(
      CONF,
      { [`/sysroot${KEPT}/${SHA}`]: ARCHIVE, [`/sysroot${KEPT}/${A}`]: ARCHIVE },
      'dead',
      true,
    );
    expect(steps.map(shellOf)).toEqual([`rm -rf ${KEPT}/${A}`]);
    expect(python?.packages).toHaveLength(1);
  });

  it.each<[string, number | 'dead', Record<string, Buffer>]>([
    ['whose server is off', 'dead', {}],
    ['that the server does not have', 404, {}],
    ['that was altered on this machine while its server is off', 'dead', { [`${STORE}/${SHA}`]: Buffer.from('x') }],
  ])('%s is a warning', async (_title, answer, files) => {
    const { python, warnings } = await look(CONF, files, answer);
    expect(python?.packages).toEqual([]);
    expect(warnings.at(-1)).toBe('the system goes without paho of python.conf: it is not on this machine');
  });

  it('whose bytes are others than python.conf says is a warning', async () => {
    const { python, warnings } = await look(CONF.replace(SHA, A), {});
    expect(python?.packages).toEqual([]);
    expect(warnings.join('\n')).toContain('python.conf says');
  });
});

it('a mount that fails costs the packages and not the boot', () => {
  const error = new StatectlError('mount-failed', 'no');
  const ofPackages = install.rounds.filter(({ plan }) => plan === planPythonFetch || plan === planPythonPackages);
  expect(ofPackages.map(({ instead }) => instead?.(error, factsWith([])))).toEqual([
    { system: { python: undefined, pythonFailed: true } },
    { system: { python: undefined, pythonFailed: true } },
  ]);
  expect(ofPackages.map(({ instead }) => instead?.(error, createFacts()))).toEqual([undefined, undefined]);
});
