import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statectlEnv } from '../../../../src/image/initramfs/statectl-env.ts';
import { createConfig } from '../../../fixtures/config.ts';
import { sized } from '../../../fixtures/effort.ts';

/** What /init has after `. /etc/statectl.env`. */
function read(text: string): Record<string, string> {
  const names = text.split('\n').flatMap((line) => /^(STATECTL_\w+)=/.exec(line)?.[1] ?? []);
  const output = execFileSync(
    'sh',
    ['-eu', '-c', `${text}\nprintf '%s\\0' ${names.map((name) => `"$${name}"`).join(' ')}`],
    { encoding: 'utf8', env: {} },
  );
  return Object.fromEntries(names.map((name, index) => [name, output.split('\0')[index] ?? '']));
}

const fstab = (source: string) => ({ '/user-data': { source, type: 'auto', options: [], missing: 'ignore' } as const });

describe('/etc/statectl.env', () => {
  it('tells /init what it must know of config.d', () => {
    expect(
      read(statectlEnv(createConfig({ rescue: { countdownMs: 90_500 } }), ['loop', 'squashfs'], ['dhcpcd', 'fsck'])),
    ).toMatchObject({
      STATECTL_LOADER_MODULES: 'loop squashfs',
      STATECTL_TOOL_SETS: 'dhcpcd fsck',
      STATECTL_ACCESS: 'open',
      STATECTL_COUNTDOWN: '91',
      STATECTL_UNATTENDED: 'reboot',
      STATECTL_ATTEMPTS: '5',
      STATECTL_USER_DATA: 'LABEL=user-data',
    });
  });

  it('names no disk where the config names none', () => {
    expect(read(statectlEnv(createConfig({ fstab: {} }), [], []))).toMatchObject({
      STATECTL_USER_DATA: '',
      STATECTL_LOADER_MODULES: '',
    });
  });

  it('keeps a password hash as it is, though it is full of dollars', () => {
    const access = '$6$rounds=5000$salt/.$Wqz9mJ1yq0gX8kTz3bFvN2pLr5sD7hC4eA6uI8oP0yTnMx';
    expect(read(statectlEnv(createConfig({ rescue: { access } }), [], []))).toMatchObject({ STATECTL_ACCESS: access });
  });

  it('means what the config says, whatever is in a label', () => {
    const label = fc.string({ unit: fc.constantFrom(...'a \'"\\$`;&|<>*?#!~=%\n\tü'), minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(label, (text) => {
        expect(read(statectlEnv(createConfig({ fstab: fstab(`LABEL=${text}`) }), [], []))).toMatchObject({
          STATECTL_USER_DATA: `LABEL=${text}`,
        });
      }),
      { numRuns: sized(12, 200) },
    );
  });
});
