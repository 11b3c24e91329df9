import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import { linuxHost } from '../../src/host/linux/host.ts';
import { memoryHost } from '../../src/host/memory.ts';
import { IMAGE_MOUNT } from '../../src/machine/paths.ts';
import { findMainFiles } from '../../src/machine/services/find-main-files.ts';
import { knownHostsLine, sshAuthority } from '../../src/server/machines/ssh-authority.ts';
import { createFacts } from '../fixtures/facts.ts';
import { freePort } from '../fixtures/free-port.ts';
import { bootMachine, type Machine } from './lab/machine.ts';
import { type ServedImages, serveImages } from './lab/serve-images.ts';

const UUID = '11111111-2222-3333-4444-000000000008';

describe('a diskless Debian whose record trusts the network', () => {
  let dir: string;
  let server: ServedImages;
  let vm: Machine;
  let port: number;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-ssh-'));
    await cp('config.d', join(dir, 'config.d'), { recursive: true });
    await writeFile(
      join(dir, 'config.d/nodes/print08.conf'),
      `match: { uuid: ${UUID} }
set:
  identity: { trust: network, names: [printer.lab.test] }
  users:
    users:
      ada: { uid: 1500, groups: [adm, printers], authorizedKeys: ["${await makeKey('ada')}"] }
    groups: { printers: { gid: 1700 } }
  services:
    services:
      systemd-resolved: disabled
      getty@tty1: disabled
      systemd-update-utmp-runlevel: disabled
      rsyslogg: enabled
  ssh:
    userAuthorities: ["${await makeKey('authority')}"]
    principals: { root: [lab-admin] }
`,
    );
    await makeKey('admin');
    const sign = ['-q', '-s', join(dir, 'authority'), '-I', 'admin', '-n', 'lab-admin', '-V', '-1d:+1d'];
    await execa('ssh-keygen', [...sign, join(dir, 'admin.pub')]);
    server = await serveImages('tiny', { config: join(dir, 'config.d'), enrols: true });
    const authority = await sshAuthority(linuxHost(), server.state);
    await writeFile(join(dir, 'known_hosts'), `${knownHostsLine(authority, '*.lab.test,print08')}\n`);
    port = await freePort();
    vm = await bootMachine({
      uuid: UUID,
      nics: [{ netdev: `user,hostfwd=tcp:127.0.0.1:${port}-:22` }],
      disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }],
      cmdline: `root=/dev/vda ip=dhcp statectl.server=${server.guestUrl}`,
    });
    await vm.console(/login: /);
    await vm.run('systemctl is-system-running --wait || true');
  });
  afterAll(async () => {
    await vm[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  /** Without a passphrase; gives the public line. */
  const makeKey = async (name: string): Promise<string> => {
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(dir, name)]);
    return (await readFile(join(dir, `${name}.pub`), 'utf8')).trim();
  };
  const ssh = (name: string, ...words: string[]) =>
    execa(
      'ssh',
      [
        ...['-F', '/dev/null', '-p', String(port), '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes'],
        ...['-o', `HostKeyAlias=${name}`, '-o', `UserKnownHostsFile=${join(dir, 'known_hosts')}`],
        ...['-o', 'GlobalKnownHostsFile=/dev/null', '-o', 'ConnectTimeout=60', '-o', 'IdentitiesOnly=yes', ...words],
      ],
      { reject: false },
    );
  /** What the client says on the way to a login that nobody has. */
  const connect = async (name: string) => (await ssh(name, '-v', 'nobody@127.0.0.1', 'true')).stderr;

  test.each(['print08', 'printer.lab.test'])('is known to ssh as %s by the authority alone', async (name) => {
    const said = await connect(name);
    expect(said).toMatch(
      new RegExp(`Host '${name.replaceAll('.', '\\.')}' is known and matches the \\S+-CERT host certificate`),
    );
    expect(said).toContain('Permission denied');
    expect(said).not.toMatch(/REMOTE HOST IDENTIFICATION|authenticity of host/);
  });

  test('is not known by a name that is another’s', async () => {
    expect(await connect('other.lab.test')).toContain('Host key verification failed');
  });

  test('lets in who has a key, with the account and the groups of config.d', async () => {
    const { stdout, stderr } = await ssh(
      'print08',
      '-i',
      join(dir, 'ada'),
      'ada@127.0.0.1',
      'id; stat -c "%a %U" ~; ls -a',
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^uid=1500\(ada\) gid=1500\(ada\) groups=1500\(ada\),4\(adm\),1700\(printers\)\n700 ada\n/);
    expect(stdout).toContain('.bashrc');
  });

  test('lets in as root whom the authority signed for it, and nobody else', async () => {
    const asAdmin = ['-i', join(dir, 'admin'), '-o', `CertificateFile=${join(dir, 'admin-cert.pub')}`];
    expect((await ssh('print08', ...asAdmin, 'root@127.0.0.1', 'id -u')).stdout).toBe('0');
    expect((await ssh('print08', '-i', join(dir, 'ada'), 'root@127.0.0.1', 'true')).stderr).toContain(
      'Permission denied',
    );
    expect(await vm.run('stat -c "%a %G" /etc/shadow; grep ^ada: /etc/shadow | cut -d: -f2')).toBe('640 shadow\n!');
  });

  test('finds statectl in a session that is no login', async () => {
    const asAdmin = ['-i', join(dir, 'admin'), '-o', `CertificateFile=${join(dir, 'admin-cert.pub')}`];
    const { stdout, stderr } = await ssh('print08', ...asAdmin, 'root@127.0.0.1', 'statectl status --no-changes');
    expect({ stderr, stdout }).toEqual({ stderr: '', stdout: expect.stringContaining('kept at a reboot') });
    expect(stdout).toContain(
      'services: rsyslogg is not enabled: the system has no unit rsyslogg.service; did you mean rsyslog.service?',
    );
  });

  test('starts nothing that is disabled, wherever its image wants it', async () => {
    for (const unit of ['systemd-resolved', 'getty@tty1', 'systemd-update-utmp-runlevel'])
      expect(
        await vm.run(`echo "[$(systemctl show -P WantedBy ${unit})] $(systemctl show -P ActiveState ${unit})"`),
      ).toBe('[] inactive');
    expect(await vm.run('systemctl is-active rsyslog')).toBe('active');
  });

  test('has OpenSSH read its settings first, whatever the sshd_config of an image has', async () => {
    const key = '/run/statectl/ssh/ssh_host_key';
    for (const main of [
      'PasswordAuthentication yes\n',
      'PermitRootLogin yes\nInclude /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication yes\n',
      'Match User git\n  Include sshd_config.d/*.conf\n',
      'include "sshd_config.d/*.conf"\nPasswordAuthentication yes\n',
    ]) {
      const tree = { '/usr/sbin/sshd': 'OpenSSH_9.2', '/etc/ssh/sshd_config': main };
      const files = Object.fromEntries(Object.entries(tree).map(([path, text]) => [IMAGE_MOUNT + path, text]));
      const { mainFiles = {} } = await findMainFiles(memoryHost({ files }), createFacts(), { warn: () => {} });
      const text = Buffer.from(mainFiles['/etc/ssh/sshd_config'] ?? main).toString('base64');
      const said = await vm.run(
        `echo ${text} | base64 -d > /run/sshd_config.test && sshd -T -C user=ada,host=x,addr=192.0.2.1 -f /run/sshd_config.test`,
      );
      expect(said).toContain('passwordauthentication no\n');
      expect(said).toContain(`hostkey ${key}\n`);
    }
  });

  test('takes a command of `node run`: the server knows where it is, and by which authority', async () => {
    const run = (...words: string[]) =>
      execa(
        process.execPath,
        [
          ...['src/main.ts', 'node', 'run', 'print08', '--config', join(dir, 'config.d'), '--state', server.state],
          ...['--ssh-option', `Port=${port}`, '--ssh-option', 'IdentitiesOnly=yes', '--json', ...words],
        ],
        { reject: false },
      );
    const asRoot = ['--user', 'root', '--identity', join(dir, 'admin')];
    const { stdout, exitCode } = await run(...asRoot, '--', 'echo $(id -u) on $(hostname); echo why >&2; exit 3');
    expect(JSON.parse(stdout)).toMatchObject([
      { node: 'print08', exitCode: 3, stdout: '0 on print08\n', stderr: expect.stringContaining('why\n') },
    ]);
    expect(exitCode).toBe(1);
    const [other] = JSON.parse((await run('--user', 'root', '--identity', join(dir, 'ada'), '--', 'true')).stdout);
    expect(other).toMatchObject({ exitCode: 255, firstLine: expect.stringContaining('Permission denied') });
  });

  test('has its key in RAM, and nothing failed', async () => {
    expect(await vm.run('stat -c %a /run/statectl/ssh/ssh_host_key; systemctl --failed --no-legend')).toBe('600');
    expect(await vm.run('/run/statectl/rt/statectl status --no-changes | grep ^identity')).toContain(
      'its presence on the network only',
    );
  });
});
