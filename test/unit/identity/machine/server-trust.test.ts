import { describe, expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { bakedAuthorities, serverTrust } from '../../../../src/identity/machine/server-trust.ts';

const SERVER_NAME = 'server.statectl.internal';

describe('a machine believes', () => {
  it('whom the builder baked in, and whom server.info.conf names, for the name of every server', () => {
    const all = { serverName: SERVER_NAME };
    for (const name of ['common'] as const) {
      expect(serverTrust('B\n', [], name)).toStrictEqual({ ...all, caPem: 'B\n', machineAuthoritiesPem: 'B\n' });
      expect(serverTrust('B\n', ['C', ' D\n\n'], name)).toStrictEqual({
        ...{ ...all, caPem: 'B\nC\nD\n', machineAuthoritiesPem: 'B\n' },
      });
      expect(serverTrust(undefined, ['C'], name)).toStrictEqual({ ...all, caPem: 'C\n' });
      expect(() => serverTrust(undefined, [], name)).toThrow(expect.objectContaining({ code: 'no-authority' }));
    }
  });

  it('for the host in its URL those alone whom server.info.conf names', () => {
    expect(serverTrust('B\n', ['C', 'D'], 'host')).toStrictEqual({ caPem: 'C\nD\n', machineAuthoritiesPem: 'B\n' });
    expect(serverTrust(undefined, ['C'], 'host')).toStrictEqual({ caPem: 'C\n' });
    for (const baked of ['B\n', undefined])
      expect(() => serverTrust(baked, [], 'host')).toThrow(expect.objectContaining({ code: 'no-authority' }));
  });

  it('all authorities in the initramfs, and nothing else that lies there', async () => {
    const files = {
      '/etc/trust/ca.pem': 'A\n',
      '/etc/trust/next-ca.pem': 'B\n',
      '/etc/trust/builder.image.pem': 'C\n',
    };
    expect(await bakedAuthorities(memoryHost({ files }))).toBe('A\nB\n');
    expect(await bakedAuthorities(memoryHost({ files: { '/etc/trust/builder.image.pem': 'C\n' } }))).toBeUndefined();
    expect(await bakedAuthorities(memoryHost())).toBeUndefined();
  });
});
