import { expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { sayUnread } from '../../../../src/image/tree/unread-settings.ts';

it('says which programs of a tree would not read the settings of config.d, and is silent of the others', async () => {
  const host = memoryHost({
    files: {
      '/tree/etc/ssh/sshd_config': 'PasswordAuthentication yes\n',
      '/tree/etc/sudoers': { target: '/usr/share/sudoers' },
      '/tree/usr/share/sudoers': 'root ALL=(ALL) ALL\n',
      '/tree/etc/rsyslog.conf': 'include(file="/etc/rsyslog.d/*.conf")\n',
      '/usr/share/sudoers': '@includedir /etc/sudoers.d\n',
    },
  });
  await sayUnread(host, '/tree');
  expect(host.lines.map(({ level, text }) => [level, text.split(' of the tree')[0]])).toEqual([
    ['warning', '/etc/ssh/sshd_config'],
    ['warning', '/etc/sudoers'],
  ]);
});
