import { expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { removeSecret } from '../../../../src/server/admin/secrets.ts';
import { serverState } from '../../../../src/server/admin/server-state.ts';

const VOLUME = {
  ...{ node: 'print01', resource: 'voron.database', port: 7901, minor: 101 },
  fileSystem: '11111111-2222-4333-8444-555555555555',
};

it('the secret of a volume is not forgotten while the volume is there: neither side would reach the other', async () => {
  const secret = '/srv/secrets/drbd.voron.database.age';
  const host = memoryHost({
    files: {
      '/srv/images': { type: 'dir' },
      '/srv/state/voron/line/database/volume.json': JSON.stringify(VOLUME),
      [secret]: 'age-encryption.org/v1\n',
    },
  });
  await expect(removeSecret(serverState('/srv', host), 'drbd.voron.database')).rejects.toMatchObject({
    code: 'secret-used',
    message: 'drbd.voron.database is the secret of the volume voron.database of print01',
  });
  expect(await host.files.stat(secret)).toBeDefined();
});
