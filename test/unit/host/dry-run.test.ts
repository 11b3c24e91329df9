import { expect, it } from 'vitest';
import { memoryHost } from '../../../src/host/memory.ts';
import { dryRunHost } from '../../fixtures/hosts/dry-run.ts';

function setUp(onlyLooks?: (argv: readonly string[]) => boolean) {
  const machine = memoryHost({
    files: { '/etc/motd': 'hello\n' },
    programs: { blkid: () => '/dev/sda1\n', mkfs: () => '' },
    servers: () => ({ body: 'served' }),
  });
  const lines: string[] = [];
  return { machine, lines, host: dryRunHost(machine, (line) => lines.push(line), onlyLooks) };
}

it('prints every effect as the command it stands for, and does none of them', async () => {
  const { machine, lines, host } = setUp();
  await host.files.mkdir('/new/dir', 0o700);
  await host.files.mkdir('/usual');
  await host.files.write('/etc/motd', "it's\nnew\n", { mode: 0o644 });
  await host.files.append('/var/log/x', 'line\n');
  await host.files.write('/blob', new Uint8Array([0, 255]));
  await host.files.symlink('../run', '/var/run');
  await host.files.chmod('/etc/motd', 0o640);
  await host.files.rename('/etc/motd', '/etc/old motd');
  await host.files.remove('/etc/motd');
  await host.exec.run(['mkfs', '-L', 'my disk', '/dev/sda1'], { env: { TZ: 'UTC' }, cwd: '/tmp' });
  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "mkdir -p -m 0700 /new/dir
    mkdir -p /usual
    printf %s 'it'\\''s
    new
    ' > /etc/motd
    chmod 0644 /etc/motd
    printf %s 'line
    ' >> /var/log/x
    echo AP8= | base64 -d > /blob
    ln -s ../run /var/run
    chmod 0640 /etc/motd
    mv -T /etc/motd '/etc/old motd'
    rm -rf /etc/motd
    cd /tmp && TZ=UTC mkfs -L 'my disk' /dev/sda1"
  `);
  expect(machine.calls).toEqual([]);
});

it('lets reads through, which see nothing of the effects', async () => {
  const { host } = setUp();
  await host.files.write('/etc/motd', 'changed');
  await host.files.remove('/etc');
  expect(await host.files.readText('/etc/motd')).toBe('hello\n');
  expect((await host.http.request('http://server/')).status).toBe(200);
});

it('never shows what is private, and only counts what is long', async () => {
  const { lines, host } = setUp();
  await host.files.write('/etc/key', 'very secret', { mode: 0o600 });
  await host.files.write('/image', 'x'.repeat(5000));
  await host.exec.run(['chpasswd'], { input: 'root:very secret' });
  await host.http.request('http://me:secret@server/report', { method: 'POST', body: 'very secret' });
  {
    await using stream = await host.files.appendStream('/download');
    await stream.write(new Uint8Array(3000));
    await stream.write(new Uint8Array(3000));
  }
  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "cat > /etc/key  # 11 bytes, private
    chmod 0600 /etc/key
    cat > /image  # 5000 bytes
    chpasswd  # 16 bytes to its standard input
    curl --data-binary @- http://server/report  # 11 bytes
    cat >> /download  # 6000 bytes"
  `);
});

it('runs programs that only look, and lets the others seem to succeed', async () => {
  const { machine, lines, host } = setUp(([program]) => program === 'blkid');
  expect((await host.exec.run(['blkid'])).stdout).toBe('/dev/sda1\n');
  expect(await host.exec.run(['mkfs'])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  expect(machine.commands).toEqual(['blkid']);
  expect(lines).toEqual(['mkfs']);
});
