import { zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { logs } from '../../../../src/commands/machine/logs.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { tarHeader, tarPadding } from '../../../../src/signed/plain-tar.ts';

const DIR = '/user-data/persistent/logs';

/** As the way down writes it. */
const tar = (members: Readonly<Record<string, string>>): Buffer =>
  Buffer.concat([
    ...Object.entries(members).flatMap(([name, text]) => [
      tarHeader(name, Buffer.byteLength(text)),
      Buffer.from(text),
      Buffer.alloc(tarPadding(Buffer.byteLength(text))),
    ]),
    Buffer.alloc(1024),
  ]);

const STOP = tar({ 'dmesg.txt': '[ 0.1] the kernel\n', 'var/log/syslog': 'x'.repeat(3000) });

const machine = (mounts = '/dev/vda1 /user-data ext4 rw 0 0\n') =>
  memoryHost({
    files: {
      '/proc/mounts': mounts,
      [`${DIR}/boot-000012.log`]: 'statectl begins\n',
      [`${DIR}/boot-000011.failed.txt`]: 'no disk\n',
      [`${DIR}/stop-000012.tar.zst`]: zstdCompressSync(STOP),
      [`${DIR}/stop-000013.tar`]: STOP.subarray(0, 1100),
    },
  });

describe('statectl logs', () => {
  let printed = '';
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  afterEach(() => {
    printed = '';
    stdout.mockClear();
  });

  it('lists what is kept, the oldest first', async () => {
    await logs(machine(), []);
    expect(printed).toMatch(
      /^BOOT {2}WHAT +WRITTEN +BYTES {2}FILE\n11 +a boot that failed .*\n12 +boot .*\n12 +way down /,
    );
    expect(printed.endsWith(`in ${DIR}\n`)).toBe(true);
  });

  it('gives the same as JSON', async () => {
    await logs(machine(), ['list', '--json']);
    expect(JSON.parse(printed)).toMatchObject({ dir: DIR, kept: [{ number: 11, kind: 'failed' }, {}, {}, {}] });
  });

  it('shows the texts of a boot, and what its way down kept', async () => {
    await logs(machine(), ['show', '12']);
    expect(printed).toBe(
      '# boot-000012.log\nstatectl begins\n\n# stop-000012.tar.zst\ndmesg.txt       18\nvar/log/syslog  3000\n',
    );
  });

  it('shows one file of a way down, by its path in the system too', async () => {
    await logs(machine(), ['show', '12', '/var/log/syslog']);
    expect(printed).toBe('x'.repeat(3000));
  });

  it('finds them in the rescue shell, where the disk is elsewhere', async () => {
    const host = machine('/dev/vda1 /run/initramfs/user-data ext4 rw 0 0\n');
    await host.files.mkdir('/run/initramfs/user-data/persistent');
    await host.files.rename(DIR, '/run/initramfs/user-data/persistent/logs');
    await logs(host, ['show', '11']);
    expect(printed).toContain('no disk');
  });

  it.each([
    ['no such boot', ['show', '99'], 'log-unknown'],
    ['no such file', ['show', '12', 'shadow'], 'log-unknown'],
    ['a boot without a way down', ['show', '11', 'syslog'], 'log-unknown'],
    ['no number', ['show', 'last'], 'usage'],
    ['no command', ['shwo'], 'usage'],
    ['one that is cut', ['show', '13'], 'log-damaged'],
  ])('says so where there is %s', async (_title, words, code) => {
    await expect(logs(machine(), words)).rejects.toMatchObject({ code, hint: expect.any(String) });
  });

  it('says so where no disk has logs', async () => {
    await expect(logs(machine('tmpfs /user-data tmpfs rw 0 0\n'), [])).rejects.toMatchObject({ code: 'logs-nowhere' });
  });
});
