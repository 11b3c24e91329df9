import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import { makeCertificate } from '../fixtures/identity/certificates.ts';
import { type InitramfsFile, initramfsWith } from '../fixtures/vm/images/initramfs.ts';
import { type SyslogServer, syslogServer } from '../fixtures/vm/network/syslog-server.ts';
import { bootMachine, type Machine } from './lab/machine.ts';

/** A folder that the image has and that is read-only. */
const LAID_OVER = '/usr/share/dbus-1';

describe('a machine with Python packages and somebody who listens to it', () => {
  let dir: string;
  let web: Server;
  let listener: Socket;
  let heard = '';
  let syslog: TcpServer;
  let logged = '';
  let trusted: SyslogServer;
  let stranger: SyslogServer;
  let misnamed: SyslogServer;
  let pushed = '';
  let initramfs: InitramfsFile;
  let vm: Machine;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-python-'));
    await mkdir(join(dir, 'tree'));
    await writeFile(join(dir, 'tree/extra.py'), 'ANSWER = 42\n');
    await execa('tar', ['-czf', join(dir, 'extra.tar.gz'), '-C', join(dir, 'tree'), 'extra.py']);
    await execa('tar', [
      '-cf',
      join(dir, 'evil.tar'),
      '-P',
      '--transform',
      's#.*#../../evil#',
      join(dir, 'tree/extra.py'),
    ]);
    web = createServer(async (request, response) => {
      if (request.method === 'POST') {
        pushed += `${request.url}\n`;
        for await (const chunk of request) pushed += chunk;
        return void response.writeHead(202).end();
      }
      const body = await readFile(join(dir, request.url ?? '')).catch(() => undefined);
      if (body === undefined) return void response.writeHead(404).end();
      response.writeHead(200, { 'content-length': body.length }).end(body);
    });
    await new Promise<void>((listening) => web.listen(0, '127.0.0.1', listening));
    listener = createSocket('udp4');
    listener.on('message', (message) => {
      heard += message.toString();
    });
    await new Promise<void>((bound) => listener.bind(0, '127.0.0.1', bound));
    syslog = createTcpServer((socket) => {
      socket.on('data', (data) => {
        logged += data.toString();
      });
      socket.on('error', () => undefined);
    });
    await new Promise<void>((listening) => syslog.listen(0, '127.0.0.1', listening));
    const lab = await makeCertificate({ name: 'lab' });
    const [log, foreign] = await Promise.all([
      makeCertificate({ name: 'log', names: ['log.lab.test'], issuer: lab, isAuthority: false }),
      makeCertificate({ name: 'log', names: ['log.lab.test'] }),
    ]);
    [trusted, stranger, misnamed] = await Promise.all([syslogServer(log), syslogServer(foreign), syslogServer(log)]);
    const at = `http://10.0.2.2:${(web.address() as AddressInfo).port}`;
    const sumOf = async (name: string) =>
      createHash('sha256')
        .update(await readFile(join(dir, name)))
        .digest('hex');
    initramfs = await initramfsWith({
      'config.d/controller/cpython.conf': `extra:
  url: ${at}/extra.tar.gz
  sha256: ${await sumOf('extra.tar.gz')}
  services: [klipper]
  overlay: ${LAID_OVER}
evil: { url: "${at}/evil.tar", sha256: ${await sumOf('evil.tar')}, services: [klipper] }
gone: { url: "${at}/gone.tar", sha256: "${'0'.repeat(64)}" }
`,
      'config.d/controller/clogging.conf': `netconsole: 10.0.2.2:${(listener.address() as AddressInfo).port}
metrics: { textfile: /var/lib/node_exporter, push: "${at}/gateway" }
syslog:
  lab: { to: "10.0.2.2:${(syslog.address() as AddressInfo).port}", protocol: tcp }
  trusted: { to: "log.lab.test:${trusted.port}" }
  stranger: { to: "log.lab.test:${stranger.port}" }
  misnamed: { to: "other.lab.test:${misnamed.port}" }
`,
      'config.d/controller/cetc.conf': 'hosts: { 10.0.2.2: [log.lab.test, other.lab.test] }\n',
      'config.d/controller/cidentity.conf': `authorities: [${JSON.stringify(lab.pem)}]\n`,
    });
    vm = await bootMachine({
      initramfs: initramfs.file,
      disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }],
      cmdline: 'root=/dev/vda ip=dhcp',
    });
    await vm.console(/login: /);
    await vm.run('systemctl is-system-running --wait || true');
  });
  afterAll(async () => {
    await vm[Symbol.asyncDispose]();
    await initramfs[Symbol.asyncDispose]();
    web.close();
    listener.close();
    syslog.close();
    for (const each of [trusted, stranger, misnamed]) await each[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  test('has the package read-only, on the path of its service', async () => {
    expect(await vm.run('cat /run/statectl/python/extra/extra.py')).toBe('ANSWER = 42');
    await expect(vm.run('echo > /run/statectl/python/extra/more')).rejects.toThrow('Read-only file system');
    expect(await vm.run('cat /etc/systemd/system/klipper.service.d/*.conf')).toContain(
      'PYTHONPATH=/run/statectl/python/extra',
    );
  });

  test('has it over a folder of the image too', async () => {
    expect(await vm.run(`cat ${LAID_OVER}/extra.py; ls ${LAID_OVER} | wc -l`)).toMatch(/^ANSWER = 42\n([2-9]|\d{2,})$/);
    await expect(vm.run(`echo > ${LAID_OVER}/more`)).rejects.toThrow('Read-only file system');
  });

  test('goes without one that would leave its folder, and one that nobody has, and says so', async () => {
    const record = await vm.run('cat /run/statectl/boot.json');
    expect(record).toMatch(/evil of python\.conf: .*(leaves its folder|begins with)/);
    expect(record).toMatch(/gone\.tar of python\.conf is not fetched: .*404/);
    expect(await vm.run('ls -d /run/evil /run/statectl/evil 2>&1 | grep -c "No such"')).toBe('2');
  });

  test('tells node_exporter of its boot, and the kernel tells the network', async () => {
    expect(await vm.run('cat /var/lib/node_exporter/statectl.prom')).toMatch(
      /^statectl_boot_phase_seconds\{phase="mount"\} [\d.]+$/m,
    );
    expect(pushed).toMatch(/^\/gateway\/metrics\/job\/statectl\/instance\/52%3A54%3A00%3A12%3A34%3A56\n/);
    expect(pushed).toMatch(/^statectl_boot_info\{/m);
    await vm.run('echo "canary of netconsole" > /dev/kmsg');
    await expect.poll(() => heard).toContain('canary of netconsole');
    expect(await vm.run('systemctl --failed --no-legend')).toBe('');
  });

  test('sends the messages of its system on, whole', async () => {
    await vm.run(`logger -t canary 'of "syslog"; and; more'`);
    // RFC 6587: its length; RFC 5424: priority, version, time, host, application.
    await expect.poll(() => logged).toMatch(/\d+ <13>1 \d{4}-\S+ \S+ canary - - - +of "syslog"; and; more/);
  });

  test('sends them by TLS to whom an authority of config.d vouches for, and to nobody else', async () => {
    await vm.run("logger -t canary 'by TLS'");
    await trusted.message(/^<13>1 \d{4}-\S+ \S+ canary - - - +by TLS\n?$/);
    await Promise.all([stranger.left(), misnamed.left()]);
    expect([stranger.bytes, misnamed.bytes]).toEqual([0, 0]);
  });
});
