import { expect, it } from 'vitest';
import type { HostFacts } from '../../../../../src/server/admin/adopt/host-facts.ts';
import { hostRemarks } from '../../../../../src/server/admin/adopt/host-remarks.ts';
import { findInstances } from '../../../../../src/server/admin/adopt/instances.ts';

const FACTS: HostFacts = {
  ...{ hostname: 'voron', identity: '', system: '', arch: '', timezone: '', user: 'pi', group: 'pi', home: '/home/pi' },
  ...{
    macs: [],
    programs: new Set<string>(),
    realPaths: new Map<string, string>(),
    environments: [],
    folders: ['/home/pi/printer_data'],
  },
  units: [
    {
      path: '/etc/systemd/system/klipper.service',
      text: '[Service]\nExecStart=/p /k/klippy.py /home/pi/printer_data/config/printer.cfg\n',
    },
    { path: '/etc/systemd/system/moonraker-obico.service', text: '' },
    { path: '/etc/systemd/system/my-lights.service', text: '' },
    { path: '/etc/systemd/system/klipper.service.d/nice.conf', text: '' },
    { path: '/lib/systemd/system/klipper.service', text: '' },
  ],
  links: [{ path: '/home/pi/klipper/klippy/extras/x.py', target: '../../x.py' }],
  crontab: '# comment\n@daily /home/pi/backup.sh\n\n',
  others: [
    { kind: 'network', name: '/etc/dhcpcd.conf' },
    { kind: 'backup', name: '/home/pi/config_backup' },
    { kind: 'account', name: 'pi' },
    { kind: 'account', name: 'lisa' },
    { kind: 'of another version', name: 'x' },
  ],
};

it('names each thing that stays at the host, with the reason that is its own', () => {
  const remarks = hostRemarks(FACTS, findInstances(FACTS));
  expect(remarks.map(({ what, why }) => `${what}: ${why.split(':')[0]}`)).toEqual([
    '/etc/systemd/system/klipper.service: the unit of a printer',
    '/etc/systemd/system/moonraker-obico.service: a companion',
    '/etc/systemd/system/my-lights.service: a service of the old system',
    '/etc/systemd/system/klipper.service.d/nice.conf: somebody edited klipper with it',
    '/home/pi/klipper/klippy/extras/x.py: an extra, a link to ../../x.py',
    'crontab of pi: @daily /home/pi/backup.sh: jobs of cron are of the old system',
    '/etc/dhcpcd.conf: settings of its network, with its passwords',
    '/home/pi/config_backup: a backup of the config with a history of its own, and with what lets it push (.env)',
    'account pi: its password and keys stay there',
    'account lisa: accounts and their keys are of users.conf in config.d',
  ]);
});
