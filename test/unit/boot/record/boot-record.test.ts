import { describe, expect, it } from 'vitest';
import { createFacts, USER_DATA_DISK } from '../../../fixtures/facts.ts';
import { createRecord } from '../../../fixtures/running-system.ts';

describe('the record of a boot', () => {
  it('names every file that the boot wrote, as the running system finds it', () => {
    const { wrote } = createRecord(createFacts({ root: { blocks: [USER_DATA_DISK] } }));
    expect(wrote).toEqual(
      expect.arrayContaining([
        '/etc/machine-id',
        '/etc/resolv.conf',
        '/run/statectl/bin/statectl',
        '/user-data/persistent/statectl/machine-id',
      ]),
    );
    expect(wrote.filter((path) => path.startsWith('/sysroot'))).toEqual([]);
  });

  it('says where the running system finds the changes of an overlay', () => {
    const overlays = {
      '/var': { kind: 'overlay', upper: 'persistent', size: '50%' },
      '/srv': { kind: 'overlay', upper: 'ram', size: '50%' },
    } as const;
    const { places } = createRecord(createFacts({ config: { overlays }, root: { blocks: [USER_DATA_DISK] } }));
    expect(places).toContainEqual({
      mountPoint: '/var',
      kind: 'overlay',
      persistent: true,
      upper: '/user-data/persistent/var/upper',
      lower: '/run/statectl/image/var',
    });
    expect(places).toContainEqual({
      mountPoint: '/srv',
      kind: 'overlay',
      persistent: false,
      upper: '/run/statectl/upper/srv/upper',
      lower: '/run/statectl/image/srv',
    });
  });

  it('leaves out a place that is a link in the image', () => {
    const { places } = createRecord(createFacts({ root: { tree: { paths: { '/usr/tmp': 'symlink' } } } }));
    expect(places.map(({ mountPoint }) => mountPoint)).not.toContain('/usr/tmp');
  });

  it('has the phases of earlier tries, and names those that a person left out', () => {
    const earlier = {
      phases: [{ name: 'cmdline', startedMs: 1, tookMs: 1, steps: 0 } as const],
      warnings: ['DEGRADED'],
      failures: [],
    };
    const facts = createFacts();
    const record = createRecord(facts, earlier);
    expect(record.skipped).toEqual([]);
    expect(record.warnings).toEqual(['DEGRADED']);
    // This try ran the phase again, so its own time counts.
    expect(record.phases[0]).toEqual({ name: 'cmdline', startedMs: 2000, tookMs: 10, steps: 0 });
  });
});
