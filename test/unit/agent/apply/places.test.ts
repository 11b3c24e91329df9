import { describe, expect, it } from 'vitest';
import { boundBelowUserData, placeStatus, placesToScan } from '../../../../src/agent/apply/places.ts';
import { parseMountInfo } from '../../../../src/host/kernel/mount-table.ts';
import { createFacts, USER_DATA_DISK } from '../../../fixtures/facts.ts';
import { createRecord } from '../../../fixtures/running-system.ts';

const mounts = (...lines: string[]) => parseMountInfo(lines.map((line) => `1 0 0:1 ${line}\n`).join(''));
const overlays = {
  '/var': { kind: 'overlay', upper: 'persistent', size: '50%' },
  '/srv': { kind: 'bind', source: '/user-data/persistent/srv', missing: 'ram', options: [] },
  '/opt': { kind: 'symlink', target: 'srv/opt' },
} as const;
const withDisk = createRecord(createFacts({ config: { overlays, tmpfs: {} }, root: { blocks: [USER_DATA_DISK] } }));
const diskless = createRecord(createFacts({ config: { overlays, tmpfs: {} } }));

describe('what a reboot takes with it', () => {
  it('is nothing that lies on the disk, nor a link', () => {
    expect(placesToScan(withDisk)).toEqual([]);
  });

  it('is without a disk all of it, also what should have been on the disk', () => {
    expect(placesToScan(diskless).map(({ mountPoint, kind }) => `${kind} ${mountPoint}`)).toEqual([
      'bind /srv',
      'overlay /var',
      'tmpfs /user-data',
    ]);
  });

  it('compares a bind in RAM with what seeded it', () => {
    expect(placesToScan(diskless)[0]).toMatchObject({ image: '/run/statectl/image/srv' });
  });
});

describe('a place', () => {
  it('whose changes are on the disk names their directory', () => {
    const [status] = placeStatus(withDisk, mounts('/ /var rw - overlay overlay rw,lowerdir=/x')).filter(
      ({ mountPoint }) => mountPoint === '/var',
    );
    expect(status).toMatchObject({ persistent: true, source: '/user-data/persistent/var/upper' });
  });

  it('whose changes are in RAM has the limit of the file system that holds them', () => {
    const both = mounts('/ /run/statectl/upper/var rw - tmpfs tmpfs rw,size=1024k', '/ /var rw - overlay overlay rw');
    expect(placeStatus(diskless, both)).toContainEqual(
      expect.objectContaining({ mountPoint: '/var', limitBytes: 2 ** 20 }),
    );
  });

  it('that is covered by another mount shows that one', () => {
    const both = mounts('/ /srv rw - tmpfs user-data rw', '/ /srv rw - ext4 /dev/sdb1 rw');
    expect(placeStatus(diskless, both)).toContainEqual(
      expect.objectContaining({ mountPoint: '/srv', source: '/dev/sdb1' }),
    );
  });
});

it('a directory of /user-data that is bound elsewhere is known by its file system', () => {
  const table = mounts(
    '/ /user-data rw - tmpfs user-data rw',
    '/persistent/srv /srv rw - tmpfs user-data rw',
    '/ /tmp rw - tmpfs tmpfs rw',
  );
  expect(boundBelowUserData(table)).toEqual(['/user-data/persistent/srv']);
});
