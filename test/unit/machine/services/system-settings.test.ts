import { describe, expect, it } from 'vitest';
import { planSystemSettings } from '../../../../src/machine/services/system-settings.ts';
import { shellOf } from '../../../../src/machine/steps/step.ts';
import { loadFiles, SHIPPED_FILES } from '../../../fixtures/config.ts';
import { createFacts } from '../../../fixtures/facts.ts';

/** The steps that these files lead to, as path and content. */
async function stepsFor(
  files: Readonly<Record<string, string>>,
  serviceManager?: 'systemd' | 'openrc',
  node?: string,
): Promise<readonly string[]> {
  const config = await loadFiles({ ...SHIPPED_FILES, ...files });
  const bundle = node === undefined ? {} : { bundle: { inForce: { node } as never } };
  const facts = { ...createFacts(), config, ...bundle };
  const install = {
    machineId: '',
    machineIdOrigin: 'random',
    usesNetworkd: true,
    usesIfupdown: false,
    hasResolvConf: 'file',
    hosts: '127.0.0.1 localhost\n::1 localhost\n',
  } as const;
  return planSystemSettings(facts, { ...install, ...(serviceManager && { serviceManager }) }).map((step) =>
    step.kind === 'write' ? `${step.path}: ${step.content.replaceAll('\n', '|')}` : shellOf(step),
  );
}

describe('the settings of the system', () => {
  it('lead to nothing where nothing is said', async () => {
    expect(await stepsFor({}, 'systemd')).toEqual([]);
  });

  it('name the machine as its node is named', async () => {
    expect(await stepsFor({}, 'systemd', 'print01')).toEqual([
      '/etc/hostname: print01|',
      '/etc/hosts: 127.0.0.1 localhost|::1 localhost|127.0.1.1 print01|',
    ]);
  });

  it('name it as etc.conf says, and it finds itself and the others by name', async () => {
    const text = 'hostname: print01.lab.example\nhosts: { 192.168.7.2: [files.lab.example, files] }';
    expect(await stepsFor({ 'system/etc.conf': text }, 'systemd', 'other')).toEqual([
      '/etc/hostname: print01.lab.example|',
      '/etc/hosts: 127.0.0.1 localhost|::1 localhost|127.0.1.1 print01.lab.example print01|192.168.7.2 files.lab.example files|',
    ]);
  });

  it('say the language and the time zone in the files of Debian and systemd', async () => {
    expect(await stepsFor({ 'system/etc.conf': 'locale: de_DE.UTF-8\ntimezone: Europe/Berlin' }, 'systemd')).toEqual([
      '/etc/locale.conf: LANG=de_DE.UTF-8|',
      'mkdir -p -m 0755 /etc/default',
      '/etc/default/locale: LANG=de_DE.UTF-8|',
      '/etc/timezone: Europe/Berlin|',
      'ln -sfT /usr/share/zoneinfo/Europe/Berlin /etc/localtime',
    ]);
  });

  it('load modules, and never others', async () => {
    expect(
      await stepsFor({ 'system/boot.conf': 'modules: { load: [goodix_ts], never: [pcspkr] }' }, 'systemd'),
    ).toEqual([
      'mkdir -p -m 0755 /etc/modules-load.d',
      '/etc/modules-load.d/statectl.conf: goodix_ts|',
      'mkdir -p -m 0755 /etc/modprobe.d',
      '/etc/modprobe.d/statectl.conf: blacklist pcspkr|',
    ]);
  });
});
