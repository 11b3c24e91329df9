import { describe, expect, it } from 'vitest';
import type { InstallFacts } from '../../../../src/machine/facts/system-facts.ts';
import { hostsText, planKernelHostname, planNames } from '../../../../src/machine/services/names.ts';
import { createFacts, createLease } from '../../../fixtures/facts.ts';

const INSTALL: InstallFacts = {
  ...{ machineId: 'x', machineIdOrigin: 'derived', usesNetworkd: false, usesIfupdown: false, hasResolvConf: 'file' },
};
const lines = (image: string | undefined, name?: string, imageName?: string) =>
  hostsText(image, {}, name, imageName).split('\n').slice(0, -1);

describe('/etc/hosts', () => {
  it('has localhost for both families and the own name where the image has no file', () => {
    expect(lines(undefined, 'print01.lab')).toEqual([
      '127.0.0.1 localhost',
      '::1 localhost ip6-localhost ip6-loopback',
      '127.0.1.1 print01.lab print01',
    ]);
    expect(lines('', 'localhost')).toHaveLength(2);
  });

  it('keeps what the image says of others, comments too, and changes the line of the own name', () => {
    const image =
      '# ours\n127.0.0.1\tlocalhost\n127.0.1.1 golden.lab golden\n::1 localhost ip6-localhost\n\n10.0.0.9 files # the share\n';
    expect(lines(image, 'print01')).toEqual([
      ...['# ours', '127.0.0.1\tlocalhost', '::1 localhost ip6-localhost', '127.0.1.1 print01', ''],
      '10.0.0.9 files # the share',
    ]);
  });

  it('calls the machine by the name of the image no more, where that stands beside localhost', () => {
    const image = '127.0.0.1 golden localhost golden.lab # made by an installer\n::1 golden\nfe00::0 ip6-localnet\n';
    expect(lines(image, 'print01', 'golden')).toEqual([
      '127.0.0.1 localhost # made by an installer',
      '::1 localhost ip6-localhost ip6-loopback',
      '127.0.1.1 print01',
      'fe00::0 ip6-localnet',
    ]);
  });

  it('keeps the names of the loopback, whatever the image is called, and takes no comment for one', () => {
    const fedoras = [
      '127.0.0.1   localhost localhost.localdomain localhost4 localhost4.localdomain4',
      '::1         localhost localhost.localdomain localhost6 localhost6.localdomain6',
    ];
    for (const imageName of ['localhost', 'localhost.localdomain'])
      expect(lines(`${fedoras.join('\n')}\n`, 'print01', imageName)).toEqual([...fedoras, '127.0.1.1 print01']);
    expect(lines('127.0.0.1\tloop # not localhost\n::1 localhost\n')).toContain('127.0.0.1 localhost');
    expect(lines('127.0.0.1\tlocalhost#mine\n::1 localhost\n')).toHaveLength(2);
  });

  it.each(['192.0.2.7', '2001:db8::7'])(
    'has the own name at %s where config.d says so, and nowhere else',
    (address) => {
      const others = { [address]: ['print01.lab', 'print01'] };
      const text = hostsText('127.0.0.1 localhost golden\n127.0.1.1 golden\n', others, 'print01', 'golden');
      expect(text.split('\n').filter((line) => line.includes('print01'))).toEqual([`${address} print01.lab print01`]);
    },
  );

  it('is as it is when it is made anew, and keeps a name that the image itself has', () => {
    const once = hostsText('127.0.0.1 localhost\n', { '10.0.0.9': ['files'] }, 'a.b', undefined);
    expect(hostsText(once, {}, 'a.b', undefined)).toBe(once);
    expect(lines('127.0.0.1 localhost golden\n::1 localhost\n', 'golden', 'golden')).toContain(
      '127.0.0.1 localhost golden',
    );
  });
});

describe('the name of the machine', () => {
  const written = (lease: string | undefined, install: Partial<InstallFacts>) => {
    const facts = createFacts({ network: { leases: [createLease(lease === undefined ? {} : { hostname: lease })] } });
    const steps = [
      ...planNames(facts, { ...INSTALL, ...install }),
      ...planKernelHostname(facts, { ...INSTALL, ...install }),
    ];
    return Object.fromEntries(
      steps.flatMap((step) =>
        step.kind === 'write'
          ? [[step.path, step.content]]
          : step.kind === 'kernel-setting'
            ? [['kernel', step.value]]
            : [],
      ),
    );
  };

  it('of DHCP is in /etc/hosts as one of config.d would be, and the kernel has it', () => {
    expect(written('lab-17', { serviceManager: 'systemd' })).toEqual({
      '/etc/hosts': expect.stringContaining('127.0.1.1 lab-17\n'),
      kernel: 'lab-17',
    });
  });

  it('is localhost where nobody says one and the init would leave it (none): systemd has it so itself', () => {
    expect(written(undefined, {})).toMatchObject({ '/etc/hostname': 'localhost\n', kernel: 'localhost' });
    expect(written(undefined, { serviceManager: 'openrc' })).toMatchObject({ kernel: 'localhost' });
    expect(written(undefined, { serviceManager: 'systemd' })).not.toHaveProperty('kernel');
  });

  it('is that of the image where it has one, and no name is given to the kernel that it would refuse', () => {
    expect(written(undefined, { imageHostname: 'golden' })).toEqual({
      '/etc/hosts': expect.stringContaining('127.0.1.1 golden\n'),
      kernel: 'golden',
    });
    expect(written('x'.repeat(65), {})).not.toHaveProperty('kernel');
  });
});
