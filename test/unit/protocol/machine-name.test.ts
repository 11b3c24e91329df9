import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryHost } from '../../../src/host/memory.ts';
import { issueCertificate } from '../../../src/identity/certificates/leaf-certificate.ts';
import { machineNameFault, SERVER_NAME } from '../../../src/protocol/machine-name.ts';
import { hostKeySigner } from '../../../src/server/machines/ssh-authority.ts';
import { placeAuthority } from '../../fixtures/identity/authority.ts';
import { newKey } from '../../fixtures/identity/certificates.ts';

const FOREIGN = [
  SERVER_NAME,
  'Server.StateCtl.INTERNAL',
  `${SERVER_NAME}.`,
  `a.${SERVER_NAME}`,
  'statectl.internal',
  '*.statectl.internal',
  '*',
  'print0?',
  'print01,server.statectl.internal',
  'print01\nserver.statectl.internal',
  'ſerver.statectl.internal',
  'a..b',
  '',
  '10.0.0.1',
  '10.1',
  '0x7f.1',
  '2130706433',
  '::1',
  '999.1.1.1',
  `${'a'.repeat(64)}.lab`,
  `${`${'a'.repeat(49)}.`.repeat(5)}abcd`,
  // No URL has them, for they end in a number and are no address: WHATWG URL, "ends in a number".
  '1.2.3.4.5',
  'a.1',
  'a.0x',
  'a.0xffff',
  '0xffffffffff',
  '99999999999999999999',
  '0.1',
];

it.each(FOREIGN)('no machine may be called %j', (name) => {
  expect(machineNameFault(name)).toBeTypeOf('string');
});

it.each([
  'print01',
  'Print01',
  'print_01',
  '07',
  '08',
  '009',
  '1234',
  'xn--drucker-1za.lab',
  'server.statectl.internal.example',
  '0a.lab',
  'mystatectl.internal',
  'a.b1',
  '1.a',
  // No URL has it either, for its "xn--" says nothing.
  '1.xn--a',
  `${`${'a'.repeat(49)}.`.repeat(5)}abc`,
])('a machine may be called %s', (name) => expect(machineNameFault(name)).toBeUndefined());

it('is the same for a name in whatever case', () => {
  const mixed = fc
    .constantFrom(...FOREIGN, 'print01', 'a.lab')
    .chain((name) =>
      fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }).map((ups) => ({ name, ups })),
    );
  fc.assert(
    fc.property(mixed, ({ name, ups }) => {
      const other = [...name]
        .map((letter, at) => (ups[at] && letter < '\x7f' ? letter.toUpperCase() : letter))
        .join('');
      expect(machineNameFault(other) === undefined).toBe(machineNameFault(name) === undefined);
    }),
  );
});

describe('the last line, where certificates are issued', () => {
  it.each([
    ['its node', { commonName: SERVER_NAME, dnsNames: ['print01'] }],
    ['a further name', { commonName: 'print01', dnsNames: ['print01', 'Server.StateCtl.Internal'] }],
    ['an address', { commonName: 'print01', dnsNames: ['print01', '10.0.0.1'] }],
    ['a wildcard', { commonName: 'print01', dnsNames: ['*.statectl.internal'] }],
  ])('refuses a machine a certificate for what is none of its names: %s', async (_, names) => {
    const ca = await placeAuthority(memoryHost({}), '/keys');
    const leaf = { publicKey: newKey(), ...names, role: 'machine' as const, notBeforeMs: 0, notAfterMs: 1e12 };
    await expect(issueCertificate(ca, leaf)).rejects.toMatchObject({ code: 'name-refused' });
  });

  it.each([
    [SERVER_NAME, []],
    ['print01', ['*']],
    ['print01', ['10.0.0.1']],
  ])('refuses a host key the principal %s with %j, before any program runs', async (node, names) => {
    const host = memoryHost({
      files: { '/state/keys/ssh_host_ca': 'key', '/state/keys/ssh_host_ca.pub': 'ssh-ed25519 AAAA' },
    });
    const ran: unknown[] = [];
    const exec = { run: async (argv: readonly string[]) => ran.push(argv) as never };
    const wish = { publicKey: `ssh-ed25519 ${'A'.repeat(68)}`, node, names, lifetimeMs: 1000 };
    await expect(hostKeySigner({ ...host, exec }, '/state')(wish)).rejects.toMatchObject({ code: 'name-refused' });
    expect(ran).toEqual([]);
  });
});
