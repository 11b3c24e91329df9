import { describe, expect, it } from 'vitest';
import { reloadService, reloadSshd, tellReaders } from '../../../../src/agent/apply/tell-services.ts';
import type { Programs } from '../../../../src/host/memory/exec.ts';
import { memoryHost } from '../../../../src/host/memory.ts';

const failing = (...lines: readonly string[]): Programs => {
  const answer = (argv: readonly string[]) =>
    lines.includes(argv.join(' ')) ? { exitCode: 1, stderr: 'noise\nUnit not found.\n' } : undefined;
  return { systemctl: answer, 'rc-service': answer };
};

describe('a service whose files changed', () => {
  it('is reloaded by systemd when it runs', async () => {
    const host = memoryHost({ programs: failing() });
    expect(await reloadService(host, 'systemd', 'nginx')).toBeUndefined();
    expect(host.commands).toEqual(['systemctl try-reload-or-restart nginx']);
  });

  it('is reloaded by OpenRC, or restarted when it cannot be', async () => {
    const host = memoryHost({ programs: failing('rc-service --ifstarted nginx reload') });
    expect(await reloadService(host, 'openrc', 'nginx')).toBeUndefined();
    expect(host.commands).toEqual(['rc-service --ifstarted nginx reload', 'rc-service --ifstarted nginx restart']);
  });

  it('that cannot be told is named with the reason, also where there is no such program', async () => {
    const host = memoryHost({ programs: failing('systemctl try-reload-or-restart nginx') });
    expect(await reloadService(host, 'systemd', 'nginx')).toBe('Unit not found.');
    expect(await reloadService(memoryHost(), 'openrc', 'nginx')).toContain('rc-service');
  });
});

describe('sshd', () => {
  it('is called ssh by Debian, and sshd elsewhere', async () => {
    const host = memoryHost({ programs: failing('systemctl try-reload-or-restart ssh.service') });
    expect(await reloadSshd(host, 'systemd')).toBeUndefined();
    expect(host.commands.at(-1)).toBe('systemctl try-reload-or-restart sshd.service');
    const debian = memoryHost({ programs: failing('rc-service --ifstarted sshd reload') });
    expect(await reloadSshd(debian, 'openrc')).toBeUndefined();
    expect(debian.commands).toEqual(['rc-service --ifstarted ssh reload']);
    expect(await reloadSshd(memoryHost(), 'openrc')).toContain('rc-service');
  });
});

describe('who reads files only when told', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['units', ['/etc/systemd/system/a.service'], ['systemctl daemon-reload']],
    ['a drop-in in RAM', ['/run/systemd/system/a.service.d/x.conf'], ['systemctl daemon-reload']],
    ['settings of sshd', ['/etc/ssh/sshd_config.d/10-statectl.conf'], ['systemctl try-reload-or-restart ssh.service']],
    ['anything else', ['/etc/motd', '/etc/systemd/timesyncd.conf', '/etc/ssh/ssh_config'], []],
  ])('is told of %s', async (_title, paths, commands) => {
    const host = memoryHost({ programs: failing() });
    expect(await tellReaders(host, 'systemd', paths)).toEqual([]);
    expect(host.commands).toEqual(commands);
  });

  it('is nobody in a system that has neither systemd nor OpenRC', async () => {
    expect(await tellReaders(memoryHost(), undefined, ['/etc/systemd/system/a.service'])).toEqual([]);
  });
});
