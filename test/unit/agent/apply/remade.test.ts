import { expect, it } from 'vitest';
import { systemStatus } from '../../../../src/agent/status.ts';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { createFacts } from '../../../fixtures/facts.ts';
import { createRecord, runningSystem } from '../../../fixtures/running-system.ts';

const VAR = '/run/statectl/upper/var/upper';
/** Seen through the overlay too, as the kernel shows them. */
const inVar = (files: Readonly<Record<string, Seed>>): Record<string, Seed> =>
  Object.fromEntries(
    Object.entries(files).flatMap(([path, seed]) => [
      [`${VAR}${path}`, seed],
      [`/var${path}`, seed],
    ]),
  );

async function lostPaths(files: Readonly<Record<string, Seed>>): Promise<readonly string[]> {
  const host = runningSystem({ record: createRecord(createFacts()), files });
  const { changes = [] } = await systemStatus(host, 'for changes');
  return changes.flatMap((report) => report.changes.map(({ path }) => path));
}
const system = { ...inVar({ '/log': { type: 'dir' }, '/lib': { type: 'dir' } }) };
const image = Object.fromEntries(
  ['/log', '/lib'].map((path) => [`/run/statectl/image/var${path}`, { type: 'dir' } as const]),
);

it('what a fresh boot of systemd, OpenRC or a DHCP client leaves is no loss', async () => {
  const files = {
    ...system,
    ...image,
    '/etc/mtab': { target: '../proc/self/mounts' },
    '/etc/.updated': '#',
    '/etc/resolv.conf.dhclient-new.42': '',
    ...inVar({
      '/.updated': '#',
      '/log/journal/0123/system.journal': 'x'.repeat(1000),
      '/log/wtmp': 'x',
      '/log/kern.log.1': 'x',
      '/lib/systemd/random-seed': 'x',
      '/lib/systemd/linger': { type: 'dir' },
      '/lib/systemd/timers/stamp-fstrim.timer': '',
      '/lib/systemd/catalog/database': 'x',
      '/lib/dhcp/dhclient.eth0.leases': 'lease {}',
      '/lib/urandom/random-seed': 'x',
    }),
  } as const;
  expect(await lostPaths(files)).toEqual([]);
});

it('what the image has systemd-tmpfiles make is no loss, but for what was put into it', async () => {
  const files = {
    ...system,
    ...image,
    '/usr/lib/tmpfiles.d/spool.conf':
      '# a package\nd /var/lib/spooler 0755 root root -\nf+ /var/lib/spooler.state - - - -\nC /var/lib/samples - - - -\n',
    ...inVar({
      '/lib/spooler/job.gcode': 'G28',
      '/lib/spooler.state': '0',
      '/lib/samples/one': '1',
      '/lib/other.state': '1',
    }),
  } as const;
  expect(await lostPaths(files)).toEqual(['/var/lib/other.state', '/var/lib/spooler/job.gcode']);
});

it('a file that somebody wrote beside those is one', async () => {
  const files = { ...system, ...image, ...inVar({ '/log/printer.log': 'x', '/lib/systemd/linger/ada': '' }) };
  expect(await lostPaths(files)).toEqual(['/var/lib/systemd/linger/ada', '/var/log/printer.log']);
});

it('nor is it one that the boot took a service’s link away or made a folder, but what is in the folder is', async () => {
  const facts = createFacts({ config: { users: { users: { ada: {} }, groups: {} } } as never });
  const record = { ...createRecord(facts), folders: ['/etc/made'] };
  const host = runningSystem({
    record: { ...record, wrote: [...record.wrote, '/etc/gone'] },
    files: { '/run/statectl/image/etc/gone': 'x', '/etc/made/mine': 'x', '/etc/passwd': 'x' },
  });
  const { changes = [] } = await systemStatus(host, 'for changes');
  expect(changes.flatMap((report) => report.changes.map(({ path }) => path))).toEqual(['/etc/made/mine']);
  expect(record.wrote).toContain('/etc/passwd');
});
